//! What happened to a portfolio, and undoing it.

use crate::Call;
use coinolio_aws::http::Reply;
use coinolio_core::Error;
use coinolio_core::portfolio::Portfolio;
use coinolio_core::store::Devices;
use coinolio_core::sync::{Answered, ConflictId, DeviceNames};
use coinolio_core::wire::v2::{
    DEFAULT_HISTORY_LIMIT, KeepMineRequest, MAX_HISTORY_LIMIT, PortfolioSummary, RestoreRequest,
};

pub(crate) async fn read_history(call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let query = call.request.query()?;
    let before = query.version("before")?;
    let limit = query
        .whole("limit", 1..=MAX_HISTORY_LIMIT)?
        .unwrap_or(DEFAULT_HISTORY_LIMIT);
    let devices = call.log.devices(&key.user).await?.into_iter();
    let names: DeviceNames = devices
        .filter_map(|device| Some((device.id, device.profile.name?)))
        .collect();
    let answered = Portfolio::new(&call.log, &key).history(before, limit, &names).await?;
    Ok(Reply::ok(&answered.answer)?.with(answered.report))
}

pub(crate) async fn compare_versions(call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let query = call.request.query()?;
    let (from, to) = (query.required_version("from")?, query.required_version("to")?);
    let answered = Portfolio::new(&call.log, &key).compare(from, to).await?;
    Ok(Reply::ok(&answered.answer)?.with(answered.report))
}

pub(crate) async fn restore_version(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let expected = call.request.expected()?;
    let request = RestoreRequest::from_json(&call.request.document()?)?;
    let received = call.request.received;
    head(
        Portfolio::new(&call.log, &key)
            .restore(&mut call.backoff, request, expected.as_deref(), received)
            .await?,
    )
}

pub(crate) async fn keep_mine(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let lost = ConflictId {
        version: call.request.number("version")?,
        index: call.request.number("index")?,
    };
    let request = KeepMineRequest::from_json(&call.request.optional_document()?)?;
    let received = call.request.received;
    head(
        Portfolio::new(&call.log, &key)
            .keep_mine(&mut call.backoff, lost, request, received)
            .await?,
    )
}

fn head(answered: Answered<PortfolioSummary>) -> Result<Reply, Error> {
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}
