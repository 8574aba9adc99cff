//! What the syncs of an invocation came to, one or several.

use coinolio_core::sync::Report;
use coinolio_core::wire::Outcome;
use coinolio_core::{Code, Error};

/// The sum of the reports of an invocation. A request about one portfolio has one, a batch one for each portfolio that was
/// carried out, and an error for each other.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many reports it sums up.
    pub(crate) reports: u64,
    /// What they came to, where all came to the same.
    pub(crate) outcome: Option<Outcome>,
    /// True where all of them were repetitions.
    pub(crate) repeated: bool,
    /// The conflicts that were met.
    pub(crate) conflicts: u64,
    /// The operations that were stored, in bytes of JSON.
    pub(crate) patch_bytes: u64,
    /// The documents that were read, in bytes of compact JSON.
    pub(crate) document_bytes: Option<u64>,
    /// How many portfolios of a batch were refused.
    pub(crate) refused: u64,
    /// How many of them with 5xx.
    pub(crate) failed: u64,
    /// Why, where all were refused for the same reason.
    pub(crate) code: Option<Code>,
}

impl Tally {
    /// Adds a portfolio that was carried out.
    pub fn add(&mut self, report: &Report) {
        let is_first = self.reports == 0;
        self.reports += 1;
        self.outcome = report
            .outcome
            .filter(|outcome| is_first || self.outcome == Some(*outcome));
        self.repeated = report.repeated && (is_first || self.repeated);
        self.conflicts += report.conflicts;
        self.patch_bytes += report.patch_bytes;
        let bytes = [self.document_bytes, report.document_bytes];
        self.document_bytes = bytes.into_iter().flatten().reduce(u64::saturating_add);
    }

    /// Adds a portfolio that was refused; the log tells of a failure, as nothing else of the invocation does.
    pub fn refuse(&mut self, error: &Error) {
        let is_first = self.refused == 0;
        self.refused += 1;
        self.code = Some(error.code).filter(|code| is_first || self.code == Some(*code));
        if error.code.status() >= 500 {
            self.failed += 1;
            let (code, cause) = (error.code.as_str(), error.cause.as_deref());
            tracing::error!(code, cause, "a portfolio of a batch failed");
        }
    }
}

impl From<Report> for Tally {
    fn from(report: Report) -> Self {
        let mut tally = Self::default();
        tally.add(&report);
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use coinolio_core::sync::Report;
    use coinolio_core::wire::Outcome;
    use coinolio_core::{Code, Error};

    fn report(outcome: Outcome, document_bytes: Option<u64>) -> Report {
        Report {
            outcome: Some(outcome),
            repeated: true,
            conflicts: 1,
            patch_bytes: 10,
            document_bytes,
            ..Report::default()
        }
    }

    #[test]
    fn reports_are_summed_and_named_by_what_they_share() {
        let mut tally = Tally::from(report(Outcome::Pulled, None));
        tally.add(&report(Outcome::Pulled, Some(5)));
        tally.add(&report(Outcome::Pulled, Some(7)));
        assert_eq!((tally.reports, tally.conflicts, tally.patch_bytes), (3, 3, 30));
        assert_eq!((tally.outcome, tally.repeated), (Some(Outcome::Pulled), true));
        assert_eq!(tally.document_bytes, Some(12));
        tally.add(&Report::default());
        assert_eq!((tally.outcome, tally.repeated), (None, false));
        tally.add(&report(Outcome::Pulled, None));
        assert_eq!(
            (tally.outcome, tally.repeated),
            (None, false),
            "once apart, apart for good"
        );
    }

    #[test]
    fn refusals_are_counted_and_named_by_the_code_that_they_share() {
        let mut tally = Tally::default();
        for _ in 0..2 {
            tally.refuse(&Error::new(Code::Unavailable, ""));
        }
        assert_eq!(
            (tally.refused, tally.failed, tally.code),
            (2, 2, Some(Code::Unavailable))
        );
        tally.refuse(&Error::new(Code::Deleted, ""));
        tally.refuse(&Error::new(Code::Deleted, ""));
        assert_eq!((tally.refused, tally.failed, tally.code), (4, 2, None));
    }
}
