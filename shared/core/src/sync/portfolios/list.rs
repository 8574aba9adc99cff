//! Listing a user's portfolios.

use super::response;
use crate::error::Error;
use crate::id::UserId;
use crate::log::{Entry, PortfolioKey};
use crate::portfolio::{Portfolio, Window};
use crate::store::Store;
use crate::wire::v1::PortfolioResponse;
use crate::wire::v2::{PortfolioList, PortfolioSummary};
use futures_util::stream::{self, StreamExt, TryStreamExt};

/// How many portfolios of a list are read at the same time.
const CONCURRENT_READS: usize = 16;

/// Lists the user's portfolios with their documents, sorted by id; leaves out deleted ones.
pub async fn list_v1<S: Store>(store: &S, user: &UserId) -> Result<Vec<PortfolioResponse>, Error> {
    each_living(store, user, async |key, name| {
        let mut window = Window::read_newest(Portfolio::new(store, &key), 1).await?;
        let Ok(head) = window.living_head().cloned() else {
            return Ok(None);
        };
        let document = window.document_at(head.version).await?;
        Ok(Some(response(&key, name, &head, document)))
    })
    .await
}

/// Lists the user's portfolios, sorted by id; leaves out deleted ones.
pub async fn list_v2<S: Store>(store: &S, user: &UserId) -> Result<PortfolioList, Error> {
    let portfolios = each_living(store, user, async |key, name| {
        let window = Window::read_newest(Portfolio::new(store, &key), 1).await?;
        let head = window.living_head().ok();
        Ok(head.map(|head| PortfolioSummary::new(&key, name, head)))
    })
    .await?;
    Ok(PortfolioList { portfolios })
}

/// Returns the results of `show` for the key and name of each of the user's portfolios, without those for which it
/// returns `None`, because they are deleted.
async fn each_living<S: Store, T, F: Future<Output = Result<Option<T>, Error>>>(
    store: &S,
    user: &UserId,
    show: impl Fn(PortfolioKey, String) -> F,
) -> Result<Vec<T>, Error> {
    let entries = store.entries(user).await?;
    let show = |entry: Entry| {
        let key = PortfolioKey {
            user: user.clone(),
            portfolio: entry.portfolio,
        };
        show(key, entry.name)
    };
    let shown = stream::iter(entries).map(show).buffered(CONCURRENT_READS);
    shown.try_filter_map(async |found| Ok(found)).try_collect().await
}
