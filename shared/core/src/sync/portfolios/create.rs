//! Creating a portfolio.

use super::{fingerprint, prepare, response};
use crate::error::{Code, Error};
use crate::id::{PortfolioId, UserId};
use crate::json::Value;
use crate::log::{Change, Draft, Entry, Extent, Kind, Patch, PortfolioKey};
use crate::store::{Appended, Directory};
use crate::sync::report::{Answered, Report};
use crate::time::Timestamp;
use crate::wire::v1::{CreateRequest, PortfolioResponse};

/// Creates a portfolio at version 1; `default_id` is its id if the request has none.
///
/// # Errors
/// Already exists, also if the portfolio with that id was deleted; data that is too large (413) or nests too deep
/// (422).
pub async fn create<S: Directory>(
    store: &S,
    user: &UserId,
    request: CreateRequest,
    default_id: PortfolioId,
    received: Timestamp,
) -> Result<Answered<PortfolioResponse>, Error> {
    let CreateRequest {
        name,
        mut data,
        device_id,
        id,
    } = request;
    prepare(&mut data)?;
    let key = PortfolioKey {
        user: user.clone(),
        portfolio: id.unwrap_or(default_id),
    };
    let patch = Patch::between(&Value::empty_object(), &data, received);
    let draft = Draft {
        verbatim: device_id.is_some(),
        device_id,
        fingerprint: Some(fingerprint("create", &data, received)),
        ..Draft::on(None, Extent::EMPTY, Kind::Created, patch, received)
    };
    let entry = Entry::new(key.portfolio.clone(), name, received);
    if let Appended::Occupied(occupant) = store.create(&key, &entry, &draft).await? {
        // An earlier attempt of the same request may have succeeded without an answer.
        if occupant.fingerprint != draft.fingerprint {
            return Err(Error::new(
                Code::AlreadyExists,
                "there already is a portfolio with this id",
            ));
        }
    }
    let report = Report {
        patch_bytes: draft.patch_bytes,
        ..Report::of_read(&data)
    };
    let answer = response(&key, entry.name, &Change::from(draft), data.into());
    Ok(Answered { answer, report })
}
