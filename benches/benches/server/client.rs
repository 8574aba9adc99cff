//! A client that keeps its connections open.

use crate::Failure;
use coinolio_local::server::Server;
use coinolio_tests::portfolio::{Edit, Portfolio, Size};
use reqwest::{Client, Method};
use serde::Deserialize;
use std::time::Duration;

/// Time after which a request counts as hanging.
const HANGS: Duration = Duration::from_secs(10);

/// A client of the server, for one user.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    url: String,
    token: String,
}

impl Api {
    /// Returns a client with connections of its own.
    pub(crate) fn new(server: &Server, user: &str) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::builder().timeout(HANGS).build()?,
            url: server.url(),
            token: server.token(user)?,
        })
    }

    /// Sends a request and returns the answer's body.
    ///
    /// # Errors
    /// Fails if the request is not answered with a success.
    pub(crate) async fn send(&self, method: Method, path: &str, body: String) -> Result<Vec<u8>, Failure> {
        let response = self
            .client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await?;
        let status = response.status();
        let body = response.bytes().await?;
        if status.is_success() {
            Ok(body.into())
        } else {
            let problem = String::from_utf8_lossy(&body);
            Err(Failure::Answer(format!("{path}: {status}: {problem}")))
        }
    }
}

/// The parts of an answer that a v1 phone remembers.
#[derive(Deserialize)]
struct Head {
    version: u64,
    last_sync_at: String,
}

/// A v1 phone, which sends its whole document with each sync and changes the amount of one asset each time.
pub(crate) struct Phone {
    api: Api,
    path: String,
    /// The document, split at that amount.
    document: [String; 2],
    head: Head,
    syncs: u64,
}

impl Phone {
    /// Creates the portfolio `id` with a document of about `size`.
    pub(crate) async fn create(api: Api, id: &str, size: Size) -> Result<Self, Failure> {
        let portfolio = Portfolio::of_size(size).edited(Edit::OneField, 0);
        let document = portfolio.document().to_string();
        let Some((before, after)) = document.split_once(Edit::AMOUNT) else {
            return Err(Failure::Answer("the edited amount is not in the document".to_owned()));
        };
        let create = format!(r#"{{"id":"{id}","name":"{id}","device_id":"phone","data":{document}}}"#);
        let answer = api.send(Method::POST, "/api/v1/portfolios", create).await?;
        Ok(Self {
            path: format!("/api/v1/portfolios/{id}/sync"),
            document: [before.to_owned(), after.to_owned()],
            head: read(&answer)?,
            api,
            syncs: 0,
        })
    }

    /// Syncs an edit of one field.
    pub(crate) async fn sync(&mut self) -> Result<(), Failure> {
        self.syncs += 1;
        let [before, after] = &self.document;
        let Head { version, last_sync_at } = &self.head;
        let body = format!(
            r#"{{"client_data":{before}{amount}{after},"last_sync_at":"{last_sync_at}","client_version":{version},"device_id":"phone"}}"#,
            amount = format_args!("{}.00000001", self.syncs),
        );
        let head: Head = read(&self.api.send(Method::POST, &self.path, body).await?)?;
        if head.version != version + 1 {
            return Err(Failure::Answer(format!(
                "the sync based on version {version} made version {}",
                head.version
            )));
        }
        self.head = head;
        Ok(())
    }
}

fn read(answer: &[u8]) -> Result<Head, Failure> {
    serde_json::from_slice(answer).map_err(|error| Failure::Answer(error.to_string()))
}
