//! The reference device: a client of protocol v2, as an app would be. The demo and the tests use it.
//!
//! A device stores the document that it shows, the version that the document is based on, the edits made since,
//! and a sync that is still unanswered. It repeats the unanswered sync before it sends any other. `docs/PROTOCOL.md`
//! specifies this behaviour.
//!
//! ```
//! use coinolio_local::device::Device;
//! use coinolio_local::server::{Options, Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A server in memory, on free ports.
//! let server = Server::start(&Options::default()).await?;
//! let token = server.token("ann")?;
//! let mut phone = Device::new("phone", &server.url(), &token, "savings")?;
//! let mut tablet = Device::new("tablet", &server.url(), &token, "savings")?;
//!
//! // The phone's first sync creates the portfolio; the tablet pulls it.
//! phone.set(&["assets", "btc"], "1.0".into());
//! phone.sync().await?;
//! tablet.sync().await?;
//!
//! // Both edit offline, then sync one after the other: the tablet's answer contains the phone's edit.
//! phone.set(&["assets", "btc"], "1.5".into());
//! tablet.set(&["assets", "eth"], "12".into());
//! phone.sync().await?;
//! let answer = tablet.sync().await?;
//! assert_eq!(answer.outcome, "merged");
//! assert!(answer.conflicts.is_empty());
//! assert_eq!(tablet.get(&["assets", "btc"]), Some(&"1.5".into()));
//! assert_eq!(tablet.get(&["assets", "eth"]), Some(&"12".into()));
//! # server.stop().await;
//! # Ok(())
//! # }
//! ```

use coinolio_core::algebra::{Op, Path, Token, apply, diff};
use coinolio_core::json::{self, Object, Value};
use coinolio_core::time::Timestamp;
use reqwest::{Client, StatusCode};
use std::time::{SystemTime, UNIX_EPOCH};

/// An error from a device's request.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The server was not reached, or no answer arrived: the server may have accepted the request.
    #[error("no answer: {0}")]
    Transport(#[from] reqwest::Error),
    /// The server refused the request.
    #[error("{status}: {body}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The problem document.
        body: String,
    },
    /// The device cannot read the answer.
    #[error("cannot read the answer: {0}")]
    Answer(String),
}

/// An edit that no answer has confirmed yet.
#[derive(Clone, Debug)]
struct Edit {
    op: Op,
    modified_at: Timestamp,
}

/// A sync that was sent but not answered. It is repeated with the same `sync_id` and changes.
#[derive(Clone, Debug)]
struct Unanswered {
    sync_id: String,
    changes: Vec<Edit>,
}

/// The result of a sync.
#[derive(Debug)]
pub struct Answer {
    /// `up_to_date`, `accepted`, `pulled` or `merged`.
    pub outcome: String,
    /// The server's version, which is the device's new base.
    pub version: u64,
    /// The part of the answer that brought the device to that version.
    pub delta: Delta,
    /// The conflicts recorded since the device's base, as JSON in the wire format.
    pub conflicts: Vec<Value>,
    /// Server changes that this device's unsent edits overwrite.
    ///
    /// The user made those edits without seeing the changes. The edits are applied on top, so the server will see no
    /// conflict. The overwritten values stay in the portfolio's history.
    pub replaced: Vec<Op>,
}

/// The difference between a device's document and the server's.
#[derive(Debug)]
pub enum Delta {
    /// Operations to apply to the device's base with its sent edits.
    Changes(Vec<Op>),
    /// A document that replaces the device's own.
    Document(Value),
}

/// A device with its replica of one portfolio.
pub struct Device {
    /// The device's id.
    pub id: String,
    /// The document that the device shows: the base with all edits.
    pub document: Value,
    /// The version that the document is based on; 0 before the first sync.
    pub version: u64,
    /// The server's document at that version.
    base: Value,
    /// Unsent edits, in order.
    edits: Vec<Edit>,
    unanswered: Option<Unanswered>,
    client: Client,
    url: String,
    token: String,
}

impl Device {
    /// Creates a device with an empty document, which syncs `portfolio` with the server at `url`.
    ///
    /// The server is on this machine, so the device ignores proxies that the environment sets.
    ///
    /// # Errors
    /// Fails if the HTTP client cannot be built.
    pub fn new(id: &str, url: &str, token: &str, portfolio: &str) -> Result<Self, DeviceError> {
        Ok(Self {
            id: id.to_owned(),
            document: Value::empty_object(),
            version: 0,
            base: Value::empty_object(),
            edits: Vec::new(),
            unanswered: None,
            client: Client::builder().no_proxy().build()?,
            url: format!("{url}/api/v2/portfolios/{portfolio}"),
            token: token.to_owned(),
        })
    }

    /// Sets the value at `path`, a list of member names. Sends nothing; the edit is dated now.
    pub fn set(&mut self, path: &[&str], value: Value) {
        let path = path
            .iter()
            .fold(Path::ROOT, |parent, name| parent.child(Token::Member((*name).into())));
        self.edit(Op::Set {
            path,
            value,
            after: None,
        });
    }

    /// Makes an edit and queues it for the next sync. It is dated now and replaces an unsent edit of the same path.
    pub fn edit(&mut self, op: Op) {
        apply(&mut self.document, [&op]);
        self.edits.retain(|edit| edit.op.path() != op.path());
        self.edits.push(Edit { op, modified_at: now() });
    }

    /// Returns the value at `path`, a list of member names.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter()
            .try_fold(&self.document, |value, name| value.as_object()?.get(*name))
    }

    /// Sends the unsent edits, or pulls if there are none, and applies the answer.
    ///
    /// If an earlier sync is unanswered, repeats that sync instead; unsent edits then wait for the next call.
    ///
    /// # Errors
    /// Fails if the server refuses the sync or no readable answer arrives. The sync then counts as unanswered.
    pub async fn sync(&mut self) -> Result<Answer, DeviceError> {
        if self.unanswered.is_none() {
            self.unanswered = Some(Unanswered {
                sync_id: uuid::Uuid::new_v4().to_string(),
                changes: std::mem::take(&mut self.edits),
            });
        }
        let body = self.send().await?;
        self.apply_answer(&body)
    }

    /// Sends like [`Device::sync`] but drops the answer, so that the sync stays unanswered.
    ///
    /// # Errors
    /// Fails if the server refuses the sync or no readable answer arrives.
    pub async fn sync_and_drop_the_answer(&mut self) -> Result<(), DeviceError> {
        self.unanswered.get_or_insert_with(|| Unanswered {
            sync_id: uuid::Uuid::new_v4().to_string(),
            changes: std::mem::take(&mut self.edits),
        });
        self.send().await.map(drop)
    }

    /// Returns true if the device has neither unsent edits nor an unanswered sync.
    pub fn is_quiet(&self) -> bool {
        self.edits.is_empty() && self.unanswered.is_none()
    }

    /// Fetches the server's document and its version. Does not change the device.
    ///
    /// # Errors
    /// Fails if the server refuses the request or no readable answer arrives.
    pub async fn fetch(&self) -> Result<(Value, u64), DeviceError> {
        let response = self.client.get(&self.url).bearer_auth(&self.token).send().await?;
        let body = answer_of(response).await?;
        let document = member(&body, "document")?.clone();
        Ok((document, version_of(&body)?))
    }

    async fn send(&self) -> Result<Value, DeviceError> {
        let changes = self.unanswered.iter().flat_map(|sync| &sync.changes);
        let changes = changes.map(Edit::to_json).collect::<Result<Vec<_>, _>>()?;
        let sync_id = self.unanswered.as_ref().map_or("", |sync| &sync.sync_id);
        let mut body = Object::new();
        body.insert("device_id".into(), self.id.as_str().into());
        body.insert("sync_id".into(), sync_id.into());
        body.insert(
            "base_version".into(),
            i64::try_from(self.version).unwrap_or(i64::MAX).into(),
        );
        body.insert("sent_at".into(), now().to_string().as_str().into());
        body.insert("changes".into(), Value::List(changes));
        let request = self
            .client
            .post(format!("{}/sync", self.url))
            .bearer_auth(&self.token)
            .header("Content-Type", "application/json")
            .body(Value::Object(body).to_json());
        answer_of(request.send().await?).await
    }

    /// Applies an answer to the device.
    ///
    /// The base with the sent edits, patched by the answer's changes, is the server's document (the law "Rebase" in
    /// `docs/MERGE.md`). The unsent edits go on top of it.
    fn apply_answer(&mut self, body: &Value) -> Result<Answer, DeviceError> {
        let outcome = member(body, "outcome")?.as_str().unwrap_or_default().to_owned();
        let version = version_of(body)?;
        let delta = Delta::of(body)?;
        let conflicts = list(body, "conflicts")?.to_vec();

        let sent = self.unanswered.take().map(|sync| sync.changes).unwrap_or_default();
        apply(&mut self.base, sent.iter().map(|edit| &edit.op));
        let changes = match &delta {
            // A diff shows which changes the unsent edits overwrite.
            Delta::Document(document) => &diff(&self.base, document),
            Delta::Changes(changes) => changes,
        };
        let is_overwritten = |change: &&Op| {
            let overlaps = |edit: &Edit| overlap(edit.op.path(), change.path());
            self.edits.iter().any(overlaps)
        };
        let replaced = changes.iter().filter(is_overwritten).cloned().collect();
        apply(&mut self.base, changes);
        self.version = version;
        self.document = self.base.clone();
        apply(&mut self.document, self.edits.iter().map(|edit| &edit.op));
        Ok(Answer {
            outcome,
            version,
            delta,
            conflicts,
            replaced,
        })
    }
}

/// Returns true if the paths are equal or one leads into the other.
fn overlap(one: &Path, other: &Path) -> bool {
    let (one, other) = (one.tokens(), other.tokens());
    one.starts_with(other) || other.starts_with(one)
}

impl Delta {
    fn of(body: &Value) -> Result<Self, DeviceError> {
        if let Some(document) = body.as_object().and_then(|body| body.get("document")) {
            return Ok(Self::Document(document.clone()));
        }
        let changes = list(body, "changes")?
            .iter()
            .map(Op::from_json)
            .collect::<Result<_, _>>();
        changes
            .map(Self::Changes)
            .map_err(|error| DeviceError::Answer(error.to_string()))
    }
}

impl Edit {
    fn to_json(&self) -> Result<Value, DeviceError> {
        let unreadable = |cause: String| DeviceError::Answer(cause);
        let text = serde_json::to_vec(&self.op).map_err(|cause| unreadable(cause.to_string()))?;
        let mut json = json::read(&text).map_err(|cause| unreadable(cause.to_string()))?;
        if let Value::Object(members) = &mut json {
            members.insert("modified_at".into(), self.modified_at.to_string().as_str().into());
        }
        Ok(json)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

async fn answer_of(response: reqwest::Response) -> Result<Value, DeviceError> {
    let status = response.status();
    let bytes = response.bytes().await?;
    if !status.is_success() {
        let body = String::from_utf8_lossy(&bytes).into_owned();
        return Err(DeviceError::Refused { status, body });
    }
    json::read(&bytes).map_err(|cause| DeviceError::Answer(cause.to_string()))
}

fn member<'v>(body: &'v Value, name: &str) -> Result<&'v Value, DeviceError> {
    let members = body.as_object().and_then(|members| members.get(name));
    members.ok_or_else(|| DeviceError::Answer(format!("{name} is missing")))
}

fn list<'v>(body: &'v Value, name: &str) -> Result<&'v [Value], DeviceError> {
    match member(body, name)? {
        Value::List(elements) => Ok(elements),
        _ => Err(DeviceError::Answer(format!("{name} is not a list"))),
    }
}

fn version_of(body: &Value) -> Result<u64, DeviceError> {
    let version = match member(body, "version")? {
        Value::Number(number) => number.to_i64().and_then(|version| u64::try_from(version).ok()),
        _ => None,
    };
    version.ok_or_else(|| DeviceError::Answer("version is not a whole number".to_owned()))
}
