//! Measures v1 syncs on one connection, and the share of their time that the store needs.

use crate::client::{Api, Phone};
use crate::events::Events;
use crate::{Failure, Plan};
use coinolio_benches::measure::Spread;
use coinolio_benches::table::Table;
use coinolio_local::server::Server;
use coinolio_tests::portfolio::Size;
use std::time::Instant;

/// Prints how many syncs of one field per second one connection completes.
pub(crate) async fn measure(server: &Server, events: &Events, plan: Plan) -> Result<(), Failure> {
    println!("\nv1 sync of one changed field, one connection:");
    let mut table = Table::new(["document", "syncs/s", "in the store, %"]);
    for size in [Size::Medium, Size::Large] {
        let id = format!("v1-{}", size.bytes());
        let mut phone = Phone::create(Api::new(server, "v1")?, &id, size).await?;
        let (mut rates, mut shares) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            events.forget();
            let start = Instant::now();
            let mut syncs = 0_u32;
            while start.elapsed() < plan.turn {
                phone.sync().await?;
                syncs += 1;
            }
            let took = start.elapsed().as_secs_f64();
            rates.push(f64::from(syncs) / took);
            shares.push(100.0 * events.waited_for_the_store().as_secs_f64() / took);
        }
        table.row([
            size.as_str().to_owned(),
            format!("{:.0}", Spread::of(rates)),
            format!("{:.0}", Spread::of(shares)),
        ]);
    }
    println!("{table}");
    println!("In the store: share of a sync's time between sending requests to the store and having read its answers.");
    Ok(())
}
