//! What happened to a portfolio, and undoing it.

use coinolio_aws::http::Reply;
use coinolio_aws::invocation::Call;
use coinolio_core::Error;
use coinolio_core::devices::Devices;
use coinolio_core::sync::{self, Answered, DeviceNames, Lost};
use coinolio_core::wire::v2::{
    DEFAULT_HISTORY_LIMIT, KeepMineRequest, MAX_HISTORY_LIMIT, PortfolioHead, RestoreRequest,
};

pub(crate) async fn history(call: Call) -> Result<Reply, Error> {
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
    let answered = sync::history(&call.log, &key, before, limit, &names).await?;
    Ok(Reply::ok(&answered.answer)?.with(answered.report))
}

pub(crate) async fn compare(call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let query = call.request.query()?;
    let (from, to) = (query.required_version("from")?, query.required_version("to")?);
    let answered = sync::compare(&call.log, &key, from, to).await?;
    Ok(Reply::ok(&answered.answer)?.with(answered.report))
}

pub(crate) async fn restore(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let expected = call.request.expected()?;
    let request = RestoreRequest::from_json(&call.request.document()?)?;
    let received = call.request.received;
    head(
        sync::restore(
            &call.log,
            &mut call.backoff,
            &key,
            request,
            expected.as_deref(),
            received,
        )
        .await?,
    )
}

pub(crate) async fn keep_mine(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let lost = Lost {
        version: call.request.number("version")?,
        index: call.request.number("index")?,
    };
    let request = KeepMineRequest::from_json(&call.request.optional_document()?)?;
    let received = call.request.received;
    head(sync::keep_mine(&call.log, &mut call.backoff, &key, lost, request, received).await?)
}

fn head(answered: Answered<PortfolioHead>) -> Result<Reply, Error> {
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}
