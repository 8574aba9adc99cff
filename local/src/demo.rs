//! `cargo run -- demo`: a phone and a tablet of one user show what the service does.
//!
//! They speak protocol v2 over HTTP to the running handlers. Each scene checks every claim before printing it.

use crate::device::{Answer, Delta, Device, DeviceError};
use crate::error::StartError;
use crate::server::Server;
use anstyle::{AnsiColor, Style};
use coinolio_core::json::Value;
use std::fmt::Display;
use std::io::{self, Write};

/// An error that ends the demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A device's request failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// No token could be issued.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The narration cannot be written.
    #[error("cannot write to the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// A claim of a scene is false.
    #[error("a claim of the demo is false: {0}")]
    Claim(String),
}

const BTC: [&str; 3] = ["assets", "btc", "amount"];
const ETH: [&str; 3] = ["assets", "eth", "amount"];
const SOL: [&str; 3] = ["assets", "sol", "amount"];

/// Plays every scene against `server` and narrates it on `out`.
///
/// # Errors
/// Fails on the first claim that is false, such as the last one: both devices and the server have the same
/// document. Also fails if a request fails or `out` cannot be written.
pub async fn play(server: &Server, out: &mut impl Write) -> Result<(), DemoError> {
    let token = server.token("demo")?;
    let device = |id| Device::new(id, &server.url(), &token, "savings");
    let mut stage = Stage {
        phone: device("phone")?,
        tablet: device("tablet")?,
        out,
    };
    stage.beginning().await?;
    stage.different_assets().await?;
    stage.the_same_field().await?;
    stage.an_unanswered_sync().await?;
    stage.a_stale_tablet().await?;
    stage.agreement().await
}

struct Stage<'w, W> {
    phone: Device,
    tablet: Device,
    out: &'w mut W,
}

impl<W: Write> Stage<'_, W> {
    async fn beginning(&mut self) -> Result<(), DemoError> {
        self.scene("The phone creates a portfolio offline; the tablet receives it")?;
        for (path, amount) in [(BTC, "1.0"), (ETH, "10"), (SOL, "250")] {
            self.phone.set(&path, amount.into());
        }
        self.narrate("phone", "enters 1.0 btc, 10 eth and 250 sol, offline")?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let answer = self.tablet.sync().await?;
        self.synced("tablet", &answer)?;
        self.claim(
            self.tablet.document == self.phone.document,
            "both devices show the same document",
        )
    }

    async fn different_assets(&mut self) -> Result<(), DemoError> {
        self.scene("Both devices edit different assets offline")?;
        self.phone.set(&BTC, "1.5".into());
        self.narrate("phone", "changes btc from 1.0 to 1.5, offline")?;
        self.tablet.set(&ETH, "12".into());
        self.narrate("tablet", "changes eth from 10 to 12, offline")?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let answer = self.tablet.sync().await?;
        self.synced("tablet", &answer)?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let both = |device: &Device| shows(device, &BTC, "1.5") && shows(device, &ETH, "12");
        self.claim(
            both(&self.phone) && both(&self.tablet),
            "both edits survive on both devices",
        )
    }

    async fn the_same_field(&mut self) -> Result<(), DemoError> {
        self.scene("Both devices edit the same field offline")?;
        self.phone.set(&SOL, "300".into());
        self.narrate("phone", "changes sol from 250 to 300, offline")?;
        // The rule `newest` compares whole milliseconds, so the two edits need different ones.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        self.tablet.set(&SOL, "275".into());
        self.narrate("tablet", "changes sol from 250 to 275, offline, a moment later")?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let answer = self.tablet.sync().await?;
        self.synced("tablet", &answer)?;
        let [conflict] = answer.conflicts.as_slice() else {
            return self.claim(false, "the server reports exactly one conflict");
        };
        let conflict = conflict.clone();
        self.conflict(&conflict)?;
        let phone_loses = text(&conflict, &["server", "value"]) == "300";
        self.claim(
            phone_loses && shows(&self.tablet, &SOL, "275"),
            "the later edit wins; the conflict records the losing value",
        )?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let is_reported = answer.conflicts.contains(&conflict);
        self.claim(
            is_reported && shows(&self.phone, &SOL, "275"),
            "the phone is told that its value lost the conflict",
        )
    }

    async fn an_unanswered_sync(&mut self) -> Result<(), DemoError> {
        self.scene("The phone gets no answer to its sync and sends it again")?;
        let (_, before) = self.phone.fetch().await?;
        self.phone.set(&BTC, "2.0".into());
        self.narrate("phone", "changes btc from 1.5 to 2.0")?;
        self.phone.sync_and_drop_the_answer().await?;
        self.narrate("phone", "sends the edit; no answer arrives")?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let (_, after) = self.phone.fetch().await?;
        self.claim(after == before + 1, "the sync was sent twice and had one effect")
    }

    async fn a_stale_tablet(&mut self) -> Result<(), DemoError> {
        self.scene("The tablet is switched off while the phone goes on editing")?;
        for amount in ["2.1", "2.2", "2.3"] {
            self.phone.set(&BTC, amount.into());
            let answer = self.phone.sync().await?;
            self.synced("phone", &answer)?;
        }
        let behind = self.phone.version - self.tablet.version;
        self.narrate(
            "tablet",
            &format!("is {behind} versions behind and has no edits of its own"),
        )?;
        let answer = self.tablet.sync().await?;
        self.synced("tablet", &answer)?;
        self.claim(
            answer.conflicts.is_empty() && shows(&self.tablet, &BTC, "2.3"),
            "one pull brings the tablet up to date",
        )
    }

    async fn agreement(&mut self) -> Result<(), DemoError> {
        self.scene("At the end")?;
        let (document, version) = self.phone.fetch().await?;
        let json = String::from_utf8_lossy(&document.to_json()).into_owned();
        self.narrate("server", &format!("has version {version}: {json}"))?;
        let agree = self.phone.document == document && self.tablet.document == document;
        self.claim(agree, "the phone, the tablet and the server have the same document")
    }

    fn scene(&mut self, title: &str) -> io::Result<()> {
        let bold = Style::new().bold();
        writeln!(self.out, "\n{bold}{title}{bold:#}")
    }

    fn narrate(&mut self, who: &str, what: &str) -> io::Result<()> {
        let style = match who {
            "phone" => AnsiColor::Cyan.on_default(),
            "tablet" => AnsiColor::Magenta.on_default(),
            _ => AnsiColor::Blue.on_default(),
        };
        writeln!(self.out, "  {style}{who:<7}{style:#} {what}")
    }

    fn synced(&mut self, who: &str, answer: &Answer) -> io::Result<()> {
        let received = match &answer.delta {
            Delta::Document(_) => "the whole document".to_owned(),
            Delta::Changes(changes) => match changes.len() {
                0 => "no changes".to_owned(),
                1 => "1 change".to_owned(),
                many => format!("{many} changes"),
            },
        };
        self.narrate(
            who,
            &format!(
                "syncs: {}, version {}, receives {received}",
                answer.outcome, answer.version
            ),
        )
    }

    fn conflict(&mut self, conflict: &Value) -> io::Result<()> {
        let side = |side| {
            format!(
                "{} ({})",
                text(conflict, &[side, "value"]),
                text(conflict, &[side, "device_id"])
            )
        };
        let (winner, rule) = (text(conflict, &["winner"]), text(conflict, &["rule"]));
        let loser = if winner == "client" { "server" } else { "client" };
        let yellow = AnsiColor::Yellow.on_default();
        writeln!(
            self.out,
            "  {yellow}conflict{yellow:#} {} wins over {}, by the rule {rule}",
            side(&winner),
            side(loser),
        )
    }

    fn claim(&mut self, holds: bool, what: &str) -> Result<(), DemoError> {
        let (style, mark): (_, &dyn Display) = if holds {
            (AnsiColor::Green.on_default(), &"✓")
        } else {
            (AnsiColor::Red.on_default(), &"✗")
        };
        writeln!(self.out, "  {style}{mark} {what}{style:#}")?;
        if holds {
            Ok(())
        } else {
            Err(DemoError::Claim(what.to_owned()))
        }
    }
}

fn shows(device: &Device, path: &[&str], amount: &str) -> bool {
    device.get(path).and_then(Value::as_str) == Some(amount)
}

/// Returns the text at `path` in `value`, or an empty string if there is none.
fn text(value: &Value, path: &[&str]) -> String {
    path.iter()
        .try_fold(value, |value, name| value.as_object()?.get(*name))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
