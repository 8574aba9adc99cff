//! A device that speaks protocol v2, as an app would: what the demo and the tests play with.
//!
//! It keeps the document it shows, the version that document is based on, the edits made since, and the
//! sync that it has sent and seen no answer to (design section 3: repeated before any other).

use coinolio_core::algebra::{Op, Path, Token, apply, diff};
use coinolio_core::json::{self, Object, Value};
use coinolio_core::time::Timestamp;
use reqwest::{Client, StatusCode};
use std::time::{SystemTime, UNIX_EPOCH};

/// Why a sync came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The server was not reached, or its answer was lost.
    #[error("no answer: {0}")]
    Transport(#[from] reqwest::Error),
    /// The server refused.
    #[error("{status}: {body}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The problem document.
        body: String,
    },
    /// The answer makes no sense to this device.
    #[error("the answer is not understood: {0}")]
    Answer(String),
}

/// An edit that the server has not confirmed.
#[derive(Clone, Debug)]
struct Edit {
    op: Op,
    modified_at: Timestamp,
}

/// A sync as it was first sent.
#[derive(Clone, Debug)]
struct Unanswered {
    sync_id: String,
    changes: Vec<Edit>,
}

/// What a sync came to.
#[derive(Debug)]
pub struct Answer {
    /// `up_to_date`, `accepted`, `pulled` or `merged`.
    pub outcome: String,
    /// The server's version.
    pub version: u64,
    /// What the device had to do to hold it.
    pub news: News,
    /// The conflicts since the device's base, as the wire has them.
    pub conflicts: Vec<Value>,
    /// What is new in places that edits write which the device made before it heard of it: the edits go on top, so the
    /// server sees no conflict, and what they replace is in the portfolio's history.
    pub replaced: Vec<Op>,
}

/// What a device has to do to hold the server's document.
#[derive(Debug)]
pub enum News {
    /// Apply these operations.
    Changes(Vec<Op>),
    /// Take this document.
    Document(Value),
}

/// A device with one portfolio.
pub struct Device {
    /// Its id.
    pub id: String,
    /// The document it shows.
    pub document: Value,
    /// The version that the document is based on; 0 before the first sync.
    pub version: u64,
    /// The server's document at that version.
    base: Value,
    edits: Vec<Edit>,
    unanswered: Option<Unanswered>,
    client: Client,
    url: String,
    token: String,
}

impl Device {
    /// A device without a document, which will sync the portfolio `portfolio` of the server at `url`, a
    /// server on this machine: no proxy of the environment stands between.
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

    /// Sets the value at `path`, member by member, now and offline.
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

    /// Makes an edit, now and offline; it takes the place of an earlier one of the same path.
    pub fn edit(&mut self, op: Op) {
        apply(&mut self.document, [&op]);
        self.edits.retain(|edit| edit.op.path() != op.path());
        self.edits.push(Edit { op, modified_at: now() });
    }

    /// The value at `path`, member by member.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter()
            .try_fold(&self.document, |value, name| value.as_object()?.get(*name))
    }

    /// Sends the edits, or asks for the others' where there are none, and takes the answer in.
    ///
    /// Where an earlier sync is unanswered, that one is repeated first.
    pub async fn sync(&mut self) -> Result<Answer, DeviceError> {
        if self.unanswered.is_none() {
            self.unanswered = Some(Unanswered {
                sync_id: uuid::Uuid::new_v4().to_string(),
                changes: std::mem::take(&mut self.edits),
            });
        }
        let body = self.send().await?;
        self.take_in(&body)
    }

    /// Sends like [`Device::sync`], and never hears the answer.
    pub async fn sync_and_lose_the_answer(&mut self) -> Result<(), DeviceError> {
        self.unanswered.get_or_insert_with(|| Unanswered {
            sync_id: uuid::Uuid::new_v4().to_string(),
            changes: std::mem::take(&mut self.edits),
        });
        self.send().await.map(drop)
    }

    /// True where the server has confirmed every edit.
    pub fn is_settled(&self) -> bool {
        self.edits.is_empty() && self.unanswered.is_none()
    }

    /// The server's document and its version.
    pub async fn servers(&self) -> Result<(Value, u64), DeviceError> {
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

    /// Rebases the device on an answer: its base with the edits sent, patched by the server's changes, is
    /// the server's document (design section 4, law 5), and the edits that wait go on top of it.
    fn take_in(&mut self, body: &Value) -> Result<Answer, DeviceError> {
        let outcome = member(body, "outcome")?.as_str().unwrap_or_default().to_owned();
        let version = version_of(body)?;
        let news = News::of(body)?;
        let conflicts = list(body, "conflicts")?.to_vec();

        let sent = self.unanswered.take().map(|sync| sync.changes).unwrap_or_default();
        apply(&mut self.base, sent.iter().map(|edit| &edit.op));
        let changes = match &news {
            News::Document(document) => &diff(&self.base, document),
            News::Changes(changes) => changes,
        };
        let waits_inside = |change: &&Op| {
            let paths = |edit: &Edit| overlap(edit.op.path(), change.path());
            self.edits.iter().any(paths)
        };
        let replaced = changes.iter().filter(waits_inside).cloned().collect();
        apply(&mut self.base, changes);
        self.version = version;
        self.document = self.base.clone();
        apply(&mut self.document, self.edits.iter().map(|edit| &edit.op));
        Ok(Answer {
            outcome,
            version,
            news,
            conflicts,
            replaced,
        })
    }
}

/// True where one path is the other, or leads into it.
fn overlap(one: &Path, other: &Path) -> bool {
    let (one, other) = (one.tokens(), other.tokens());
    one.starts_with(other) || other.starts_with(one)
}

impl News {
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
    version.ok_or_else(|| DeviceError::Answer("version is not a version".to_owned()))
}
