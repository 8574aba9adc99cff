//! The routes, once: which method and path belongs to which operation of which function.
//!
//! The functions, the local gateway and the tests read this table. Paths and answers are those of design
//! section 5.

use lambda_http::http::Method;

/// A Lambda function of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `functions/sync-status`.
    SyncStatus,
    /// `functions/sync`.
    Sync,
    /// `functions/portfolios`.
    Portfolios,
    /// `functions/devices`.
    Devices,
}

/// What a request asks for, whatever path it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// v1: is there anything to sync.
    StatusV1,
    /// v2: is there anything to sync.
    StatusV2,
    /// v1: exchange whole documents.
    SyncV1,
    /// v2: exchange changes.
    SyncV2,
    /// v1: create a portfolio.
    Create,
    /// v1: every portfolio with its document.
    ListV1,
    /// v1: one portfolio with its document.
    ReadV1,
    /// v1: put another name or document in the head's place.
    Replace,
    /// v1: delete a portfolio.
    Delete,
    /// v2: every portfolio's head.
    ListV2,
    /// v2: one portfolio with its document, now or as it was.
    ReadV2,
    /// v2: the changes of a portfolio, newest first.
    History,
    /// v2: what differs between two versions.
    Compare,
    /// v2: bring the document back to a version.
    Restore,
    /// v2: bring back what lost in a conflict.
    KeepMine,
    /// v2: exchange changes of several portfolios.
    SyncAll,
    /// v2: the user's devices.
    ListDevices,
    /// v2: one device.
    ReadDevice,
    /// v2: say what a device is called and which rank it has.
    DescribeDevice,
    /// v2: forget a device.
    ForgetDevice,
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, a name in braces standing for one segment: the same template as in `template.yaml`.
    pub template: &'static str,
    /// What it asks for.
    pub operation: Operation,
    /// Which function answers.
    pub function: Function,
}

const fn row(method: Method, template: &'static str, operation: Operation, function: Function) -> Route {
    Route {
        method,
        template,
        operation,
        function,
    }
}

/// Every route.
pub static ROUTES: [Route; 21] = [
    row(
        Method::GET,
        "/api/v1/portfolios/{id}/sync-status",
        Operation::StatusV1,
        Function::SyncStatus,
    ),
    row(
        Method::GET,
        "/api/v1/portfolios/{id}/sync/status",
        Operation::StatusV1,
        Function::SyncStatus,
    ),
    row(
        Method::GET,
        "/api/v2/portfolios/{id}/sync-status",
        Operation::StatusV2,
        Function::SyncStatus,
    ),
    row(
        Method::POST,
        "/api/v1/portfolios/{id}/sync",
        Operation::SyncV1,
        Function::Sync,
    ),
    row(
        Method::POST,
        "/api/v2/portfolios/{id}/sync",
        Operation::SyncV2,
        Function::Sync,
    ),
    row(
        Method::POST,
        "/api/v1/portfolios",
        Operation::Create,
        Function::Portfolios,
    ),
    row(
        Method::GET,
        "/api/v1/portfolios",
        Operation::ListV1,
        Function::Portfolios,
    ),
    row(
        Method::GET,
        "/api/v1/portfolios/{id}",
        Operation::ReadV1,
        Function::Portfolios,
    ),
    row(
        Method::PUT,
        "/api/v1/portfolios/{id}",
        Operation::Replace,
        Function::Portfolios,
    ),
    row(
        Method::DELETE,
        "/api/v1/portfolios/{id}",
        Operation::Delete,
        Function::Portfolios,
    ),
    row(
        Method::GET,
        "/api/v2/portfolios",
        Operation::ListV2,
        Function::Portfolios,
    ),
    row(
        Method::GET,
        "/api/v2/portfolios/{id}",
        Operation::ReadV2,
        Function::Portfolios,
    ),
    row(
        Method::GET,
        "/api/v2/portfolios/{id}/history",
        Operation::History,
        Function::Portfolios,
    ),
    row(
        Method::GET,
        "/api/v2/portfolios/{id}/compare",
        Operation::Compare,
        Function::Portfolios,
    ),
    row(
        Method::POST,
        "/api/v2/portfolios/{id}/restore",
        Operation::Restore,
        Function::Portfolios,
    ),
    row(
        Method::POST,
        "/api/v2/portfolios/{id}/conflicts/{version}/{index}/keep-mine",
        Operation::KeepMine,
        Function::Portfolios,
    ),
    row(Method::POST, "/api/v2/sync", Operation::SyncAll, Function::Sync),
    row(
        Method::GET,
        "/api/v2/devices",
        Operation::ListDevices,
        Function::Devices,
    ),
    row(
        Method::GET,
        "/api/v2/devices/{device_id}",
        Operation::ReadDevice,
        Function::Devices,
    ),
    row(
        Method::PUT,
        "/api/v2/devices/{device_id}",
        Operation::DescribeDevice,
        Function::Devices,
    ),
    row(
        Method::DELETE,
        "/api/v2/devices/{device_id}",
        Operation::ForgetDevice,
        Function::Devices,
    ),
];

/// The segments of a path that stand for a template's names in braces, in order: each name with its segment as it
/// stands in the path, still percent-encoded, unchecked.
pub type Parameters<'p> = Vec<(&'static str, &'p str)>;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match<'p> {
    /// To this route, with the parameters in the path.
    Route(&'static Route, Parameters<'p>),
    /// The path is known, the method is not: the value of `Allow` (RFC 9110 section 10.2.1).
    MethodNotAllowed(String),
    /// No route has this path.
    NotFound,
}

/// Finds the route of `method` and `path`, the path as it stands in the request line, without a query.
///
/// Paths are compared segment by segment and exactly: an empty parameter, a trailing slash or another case
/// is another path.
pub fn route<'p>(method: &Method, path: &'p str) -> Match<'p> {
    let mut allowed = Vec::new();
    for route in &ROUTES {
        let Some(parameters) = matches(route.template, path) else {
            continue;
        };
        if route.method == method {
            return Match::Route(route, parameters);
        }
        allowed.push(route.method.as_str());
    }
    if allowed.is_empty() {
        Match::NotFound
    } else {
        Match::MethodNotAllowed(allowed.join(", "))
    }
}

/// The parameters, if any, where `path` has the form of `template`.
fn matches<'p>(template: &'static str, path: &'p str) -> Option<Parameters<'p>> {
    let mut parameters = Vec::new();
    let mut segments = path.split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        let name = expected.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        match name {
            Some(name) if !segment.is_empty() => parameters.push((name, segment)),
            _ if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::{Match, Operation, Parameters, ROUTES, route};
    use lambda_http::http::Method;

    fn operation<'p>(method: &Method, path: &'p str) -> Option<(Operation, Parameters<'p>)> {
        match route(method, path) {
            Match::Route(route, parameters) => Some((route.operation, parameters)),
            _ => None,
        }
    }

    #[test]
    fn every_row_of_the_table_is_found_by_its_own_method_and_path() {
        for row in &ROUTES {
            let values = [("id", "p-1"), ("version", "7"), ("index", "0"), ("device_id", "phone")];
            let path = values.iter().fold(row.template.to_owned(), |path, (name, value)| {
                path.replace(&format!("{{{name}}}"), value)
            });
            assert!(!path.contains('{'), "{path}");
            let in_the_path = |(name, _): &(&str, &str)| row.template.contains(&format!("{{{name}}}"));
            let parameters = values.into_iter().filter(in_the_path).collect();
            assert_eq!(
                route(&row.method, &path),
                Match::Route(row, parameters),
                "{} {path}",
                row.method
            );
        }
    }

    #[test]
    fn a_known_path_with_another_method_names_the_methods_it_has() {
        assert_eq!(
            route(&Method::PATCH, "/api/v1/portfolios/p"),
            Match::MethodNotAllowed("GET, PUT, DELETE".into())
        );
        assert_eq!(
            route(&Method::GET, "/api/v2/portfolios/p/sync"),
            Match::MethodNotAllowed("POST".into())
        );
    }

    #[test]
    fn a_path_that_differs_in_anything_is_unknown() {
        for path in [
            "",
            "/",
            "/api/v1/portfolios/",
            "/api/v1/portfolios//sync",
            "/api/v1/portfolios/p/sync/",
            "/api/v1/Portfolios",
            "/api/v3/portfolios",
            "api/v1/portfolios",
            "/api/v2/portfolios/p/sync/status",
            "/api/v1/portfolios/p/q/sync",
            "/api/v2/portfolios/p/conflicts/7//keep-mine",
            "/api/v2/portfolios/p/conflicts/7/keep-mine",
            "/api/v1/devices",
            "/api/v2/devices/",
            "/api/v2/devices/p/sync",
        ] {
            assert_eq!(route(&Method::GET, path), Match::NotFound, "{path}");
        }
    }

    #[test]
    fn a_parameter_is_handed_over_as_it_stands() {
        assert_eq!(
            operation(&Method::GET, "/api/v2/portfolios/a%2Fb"),
            Some((Operation::ReadV2, vec![("id", "a%2Fb")]))
        );
        assert_eq!(
            operation(&Method::POST, "/api/v2/portfolios/p/conflicts/x/%30/keep-mine"),
            Some((
                Operation::KeepMine,
                vec![("id", "p"), ("version", "x"), ("index", "%30")]
            ))
        );
    }
}
