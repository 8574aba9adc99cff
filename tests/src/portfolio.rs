//! Generated portfolios: documents as the app stores them in AsyncStorage, and a user's edits of them.
//!
//! The same arguments always give the same document. About one entry in six is an asset, the others are
//! transactions.

use coinolio_core::json;
use coinolio_core::time::Timestamp;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, index};
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

const SYMBOLS: [&str; 32] = [
    "btc", "eth", "sol", "ada", "dot", "xrp", "ltc", "doge", "matic", "avax", "link", "uni", "atom", "algo", "near",
    "ftm", "xlm", "etc", "fil", "icp", "aave", "mkr", "snx", "crv", "ldo", "arb", "op", "sui", "apt", "inj", "rune",
    "grt",
];
const EXCHANGES: [&str; 6] = ["binance", "coinbase", "kraken", "bitstamp", "ledger", "metamask"];
const TYPES: [&str; 3] = ["buy", "sell", "transfer"];
const NOTES: [&str; 7] = [
    "",
    "DCA strategy",
    "Initial investment",
    "moved to cold wallet",
    "staking reward",
    "swap",
    "bonus",
];

/// 2025-01-01T00:00:00Z in milliseconds since the epoch: no entry is older.
const FIRST_DAY: i64 = 1_735_689_600_000;
/// The time of every edit.
const EDITED: &str = "2026-01-01T00:00:00.000Z";

/// The approximate size of a document as compact JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// About 1 KB.
    Small,
    /// About 10 KB.
    Medium,
    /// About 100 KB.
    Large,
    /// About 1 MB.
    Huge,
}

impl Size {
    /// Every size, smallest first.
    pub const ALL: [Self; 4] = [Self::Small, Self::Medium, Self::Large, Self::Huge];

    /// Returns the minimum size of the compact JSON in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Small => 1_000,
            Self::Medium => 10_000,
            Self::Large => 100_000,
            Self::Huge => 1_000_000,
        }
    }

    /// Returns the label for tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Small => "1 KB",
            Self::Medium => "10 KB",
            Self::Large => "100 KB",
            Self::Huge => "1 MB",
        }
    }
}

/// The extent of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The amount of one asset.
    OneField,
    /// 1 % of the entries, at least one: 60 % of them changed, 20 % added, 20 % deleted.
    OnePercent,
    /// 10 % of the entries, in the same mix.
    TenPercent,
}

impl Edit {
    /// The amount that [`Edit::OneField`] writes. It occurs nowhere else in a document.
    pub const AMOUNT: &str = "123.45678901";

    /// Every edit, smallest first.
    pub const ALL: [Self; 3] = [Self::OneField, Self::OnePercent, Self::TenPercent];

    /// Returns the label for tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneField => "one field",
            Self::OnePercent => "1 %",
            Self::TenPercent => "10 %",
        }
    }
}

/// The entries of a portfolio, from which its document is generated.
#[derive(Clone, Debug, PartialEq)]
pub struct Portfolio {
    assets: Map<String, Value>,
    transactions: Vec<Value>,
}

impl Portfolio {
    /// Generates a portfolio whose document has about the size `size`.
    pub fn of_size(size: Size) -> Self {
        Self::grown(|_, bytes| bytes < size.bytes())
    }

    /// Generates a portfolio whose document has at least `least` bytes as compact JSON, and at most one entry more.
    pub fn of_bytes(least: usize) -> Self {
        Self::grown(|_, bytes| bytes < least)
    }

    /// Generates a portfolio of exactly `count` assets and transactions.
    pub fn of_entries(count: usize) -> Self {
        Self::grown(|entries, _| entries < count)
    }

    /// Adds entries while `more` returns true. It gets the number of entries and the document's size in bytes.
    fn grown(more: impl Fn(usize, usize) -> bool) -> Self {
        let mut generator = Generator::new(42);
        let mut portfolio = Self {
            assets: Map::new(),
            transactions: Vec::new(),
        };
        let mut bytes = portfolio.document().to_string().len();
        while more(portfolio.len(), bytes) {
            if portfolio.len().is_multiple_of(6) {
                let name = symbol(portfolio.assets.len());
                let asset = generator.asset();
                bytes += asset.to_string().len() + name.len() + r#""":,"#.len();
                portfolio.assets.insert(name, asset);
            } else {
                let transaction = generator.transaction(portfolio.assets.len());
                bytes += transaction.to_string().len() + ",".len();
                portfolio.transactions.push(transaction);
            }
        }
        portfolio
    }

    /// Returns the number of assets and transactions.
    pub fn len(&self) -> usize {
        self.assets.len() + self.transactions.len()
    }

    /// Returns whether the portfolio has no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the portfolio after an edit. Another `seed` picks other entries, except for [`Edit::OneField`].
    #[must_use]
    pub fn edited(&self, edit: Edit, seed: u64) -> Self {
        let mut portfolio = self.clone();
        match edit {
            Edit::OneField => {
                let middle = portfolio.assets.len() / 2;
                if let Some(asset) = portfolio.assets.values_mut().nth(middle) {
                    asset["amount"] = json!(Edit::AMOUNT);
                }
            }
            Edit::OnePercent => portfolio.mix(self.len().div_ceil(100), seed),
            Edit::TenPercent => portfolio.mix(self.len().div_ceil(10), seed),
        }
        portfolio
    }

    /// Changes, adds and deletes entries, `count` in total.
    fn mix(&mut self, count: usize, seed: u64) {
        let mut generator = Generator::new(seed);
        let fifth = (count + 2) / 5;
        let mut picked = index::sample(&mut generator.random, self.len(), count - fifth).into_vec();
        let deleted: HashSet<usize> = picked.drain(..fifth).collect();
        for entry in picked {
            if let Some(entry) = self.entry_mut(entry) {
                entry["amount"] = json!(generator.amount());
                entry["lastModified"] = json!(EDITED);
            }
        }
        self.remove(&deleted);
        for added in 0..fifth {
            if added.is_multiple_of(6) {
                self.assets.insert(format!("new{added}"), generator.asset());
            } else {
                let at = generator.random.random_range(0..=self.transactions.len());
                let transaction = generator.transaction(SYMBOLS.len());
                self.transactions.insert(at, transaction);
            }
        }
    }

    /// Returns the entry with this number; assets count first.
    fn entry_mut(&mut self, number: usize) -> Option<&mut Value> {
        match number.checked_sub(self.assets.len()) {
            Some(transaction) => self.transactions.get_mut(transaction),
            None => self.assets.values_mut().nth(number),
        }
    }

    fn remove(&mut self, numbers: &HashSet<usize>) {
        let mut number = 0..;
        let mut stays = || number.next().is_none_or(|number| !numbers.contains(&number));
        self.assets.retain(|_, _| stays());
        self.transactions.retain(|_| stays());
    }

    /// Returns the document.
    pub fn document(&self) -> Value {
        json!({
            "@portfolios": {
                "default": {
                    "assets": self.assets,
                    "settings": {
                        "currency": "USD",
                        "theme": "dark",
                        "priceAlerts": true,
                        "sortBy": "value",
                        "refreshInterval": 300,
                    },
                    "transactions": self.transactions,
                },
            },
            "metadata": {
                "sync_version": "1.0.0",
                "device_id": "device-0",
                "timestamp": "2025-01-01T00:00:00+00:00",
            },
        })
    }

    /// Returns the document as the service reads it.
    ///
    /// # Errors
    /// None for a generated document. The `Result` lets the caller use `?`.
    pub fn to_core(&self) -> Result<json::Value, json::ReadError> {
        json::read(self.document().to_string().as_bytes())
    }
}

fn symbol(number: usize) -> String {
    let known = SYMBOLS[number % SYMBOLS.len()];
    if number < SYMBOLS.len() {
        known.to_owned()
    } else {
        format!("{known}{number}")
    }
}

/// Generates entries.
struct Generator {
    random: StdRng,
}

impl Generator {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
        }
    }

    fn amount(&mut self) -> String {
        format!("{:.8}", self.random.random_range(0.0001..500.0))
    }

    /// Returns a random time within 300 days after [`FIRST_DAY`].
    fn time(&mut self) -> String {
        let after = self.random.random_range(0..300 * 86_400_000);
        Timestamp::from_millis(FIRST_DAY + after).to_string()
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        choices.choose(&mut self.random).copied().unwrap_or_default()
    }

    fn asset(&mut self) -> Value {
        json!({
            "amount": self.amount(),
            "lastModified": self.time(),
            "costBasis": format!("{:.2}", self.random.random_range(1.0..60_000.0)),
            "notes": self.one_of(&NOTES),
        })
    }

    fn transaction(&mut self, symbols: usize) -> Value {
        json!({
            "id": self.uuid(),
            "type": self.one_of(&TYPES),
            "asset": symbol(self.random.random_range(0..symbols.max(1))),
            "amount": self.amount(),
            "price": format!("{:.2}", self.random.random_range(0.01..70_000.0)),
            "fee": format!("{:.4}", self.random.random_range(0.0..30.0)),
            "exchange": self.one_of(&EXCHANGES),
            "date": self.time(),
            "lastModified": self.time(),
        })
    }

    /// Returns a random UUID (RFC 9562 section 5.4).
    fn uuid(&mut self) -> String {
        let (high, low): (u64, u64) = self.random.random();
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0xfff,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coinolio_core::algebra::{apply, diff};

    #[test]
    fn a_document_has_about_the_requested_size() {
        for size in Size::ALL {
            let bytes = Portfolio::of_size(size).document().to_string().len();
            let target = size.bytes();
            assert!(
                (target..target + 300).contains(&bytes),
                "{} is {bytes} bytes",
                size.as_str()
            );
        }
    }

    #[test]
    fn a_portfolio_has_the_requested_number_of_entries() {
        assert!(Portfolio::of_entries(0).is_empty());
        assert_eq!(Portfolio::of_entries(1_000).len(), 1_000);
    }

    #[test]
    fn the_same_arguments_give_the_same_document_and_another_seed_another_edit() {
        let portfolio = Portfolio::of_size(Size::Medium);
        assert_eq!(portfolio, Portfolio::of_size(Size::Medium));
        let edited = portfolio.edited(Edit::TenPercent, 1);
        assert_eq!(edited, portfolio.edited(Edit::TenPercent, 1));
        assert_ne!(edited, portfolio.edited(Edit::TenPercent, 2));
    }

    #[test]
    fn an_edit_of_ten_percent_changes_sixty_adds_twenty_and_deletes_twenty_of_a_thousand_entries() {
        let portfolio = Portfolio::of_entries(1_000);
        let edited = portfolio.edited(Edit::TenPercent, 7);
        let before: HashSet<String> = entries(&portfolio);
        let after = entries(&edited);
        assert_eq!(edited.len(), portfolio.len());
        assert_eq!(before.difference(&after).count(), 80);
        assert_eq!(after.difference(&before).count(), 80);
    }

    #[test]
    fn the_smallest_edit_of_one_percent_changes_one_entry() {
        let portfolio = Portfolio::of_entries(5);
        let edited = portfolio.edited(Edit::OnePercent, 7);
        assert_eq!(entries(&portfolio).difference(&entries(&edited)).count(), 1);
    }

    #[test]
    fn one_edited_field_is_one_operation() -> Result<(), json::ReadError> {
        let portfolio = Portfolio::of_size(Size::Medium);
        let (mut before, after) = (portfolio.to_core()?, portfolio.edited(Edit::OneField, 0).to_core()?);
        let ops = diff(&before, &after);
        assert_eq!(ops.len(), 1);
        apply(&mut before, &ops);
        assert_eq!(before, after);
        Ok(())
    }

    fn entries(portfolio: &Portfolio) -> HashSet<String> {
        let assets = portfolio.assets.iter().map(|(name, asset)| format!("{name}: {asset}"));
        assets
            .chain(portfolio.transactions.iter().map(Value::to_string))
            .collect()
    }
}
