//! The server under load, in a process of its own.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running server; dropping this value stops it.
#[derive(Debug)]
pub(crate) struct Server {
    binary: PathBuf,
    process: Child,
    url: String,
}

impl Server {
    /// Starts `binary` with its data in `folder` on free ports, and waits until it is ready.
    pub(crate) async fn start(binary: &Path, folder: &Path) -> Result<Self> {
        let mut process = Command::new(binary)
            .args(["--log", "json", "--port", "0", "--dynamodb-port", "0", "--data"])
            .arg(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let said = process.stderr.take().context("standard error is not available")?;
        let mut lines = BufReader::new(said).lines();
        let url = loop {
            let Some(line) = lines.next_line().await? else {
                bail!("the server ended before it was ready");
            };
            let mut words = line.split_whitespace();
            if words.next() == Some("API") {
                break words.next().context("no URL after API")?.to_owned();
            }
        };
        // A full pipe would block the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            binary: binary.to_owned(),
            process,
            url,
        })
    }

    /// Returns the URL of the API.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the id of the process.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Returns a bearer token for `user`.
    pub(crate) async fn token(&self, user: &str) -> Result<String> {
        let output = Command::new(&self.binary).args(["token", user]).output().await?;
        if !output.status.success() {
            bail!("no token: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}
