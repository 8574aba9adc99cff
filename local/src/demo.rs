//! `cargo run -- demo`: two devices of one user, playing what the service is for.
//!
//! They speak protocol v2 over HTTP with the running handlers. Each scene checks what it claims.

use crate::device::{Answer, Device, DeviceError, News};
use crate::error::StartError;
use crate::server::Server;
use anstyle::{AnsiColor, Style};
use coinolio_core::json::Value;
use std::fmt::Display;
use std::io::{self, Write};

/// Why the demo fails.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A device's sync came to nothing.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// No token could be made.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The terminal is gone.
    #[error("cannot write to the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// Something is not as it must be.
    #[error("not as it must be: {0}")]
    Claim(String),
}

const BTC: [&str; 3] = ["assets", "btc", "amount"];
const ETH: [&str; 3] = ["assets", "eth", "amount"];
const SOL: [&str; 3] = ["assets", "sol", "amount"];

/// Plays every scene against `server`, telling of it on `out`.
///
/// # Errors
/// The first claim that does not hold, above all that both devices and the server end with the same document.
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
    stage.a_lost_answer().await?;
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
        self.scene("The phone makes a portfolio, offline first; the tablet finds it")?;
        for (path, amount) in [(BTC, "1.0"), (ETH, "10"), (SOL, "250")] {
            self.phone.set(&path, amount.into());
        }
        self.told("phone", "1.0 btc, 10 eth and 250 sol")?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let answer = self.tablet.sync().await?;
        self.synced("tablet", &answer)?;
        self.claim(self.tablet.document == self.phone.document, "both show the same")
    }

    async fn different_assets(&mut self) -> Result<(), DemoError> {
        self.scene("Offline, each edits another asset")?;
        self.phone.set(&BTC, "1.5".into());
        self.told("phone", "btc 1.0 → 1.5, offline")?;
        self.tablet.set(&ETH, "12".into());
        self.told("tablet", "eth 10 → 12, offline")?;
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
        self.scene("Offline, both edit the same field")?;
        self.phone.set(&SOL, "300".into());
        self.told("phone", "sol 250 → 300, offline")?;
        // The rule compares whole milliseconds, so the later edit has to be later by one.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        self.tablet.set(&SOL, "275".into());
        self.told("tablet", "sol 250 → 275, offline, a moment later")?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let answer = self.tablet.sync().await?;
        self.synced("tablet", &answer)?;
        let [conflict] = answer.conflicts.as_slice() else {
            return self.claim(false, "the server reports exactly one conflict");
        };
        let conflict = conflict.clone();
        self.conflict(&conflict)?;
        let lost = text(&conflict, &["server", "value"]) == "300";
        self.claim(
            lost && shows(&self.tablet, &SOL, "275"),
            "the later edit wins, the earlier is kept in the record",
        )?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let told = answer.conflicts.contains(&conflict);
        self.claim(
            told && shows(&self.phone, &SOL, "275"),
            "the phone hears of the value it lost",
        )
    }

    async fn a_lost_answer(&mut self) -> Result<(), DemoError> {
        self.scene("The answer to the phone's sync is lost, and the phone tries again")?;
        let (_, before) = self.phone.servers().await?;
        self.phone.set(&BTC, "2.0".into());
        self.told("phone", "btc 1.5 → 2.0")?;
        self.phone.sync_and_lose_the_answer().await?;
        self.told("phone", "sent; no answer arrives")?;
        let answer = self.phone.sync().await?;
        self.synced("phone", &answer)?;
        let (_, after) = self.phone.servers().await?;
        self.claim(after == before + 1, "two sendings, one effect")
    }

    async fn a_stale_tablet(&mut self) -> Result<(), DemoError> {
        self.scene("The tablet lay in a drawer while the phone went on")?;
        for amount in ["2.1", "2.2", "2.3"] {
            self.phone.set(&BTC, amount.into());
            let answer = self.phone.sync().await?;
            self.synced("phone", &answer)?;
        }
        let behind = self.phone.version - self.tablet.version;
        self.told("tablet", &format!("{behind} versions behind, no edits of its own"))?;
        let answer = self.tablet.sync().await?;
        self.synced("tablet", &answer)?;
        self.claim(
            answer.conflicts.is_empty() && shows(&self.tablet, &BTC, "2.3"),
            "one pull and it is up to date",
        )
    }

    async fn agreement(&mut self) -> Result<(), DemoError> {
        self.scene("In the end")?;
        let (document, version) = self.phone.servers().await?;
        let json = String::from_utf8_lossy(&document.to_json()).into_owned();
        self.told("server", &format!("version {version}: {json}"))?;
        let agree = self.phone.document == document && self.tablet.document == document;
        self.claim(agree, "the phone, the tablet and the server hold the same document")
    }

    fn scene(&mut self, title: &str) -> io::Result<()> {
        let bold = Style::new().bold();
        writeln!(self.out, "\n{bold}{title}{bold:#}")
    }

    fn told(&mut self, who: &str, what: &str) -> io::Result<()> {
        let style = match who {
            "phone" => AnsiColor::Cyan.on_default(),
            "tablet" => AnsiColor::Magenta.on_default(),
            _ => AnsiColor::Blue.on_default(),
        };
        writeln!(self.out, "  {style}{who:<7}{style:#} {what}")
    }

    fn synced(&mut self, who: &str, answer: &Answer) -> io::Result<()> {
        let news = match &answer.news {
            News::Document(_) => "the whole document for it".to_owned(),
            News::Changes(changes) => match changes.len() {
                0 => "nothing new to it".to_owned(),
                1 => "1 change for it".to_owned(),
                many => format!("{many} changes for it"),
            },
        };
        self.told(
            who,
            &format!("syncs: {}, version {}, {news}", answer.outcome, answer.version),
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

/// The text at `path` in `value`; empty where there is none.
fn text(value: &Value, path: &[&str]) -> String {
    path.iter()
        .try_fold(value, |value, name| value.as_object()?.get(*name))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
