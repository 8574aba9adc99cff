//! The two kinds of devices, and their access to the server.

use anyhow::Result;
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

const PORTFOLIO: &str = "main";

/// Number of transactions in a portfolio, with a fifth as many assets: about 10 KB.
const ENTRIES: usize = 80;

/// A user's access to the API, on one connection.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) url: String,
    pub(crate) token: String,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Parses the body of a success. Returns `None` for an error status, which the caller counts.
    fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<Option<T>> {
        if !self.status.is_success() {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&self.body)?))
    }
}

impl Api {
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = request.bearer_auth(&self.token);
        let response = match body {
            Some(body) => request.json(body),
            None => request,
        }
        .send()
        .await?;
        let status = response.status();
        let body = response.bytes().await?.into();
        Ok(Answer { status, body })
    }

    async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Creates the portfolio, unless another connection already has.
    pub(crate) async fn create(&self) -> Result<()> {
        let transactions: Vec<Value> = (0..ENTRIES)
            .map(|n| {
                json!({"id": format!("tx_{n}"), "type": "buy", "symbol": symbol(n), "amount": "0.50000000",
                       "price": "42000.00", "date": "2026-01-01T00:00:00.000Z"})
            })
            .collect();
        let assets = (0..ENTRIES / 5).map(|n| (symbol(n), json!({"amount": "1.00000000", "source": "ledger"})));
        let assets: serde_json::Map<String, Value> = assets.collect();
        let data = json!({"assets": assets, "transactions": transactions});
        let body = json!({"id": PORTFOLIO, "name": "Main", "device_id": "creator", "data": data});
        let answer = self.post("/api/v1/portfolios", &body).await?;
        let there = [StatusCode::CREATED, StatusCode::CONFLICT].contains(&answer.status);
        anyhow::ensure!(
            there,
            "the portfolio cannot be created: {}",
            String::from_utf8_lossy(&answer.body)
        );
        Ok(())
    }
}

fn symbol(number: usize) -> String {
    format!("asset-{}", number % (ENTRIES / 5))
}

/// A v1 device, which exchanges whole documents.
#[derive(Debug)]
pub(crate) struct Phone {
    id: String,
    document: Value,
    version: u64,
    last_sync_at: String,
    edits: usize,
}

/// The parts of an answer that a v1 phone stores.
#[derive(Deserialize)]
struct Head {
    data: Value,
    version: u64,
    last_sync_at: String,
}

impl Phone {
    /// Returns the phone of a connection, with the current document.
    pub(crate) async fn new(connection: u32, api: &Api) -> Result<Self> {
        let mut phone = Self {
            id: format!("phone-{connection}"),
            document: Value::Null,
            version: 0,
            last_sync_at: String::new(),
            edits: connection as usize,
        };
        let answer = phone.read(api).await?;
        anyhow::ensure!(answer.status.is_success(), "the portfolio cannot be read");
        Ok(phone)
    }

    /// Asks whether a sync is due.
    pub(crate) async fn status(&self, api: &Api) -> Result<Answer> {
        let Self { id, version, .. } = self;
        let path = format!("/api/v1/portfolios/{PORTFOLIO}/sync-status?client_version={version}&device_id={id}");
        api.get(&path).await
    }

    /// Syncs a new amount of one asset.
    pub(crate) async fn sync(&mut self, api: &Api) -> Result<Answer> {
        self.edits += 1;
        self.document["assets"][symbol(self.edits)]["amount"] = json!(format!("{}.00000001", self.edits));
        let body = json!({"client_data": self.document, "client_version": self.version,
                          "last_sync_at": self.last_sync_at, "device_id": self.id});
        let answer = api.post(&format!("/api/v1/portfolios/{PORTFOLIO}/sync"), &body).await?;
        self.store(answer)
    }

    /// Reads the whole portfolio.
    pub(crate) async fn read(&mut self, api: &Api) -> Result<Answer> {
        let answer = api.get(&format!("/api/v1/portfolios/{PORTFOLIO}")).await?;
        self.store(answer)
    }

    fn store(&mut self, answer: Answer) -> Result<Answer> {
        if let Some(head) = answer.read::<Head>()? {
            self.document = head.data;
            self.version = head.version;
            self.last_sync_at = head.last_sync_at;
        }
        Ok(answer)
    }
}

/// A v2 device, which exchanges changes. Its edits name what they change, so it needs no document.
#[derive(Debug)]
pub(crate) struct Tablet {
    id: String,
    version: u64,
    syncs: usize,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

impl Tablet {
    /// Returns the tablet of a connection, which has seen only the creation of the portfolio.
    pub(crate) fn new(connection: u32) -> Self {
        Self {
            id: format!("tablet-{connection}"),
            version: 1,
            syncs: connection as usize,
        }
    }

    /// Asks whether a sync is due.
    pub(crate) async fn status(&self, api: &Api) -> Result<Answer> {
        let Self { id, version, .. } = self;
        let path = format!("/api/v2/portfolios/{PORTFOLIO}/sync-status?base_version={version}&device_id={id}");
        api.get(&path).await
    }

    /// Syncs a new price of one transaction.
    pub(crate) async fn sync(&mut self, api: &Api) -> Result<Answer> {
        let transaction = format!("tx_{}", self.syncs % ENTRIES);
        let price = format!("{}.01", self.syncs);
        let edit = json!({"op": "set", "path": ["transactions", {"id": transaction}, "price"], "value": price});
        self.exchange(api, json!([edit])).await
    }

    /// Pulls the changes of other devices.
    pub(crate) async fn pull(&mut self, api: &Api) -> Result<Answer> {
        self.exchange(api, json!([])).await
    }

    async fn exchange(&mut self, api: &Api, changes: Value) -> Result<Answer> {
        self.syncs += 1;
        let sync_id = format!("{}-{}", self.id, self.syncs);
        let body = json!({"device_id": self.id, "sync_id": sync_id, "base_version": self.version,
                          "sent_at": "2026-01-01T12:00:00.000Z", "changes": changes});
        let answer = api.post(&format!("/api/v2/portfolios/{PORTFOLIO}/sync"), &body).await?;
        if let Some(head) = answer.read::<Version>()? {
            self.version = head.version;
        }
        Ok(answer)
    }

    /// Reads the whole portfolio.
    pub(crate) async fn read(&self, api: &Api) -> Result<Answer> {
        api.get(&format!("/api/v2/portfolios/{PORTFOLIO}")).await
    }
}
