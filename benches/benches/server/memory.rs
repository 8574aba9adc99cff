//! Measures memory after many syncs of a large document.

use crate::client::{Api, Phone};
use crate::{Failure, Plan};
use coinolio_local::server::Server;
use coinolio_tests::portfolio::Size;

/// Prints the process's resident memory after a few and after many v1 syncs of a 100 KB document. The process
/// contains functions, gateway, store and client.
pub(crate) async fn measure(server: &Server, plan: Plan) -> Result<(), Failure> {
    println!("\nMemory of the process after v1 syncs of one field of a 100 KB document:");
    let mut phone = Phone::create(Api::new(server, "memory")?, "memory", Size::Large).await?;
    let mut first = None;
    let mut done = 0;
    for syncs in plan.syncs {
        while done < syncs {
            phone.sync().await?;
            done += 1;
        }
        let Some(kilobytes) = resident_kilobytes() else {
            println!("  not available on this system");
            return Ok(());
        };
        let first = *first.get_or_insert(kilobytes);
        let growth = 100.0 * (kilobytes / first - 1.0);
        println!("  after {syncs:5} syncs: {:.1} MB, {growth:+.1} %", kilobytes / 1024.0);
    }
    Ok(())
}

/// Returns `VmRSS` of `/proc/self/status` (Linux, proc(5)).
fn resident_kilobytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
