//! The requests that the connections send.

use crate::device::{Api, Phone, Tablet};
use crate::server::Server;
use anyhow::{Context, Result};
use async_trait::async_trait;
use reqwest::Client;
use rlt::{BenchSuite, IterInfo, IterReport};
use std::time::Instant;

/// Number of connections that share a user's portfolio, so that their edits collide. Each connection has two
/// devices.
const SHARED_BY: u32 = 4;

/// The traffic of all connections.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    url: String,
    /// The users' tokens.
    tokens: Vec<String>,
}

impl Traffic {
    /// Returns the traffic to `server` on this number of connections.
    pub(crate) async fn new(server: &Server, connections: u32) -> Result<Self> {
        let mut tokens = Vec::new();
        for user in 0..connections.div_ceil(SHARED_BY) {
            tokens.push(server.token(&format!("load-{connections}-{user}")).await?);
        }
        Ok(Self {
            url: server.url().to_owned(),
            tokens,
        })
    }
}

/// One connection: a v1 phone and a v2 tablet that take turns.
#[derive(Debug)]
pub(crate) struct Connection {
    api: Api,
    phone: Phone,
    tablet: Tablet,
    turn: u64,
}

#[async_trait]
impl BenchSuite for Traffic {
    type WorkerState = Connection;

    async fn state(&self, worker: u32) -> Result<Connection> {
        let token = self.tokens.get((worker / SHARED_BY) as usize);
        let token = token.context("more connections than there are tokens")?.clone();
        let api = Api {
            client: Client::new(),
            url: self.url.clone(),
            token,
        };
        api.create().await?;
        Ok(Connection {
            phone: Phone::new(worker, &api).await?,
            tablet: Tablet::new(worker),
            api,
            // The connections start at different points of the cycle.
            turn: u64::from(worker),
        })
    }

    /// Sends the next request: of ten, three ask for the status, four sync an edit, one pulls and two read.
    async fn bench(&mut self, connection: &mut Connection, _: &IterInfo) -> Result<IterReport> {
        let Connection {
            api,
            phone,
            tablet,
            turn,
        } = connection;
        *turn += 1;
        let start = Instant::now();
        let answer = match *turn % 10 {
            0 => phone.status(api).await,
            1 | 6 => phone.sync(api).await,
            2 | 7 => tablet.status(api).await,
            3 | 8 => tablet.sync(api).await,
            4 => tablet.pull(api).await,
            5 => phone.read(api).await,
            _ => tablet.read(api).await,
        }?;
        Ok(IterReport {
            duration: start.elapsed(),
            status: answer.status.into(),
            bytes: answer.body.len() as u64,
            items: 1,
        })
    }
}
