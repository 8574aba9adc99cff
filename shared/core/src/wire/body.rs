//! Reading the body of a request.

use crate::error::{Error, OperationError};
use crate::json::{ReadError, Step, Value, read_located};

/// Reads the body of a request.
///
/// # Errors
/// Those of [`crate::json::read`]. If the part of the body that is refused lies in an operation of a v2 sync, the error
/// reports the operation, but not its path, because the operation cannot be read to its end. It reports no more than
/// one, the first.
pub fn read_body(text: &[u8]) -> Result<Value, Error> {
    read_located(text).map_err(|located| {
        let operation = operation_at(&located.location);
        let is_json = !matches!(located.error, ReadError::NotJson(_));
        let error = Error::from(located.error);
        match operation {
            // A body that is not JSON may have been cut off: then no operation is at fault.
            Some((portfolio, operation)) if is_json => {
                let of_portfolio = portfolio.map(|portfolio| format!("portfolios[{portfolio}]."));
                let of_portfolio = of_portfolio.unwrap_or_default();
                let detail = format!("{of_portfolio}changes[{operation}]: {}", error.detail);
                let fault = OperationError {
                    portfolio,
                    ..OperationError::new(operation, detail)
                };
                Error::of_operations(error.code, vec![fault])
            }
            _ => error,
        }
    })
}

/// Returns the position of the operation at `location`, and of its portfolio if the body is a batch.
fn operation_at(location: &[Step]) -> Option<(Option<usize>, usize)> {
    let element = |list: &str, steps: &[Step]| match steps {
        [Step::Member(name), Step::Element(position), ..] if **name == *list => Some(*position),
        _ => None,
    };
    if let Some(operation) = element("changes", location) {
        return Some((None, operation));
    }
    let portfolio = element("portfolios", location)?;
    let operation = element("changes", location.get(2..)?)?;
    Some((Some(portfolio), operation))
}

#[cfg(test)]
mod tests {
    use super::read_body;
    use crate::error::{Code, OperationError};

    fn operations(text: &str) -> Vec<OperationError> {
        let error = read_body(text.as_bytes()).unwrap_err();
        for operation in &error.operations {
            assert_eq!(
                (&operation.detail, error.code),
                (&error.detail, Code::Invalid),
                "{text}"
            );
        }
        error.operations
    }

    #[test]
    fn the_operation_that_contains_what_the_reader_refuses_is_reported() {
        for (text, portfolio, operation) in [
            (r#"{"changes":[{"value":"\ud800"}]}"#, None, 0),
            (r#"{"changes":[{},{"value":{"\udc00":1}}]}"#, None, 1),
            (r#"{"changes":[{},{},{"op":1,"op":1}]}"#, None, 2),
            (r#"{"changes":[1e999]}"#, None, 0),
            (r#"{"portfolios":[{},{"changes":[{},["\ud800"]]}]}"#, Some(1), 1),
        ] {
            let found = operations(text);
            let found: Vec<_> = found.iter().map(|found| (found.portfolio, found.operation)).collect();
            assert_eq!(found, [(portfolio, operation)], "{text}");
        }
        let error = read_body(br#"{"changes":[{"value":"\ud800"}]}"#).unwrap_err();
        assert_eq!(
            error.detail,
            "changes[0]: a string contains half of a surrogate pair at line 1 column 29"
        );
    }

    #[test]
    fn no_operation_is_reported_for_an_error_elsewhere_or_for_a_body_that_is_cut_off() {
        for text in [
            r#"{"device_id":"\ud800","changes":[{}]}"#,
            r#"{"changes":"\ud800"}"#,
            r#"{"changes":{"0":"\ud800"}}"#,
            r#"{"data":{"changes":["\ud800"]}}"#,
            r#"{"portfolios":[{"name":"\ud800"}]}"#,
            r#"{"portfolios":["\ud800"]}"#,
            r#"{"changes":[],"changes":[]}"#,
            r#"{"changes":[{"value":"abc"#,
            r#"{"changes":[{"value":"\ud8"#,
            r#"{"changes":[{"value":"\ud800"#,
        ] {
            let error = read_body(text.as_bytes()).unwrap_err();
            assert_eq!(error.operations, [], "{text}: {}", error.detail);
        }
    }
}
