//! Reading the `changes` of a sync. An error reports every operation at fault, so that the client can take them out.

use super::{RequestedEdit, requested_edit};
use crate::algebra::check_patch;
use crate::error::{Code, Error, MAX_OPERATION_ERRORS, OperationError};
use crate::wire::fields::Fields;

/// Reads the edits.
///
/// # Errors
/// Malformed unless `changes` is a list. An operation at fault makes the request malformed (400) if its shape is wrong,
/// else invalid (422).
pub(super) fn read(fields: &Fields<'_>) -> Result<Vec<RequestedEdit>, Error> {
    let member = fields.path("changes");
    let sent = fields.optional_list("changes")?.unwrap_or_default();
    let mut code = Code::Invalid;
    let mut faults = Vec::new();
    let mut edits = Vec::with_capacity(sent.len());
    let mut positions = Vec::with_capacity(sent.len());
    for (position, edit) in sent.iter().enumerate() {
        match requested_edit(edit, &format!("{member}[{position}]")) {
            Ok(edit) => {
                edits.push(edit);
                positions.push(position);
            }
            Err(error) if faults.len() < MAX_OPERATION_ERRORS => {
                if error.code == Code::Malformed {
                    code = Code::Malformed;
                }
                faults.push(OperationError::new(position, error.detail));
            }
            Err(_) => {}
        }
    }
    if let Err(error) = check_patch(edits.iter().map(|edit| &edit.op)) {
        faults.extend(error.operations.into_iter().map(|fault| {
            let position = positions[fault.operation];
            OperationError::new(position, format!("{member}[{position}]: {}", fault.detail))
        }));
    }
    if faults.is_empty() {
        return Ok(edits);
    }
    faults.sort_unstable_by_key(|fault| fault.operation);
    faults.truncate(MAX_OPERATION_ERRORS);
    let faults = faults.into_iter().map(|fault| {
        let edit = &sent[fault.operation];
        fault.of(edit)
    });
    Err(Error::of_operations(code, faults.collect()))
}
