//! `/api/v2/devices`: which devices a user has, and which of them counts in a conflict (design sections 4 and 5).

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{self, serve};
use coinolio_aws::routes::DevicesOperation;
use coinolio_core::store::{Described, Devices};
use coinolio_core::wire::devices::{DeviceList, DeviceRecord, profile};
use coinolio_core::{Code, Error};

/// A call of this function's operations.
type Call = invocation::Call<DevicesOperation>;

/// Answers one event of a route of [`DevicesOperation`].
///
/// Syncs register devices: the `sync` function does that. Refusals are problem documents.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<Reply, Error> {
    match call.operation {
        DevicesOperation::ListDevices => list_devices(call).await,
        DevicesOperation::ReadDevice => read_device(call).await,
        DevicesOperation::DescribeDevice => describe_device(call).await,
        DevicesOperation::ForgetDevice => forget_device(call).await,
    }
}

/// Lists the user's devices by id.
async fn list_devices(call: Call) -> Result<Reply, Error> {
    let devices = call.log.devices(&call.request.user).await?.into_iter();
    Reply::ok(&DeviceList {
        devices: devices.map(DeviceRecord::from).collect(),
    })
}

/// Reads one device.
async fn read_device(call: Call) -> Result<Reply, Error> {
    let device = call.log.device(&call.request.user, call.request.device()?).await?;
    Reply::ok(&DeviceRecord::from(device.ok_or_else(no_such_device)?))
}

/// Replaces a device's profile: 201 with `Location` if the device is new.
async fn describe_device(mut call: Call) -> Result<Reply, Error> {
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

/// Forgets a device: 204.
async fn forget_device(call: Call) -> Result<Reply, Error> {
    if call.log.forget(&call.request.user, call.request.device()?).await? {
        Ok(Reply::no_content())
    } else {
        Err(no_such_device())
    }
}

fn no_such_device() -> Error {
    Error::new(Code::NotFound, "there is no such device")
}
