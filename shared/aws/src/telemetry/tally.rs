//! The sum of the results of an invocation's syncs.

use coinolio_core::sync::Report;
use coinolio_core::wire::Outcome;
use coinolio_core::{Code, Error};

/// The sum of the reports of an invocation. A request about one portfolio has one report. A batch has one report
/// for each sync that succeeded, and one error for each sync that was refused.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The number of reports.
    pub(crate) reports: u64,
    /// The outcome, if all reports have the same one.
    pub(crate) outcome: Option<Outcome>,
    /// True if all syncs were repetitions.
    pub(crate) repeated: bool,
    /// The number of conflicts.
    pub(crate) conflicts: u64,
    /// The size of the stored operations, in bytes of JSON.
    pub(crate) patch_bytes: u64,
    /// The size of the documents that were read, in bytes of compact JSON.
    pub(crate) document_bytes: Option<u64>,
    /// The number of refused portfolios in a batch.
    pub(crate) refused: u64,
    /// The number of portfolios that were refused with 5xx.
    pub(crate) failed: u64,
    /// The code, if all refusals have the same one.
    pub(crate) code: Option<Code>,
}

impl Tally {
    /// Adds the report of a sync that succeeded.
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

    /// Adds the error of a sync that was refused. If the service failed, also logs the cause, because the
    /// invocation's log event does not contain it.
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
    fn the_sum_has_an_outcome_only_if_all_reports_have_the_same_one() {
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
            "the sum must not have an outcome again after two different ones"
        );
    }

    #[test]
    fn refusals_are_counted_and_the_sum_has_a_code_only_if_all_have_the_same_one() {
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
