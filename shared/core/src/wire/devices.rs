//! The requests and answers about a user's devices (docs/PROTOCOL.md).

use super::fields::Fields;
use crate::devices::{Device, MAX_RANK, Profile};
use crate::error::Error;
use crate::id::{DeviceId, PortfolioId};
use crate::json::Value;
use crate::log::Version;
use crate::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The longest `platform` and `app_version`, in characters.
pub const MAX_LABEL_LENGTH: usize = 64;

/// Reads the body of `PUT /api/v2/devices/{device_id}`: `{"name": "…", "platform": "ios", "rank": 50, "app_version":
/// "4.2.0"}`, each optional.
///
/// # Errors
/// Malformed for a rank that is not a whole number from 0 to 100, a name that is not 1 to 200 characters long, and
/// another text that is not 1 to 64 characters long.
pub fn profile(body: &Value) -> Result<Profile, Error> {
    let fields = Fields::of_body(body)?;
    let label = |name| Ok::<_, Error>(fields.optional_text(name, MAX_LABEL_LENGTH)?.map(str::to_owned));
    Ok(Profile {
        name: fields.optional_name("name")?.map(str::to_owned),
        platform: label("platform")?,
        rank: rank(&fields)?,
        app_version: label("app_version")?,
    })
}

fn rank(fields: &Fields<'_>) -> Result<Option<u8>, Error> {
    let whole = |value: &Value| match value {
        Value::Number(number) => number.to_i64().and_then(|rank| u8::try_from(rank).ok()),
        _ => None,
    };
    let rank = |value| {
        let rank = whole(value).filter(|rank| *rank <= MAX_RANK);
        rank.ok_or_else(|| fields.wrong("rank", "must be a whole number from 0 to 100"))
    };
    fields.optional("rank").map(rank).transpose()
}

/// A device as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceRecord {
    /// Its id.
    pub device_id: DeviceId,
    /// The name that the user gave it.
    pub name: Option<String>,
    /// The platform that it runs on, such as `ios`.
    pub platform: Option<String>,
    /// Its rank in conflicts.
    pub rank: Option<u8>,
    /// The version of the app on it.
    pub app_version: Option<String>,
    /// When it was registered.
    pub created: Timestamp,
    /// When it last synced; `null` before its first sync.
    pub last_seen: Option<Timestamp>,
    /// The newest recorded version of each portfolio that it has shown to have.
    pub acknowledged: BTreeMap<PortfolioId, Version>,
}

impl From<Device> for DeviceRecord {
    fn from(device: Device) -> Self {
        let acknowledged = device.acknowledged.into_iter();
        Self {
            device_id: device.id,
            name: device.profile.name,
            platform: device.profile.platform,
            rank: device.profile.rank,
            app_version: device.profile.app_version,
            created: device.created,
            last_seen: device.last_seen,
            acknowledged: acknowledged
                .map(|(portfolio, acknowledged)| (portfolio, acknowledged.version))
                .collect(),
        }
    }
}

/// The answer to `GET /api/v2/devices`: all of the user's devices, sorted by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceList {
    /// The devices.
    pub devices: Vec<DeviceRecord>,
}

#[cfg(test)]
mod tests {
    use super::profile;
    use crate::devices::Profile;
    use crate::json::read;

    fn read_profile(text: &str) -> Result<Profile, String> {
        profile(&read(text.as_bytes()).unwrap()).map_err(|error| error.detail)
    }

    #[test]
    fn an_absent_or_null_member_clears_its_part_of_the_profile() {
        assert_eq!(read_profile("{}"), Ok(Profile::default()));
        assert_eq!(
            read_profile(r#"{"name":null,"platform":null,"rank":null,"app_version":null,"more":1}"#),
            Ok(Profile::default())
        );
        let all = read_profile(r#"{"name":"Größe 💰","platform":"ios","rank":100.0,"app_version":"4.2.0"}"#).unwrap();
        assert_eq!((all.name.as_deref(), all.rank), (Some("Größe 💰"), Some(100)));
        assert_eq!(
            (all.platform.as_deref(), all.app_version.as_deref()),
            (Some("ios"), Some("4.2.0"))
        );
    }

    #[test]
    fn a_rank_is_a_whole_number_from_0_to_100() {
        for rank in ["101", "-1", "1.5", "\"1\"", "256", "1e300", "true", "[]", "{}"] {
            let refused = read_profile(&format!(r#"{{"rank":{rank}}}"#));
            assert_eq!(
                refused,
                Err("rank must be a whole number from 0 to 100".to_owned()),
                "{rank}"
            );
        }
    }

    #[test]
    fn the_texts_of_a_profile_have_limited_lengths() {
        for (name, longest) in [("name", 200), ("platform", 64), ("app_version", 64)] {
            let with = |length: usize| read_profile(&format!(r#"{{"{name}":"{}"}}"#, "é".repeat(length)));
            assert!(with(longest).is_ok(), "{name}");
            for length in [0, longest + 1] {
                assert_eq!(
                    with(length),
                    Err(format!("{name} must be 1 to {longest} characters long"))
                );
            }
            assert_eq!(
                read_profile(&format!(r#"{{"{name}":1}}"#)),
                Err(format!("{name} must be a string"))
            );
        }
    }
}
