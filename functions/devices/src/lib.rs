//! The `devices` function: lists, reads, describes and forgets a user's devices. A device's rank decides conflicts
//! (`docs/PROTOCOL.md`, "Devices").

use coinolio_aws::App;
use coinolio_aws::http::{Event, HttpAnswer, OperationAnswer};
use coinolio_aws::invocation::http::{self, serve};
use coinolio_aws::routes::DevicesOperation;
use coinolio_core::store::{Described, Devices};
use coinolio_core::wire::devices::{DeviceList, DeviceRecord, profile};
use coinolio_core::{Code, Error};

/// A call of one of this function's operations.
type Call = http::Call<DevicesOperation>;

/// Answers one event of a route of [`DevicesOperation`].
///
/// The `sync` function registers devices when they sync; this function does not. Refusals are problem documents.
pub async fn handle(app: &App, event: Event) -> HttpAnswer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<OperationAnswer, Error> {
    match call.operation {
        DevicesOperation::ListDevices => list_devices(call).await,
        DevicesOperation::ReadDevice => read_device(call).await,
        DevicesOperation::DescribeDevice => describe_device(call).await,
        DevicesOperation::ForgetDevice => forget_device(call).await,
    }
}

/// Lists the user's devices, sorted by id.
async fn list_devices(call: Call) -> Result<OperationAnswer, Error> {
    let devices = call.store.devices(&call.request.user).await?.into_iter();
    OperationAnswer::ok(&DeviceList {
        devices: devices.map(DeviceRecord::from).collect(),
    })
}

/// Reads one device.
async fn read_device(call: Call) -> Result<OperationAnswer, Error> {
    let device = call.store.device(&call.request.user, call.request.device()?).await?;
    OperationAnswer::ok(&DeviceRecord::from(device.ok_or_else(no_such_device)?))
}

/// Replaces a device's profile. Answers 201 with `Location` if the device is new.
async fn describe_device(mut call: Call) -> Result<OperationAnswer, Error> {
    let profile = profile(&call.request.document()?)?;
    let request = &call.request;
    let id = request.device()?;
    let Described { device, created } = call
        .store
        .describe(&request.user, id, &profile, request.received)
        .await?;
    let reply = OperationAnswer::ok(&DeviceRecord::from(device))?;
    Ok(if created {
        reply.created(format!("/api/v2/devices/{id}"))
    } else {
        reply
    })
}

/// Forgets a device. Answers 204.
async fn forget_device(call: Call) -> Result<OperationAnswer, Error> {
    if call.store.forget(&call.request.user, call.request.device()?).await? {
        Ok(OperationAnswer::no_content())
    } else {
        Err(no_such_device())
    }
}

fn no_such_device() -> Error {
    Error::new(Code::NotFound, "there is no such device")
}
