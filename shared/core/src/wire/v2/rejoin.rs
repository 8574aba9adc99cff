//! The members of a sync by which a device rejoins a portfolio: its whole document in place of edits.

use super::{EditTime, edit_time};
use crate::algebra::{Op, Path, check_patch};
use crate::error::Error;
use crate::json::Value;
use crate::wire::fields::{Fields, error_at};

/// The document of a device whose base the log does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejoin {
    /// The document, unsent edits included.
    pub document: Value,
    /// The paths of the values that were edited after the base, and the times of these edits.
    pub edits: Vec<(Path, EditTime)>,
}

/// The members that a rejoin has no use for. They are refused, because the client expects an effect of them.
const EXCLUDED: [&str; 4] = ["base_version", "changes", "edited_on", "follows"];

/// Reads the members of a rejoin; `None` if the sync is not one.
pub(super) fn read(fields: &Fields<'_>) -> Result<Option<Rejoin>, Error> {
    if fields.optional_bool("rejoin")? != Some(true) {
        return Ok(None);
    }
    if let Some(excluded) = EXCLUDED.into_iter().find(|name| fields.optional(name).is_some()) {
        return Err(fields.wrong(excluded, "cannot be combined with rejoin"));
    }
    let document = fields.required("document")?;
    if document.as_object().is_none() {
        return Err(fields.wrong("document", "must be an object"));
    }
    let path = fields.path("edits");
    let edits = fields.optional_list("edits")?.unwrap_or_default();
    let edits = edits
        .iter()
        .enumerate()
        .map(|(index, edit)| edited(edit, &format!("{path}[{index}]")))
        .collect::<Result<Vec<_>, _>>()?;
    // The edits have the form of a patch, so that each value has one time.
    let paths: Vec<Op> = edits
        .iter()
        .map(|(path, _)| Op::Delete { path: path.clone() })
        .collect();
    check_patch(&paths).map_err(|error| without_operations(error_at(&path, error)))?;
    Ok(Some(Rejoin {
        document: document.clone(),
        edits,
    }))
}

/// Removes the operations at fault: a rejoin has none, and their indexes would be those of `edits`.
fn without_operations(error: Error) -> Error {
    Error {
        operations: Vec::new(),
        ..error
    }
}

fn edited(edit: &Value, path: &str) -> Result<(Path, EditTime), Error> {
    let fields = Fields::at_path(edit, path)?;
    let edited = Path::from_json(fields.required("path")?).map_err(|error| error_at(&fields.path("path"), error))?;
    match edit_time(&fields)? {
        Some(time) => Ok((edited, time)),
        None => Err(fields.wrong("modified_at", "or age_ms is required")),
    }
}
