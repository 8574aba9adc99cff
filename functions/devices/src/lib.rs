//! `/api/v2/devices`: which devices a user has, and which of them counts in a conflict (design sections 4 and 5).

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{Call, serve};
use coinolio_aws::routes::Operation;
use coinolio_core::devices::{Described, Devices};
use coinolio_core::wire::devices::{DeviceList, DeviceRecord, profile};
use coinolio_core::{Code, Error};

/// Answers one event of the routes
///
/// - `GET /api/v2/devices`;
/// - `GET`, `PUT` (201 with `Location` where it makes the device) and `DELETE` (204) of `/api/v2/devices/{device_id}`.
///
/// Devices register themselves by their syncs: the `sync` function does that. Refusals are problem documents.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<Reply, Error> {
    match call.operation {
        Operation::ListDevices => list(call).await,
        Operation::ReadDevice => read(call).await,
        Operation::DescribeDevice => describe(call).await,
        Operation::ForgetDevice => forget(call).await,
        _ => Err(call.not_ours()),
    }
}

async fn list(call: Call) -> Result<Reply, Error> {
    let devices = call.log.devices(&call.request.user).await?.into_iter();
    Reply::ok(&DeviceList {
        devices: devices.map(DeviceRecord::from).collect(),
    })
}

async fn read(call: Call) -> Result<Reply, Error> {
    let device = call.log.device(&call.request.user, call.request.device()?).await?;
    Reply::ok(&DeviceRecord::from(device.ok_or_else(no_such_device)?))
}

async fn describe(mut call: Call) -> Result<Reply, Error> {
    let profile = profile(&call.request.document()?)?;
    let request = &call.request;
    let id = request.device()?;
    let Described { device, created } = call.log.describe(&request.user, id, &profile, request.received).await?;
    let reply = Reply::ok(&DeviceRecord::from(device))?;
    Ok(if created {
        reply.created(format!("/api/v2/devices/{id}"))
    } else {
        reply
    })
}

async fn forget(call: Call) -> Result<Reply, Error> {
    if call.log.forget(&call.request.user, call.request.device()?).await? {
        Ok(Reply::no_content())
    } else {
        Err(no_such_device())
    }
}

fn no_such_device() -> Error {
    Error::new(Code::NotFound, "there is no such device")
}
