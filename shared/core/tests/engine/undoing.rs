//! Helpers that restore, keep-mine and delete, and that sync devices afterwards.

use crate::fixture::{
    Attempts, Watched, body, everything, main_in, minute, portfolio, rebased, send, set, sync, value, wire,
};
use coinolio_core::error::{Code, Error};
use coinolio_core::json::Value;
use coinolio_core::log::{Kind, Version};
use coinolio_core::store::Store;
use coinolio_core::sync::{Answered, ConflictId};
use coinolio_core::wire::v1;
use coinolio_core::wire::v2::{KeepMineRequest, PortfolioSummary, RestoreRequest};
use pollster::block_on;
use serde_json::json;

/// Restores `version` on behalf of `device`. The request is received at minute `at`.
pub(crate) fn restore_as<L: Store>(
    log: &L,
    version: Version,
    device: Option<&str>,
    expected: Option<&[Version]>,
    at: u32,
) -> Result<Answered<PortfolioSummary>, Error> {
    let request = RestoreRequest::from_json(&value(&json!({"version": version, "device_id": device})))?;
    block_on(main_in(log).restore(&mut Attempts(3), request, expected, minute(at)))
}

/// Restores `version` and returns the head from the answer.
pub(crate) fn restore<L: Store>(log: &L, version: Version, at: u32) -> Result<PortfolioSummary, Error> {
    restore_as(log, version, None, None, at).map(|answered| answered.answer)
}

/// Brings back the losing value of a conflict, for a device on neither side. The request is received at minute `at`.
pub(crate) fn keep_mine<L: Store>(
    log: &L,
    version: Version,
    index: u64,
    at: u32,
) -> Result<Answered<PortfolioSummary>, Error> {
    keep_mine_of(log, version, index, &json!({"device_id": "car"}), at)
}

/// Sends a keep-mine with this body. The request is received at minute `at`.
pub(crate) fn keep_mine_of<L: Store>(
    log: &L,
    version: Version,
    index: u64,
    body: &serde_json::Value,
    at: u32,
) -> Result<Answered<PortfolioSummary>, Error> {
    let request = KeepMineRequest::from_json(&value(body))?;
    let conflict = ConflictId { version, index };
    block_on(main_in(log).keep_mine(&mut Attempts(3), conflict, request, minute(at)))
}

/// Deletes the portfolio at minute `at`.
pub(crate) fn delete_portfolio<L: Store>(log: &L, at: u32) {
    block_on(main_in(log).delete(&mut Attempts(3), minute(at))).unwrap();
}

/// Returns the error's code of a request that must be refused, and asserts that it changed nothing.
pub(crate) fn refused<T: std::fmt::Debug>(log: &Watched, result: impl FnOnce() -> Result<T, Error>) -> Code {
    let before = everything(&log.log);
    let error = result().expect_err("the request was not refused");
    assert_eq!(everything(&log.log), before, "a refused request changes nothing");
    error.code
}

/// Returns the number of appends among the requests since the last call.
pub(crate) fn appends(log: &Watched) -> usize {
    log.requests().iter().filter(|request| **request == "append").count()
}

/// Returns the newest change's kind.
pub(crate) fn head_kind(log: &Watched) -> Kind {
    everything(&log.log).last().unwrap().kind
}

/// Syncs a v1 device's document, received at minute `at`. Returns the version and the document of the answer.
pub(crate) fn sync_document(
    log: &Watched,
    device: &str,
    version: Version,
    document: &serde_json::Value,
    at: u32,
) -> Result<(Version, serde_json::Value), Error> {
    let body = json!({"client_data": document, "client_version": version, "device_id": device, "last_sync_at": null});
    let request = v1::SyncRequest::from_json(value(&body))?;
    let answered = block_on(main_in(log).sync_v1(&mut Attempts(3), request, minute(at)))?;
    let answer = wire(&answered.answer);
    let mut data = answer["data"].clone();
    data.as_object_mut().unwrap().remove("metadata");
    Ok((answer["version"].as_u64().unwrap(), data))
}

/// Returns the document of a v2 device at version `base` after a pull.
pub(crate) fn pulled(log: &Watched, device: &str, base: Version, at: u32) -> Value {
    let pull = body(device, &format!("{device}-pull-{at}"), base, &[], at);
    let answered = send(log, &pull, at).unwrap();
    rebased(&log.log, &pull, &answered.answer)
}

/// Returns a log whose version 3 recorded a conflict of two amounts: the phone's `2.0` won, so the tablet's `3.0` is
/// the losing value.
pub(crate) fn conflict() -> Watched {
    let log = portfolio();
    let amount = |amount: &str, at| [set("assets.btc.amount", amount, at)];
    sync(&log, &body("phone", "p", 1, &amount("2.0", 8), 9), 9);
    let met = sync(&log, &body("tablet", "t", 1, &amount("3.0", 7), 10), 10);
    assert_eq!(met.report.conflicts, 1);
    log.requests();
    log
}
