//! The functions, their operations and their routes, declared once.
//!
//! The functions, the local gateway, the tests and the benchmarks read this declaration. The router table in
//! `Cargo.toml` and the lists in the documents are written from it:
//!
//! ```text
//! cargo run -p coinolio-tests --bin write-routes
//! ```
//!
//! Tests compare it with `template.yaml`, `docs/openapi.yaml` and `events/`, where an operation has the same name:
//! `SyncChanges` here is the event `SyncChanges` of `SyncFunction`, the `operationId` `syncChanges`, and the handler
//! `sync_changes` in `functions/sync`.
//!
//! ```
//! use coinolio_aws::routes::{Function, Match, Operation, SyncOperation, route};
//! use lambda_http::http::Method;
//!
//! let Match::Route(found, parameters) = route(&Method::POST, "/api/v2/portfolios/main/sync") else {
//!     panic!("the route is declared below");
//! };
//! assert_eq!(found.operation, Operation::Sync(SyncOperation::SyncChanges));
//! assert_eq!(found.operation.function(), Function::Sync);
//! assert_eq!(parameters, [("id", "main")]);
//! ```

use lambda_http::http::Method;
use std::fmt;

/// Declares functions with their operations, and each operation with its routes.
macro_rules! routes {
    (http {$(
        #[doc = $function_doc:literal]
        $function:ident($operations:ident) = $name:literal {$(
            #[doc = $doc:literal]
            $operation:ident: $($method:ident $template:literal),+;
        )+}
    )+}
    stream {$(
        #[doc = $other_doc:literal]
        $other:ident = $other_name:literal;
    )*}) => {
        /// A Lambda function of the workspace.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Function {
            $(#[doc = $function_doc] $function,)+
            $(#[doc = $other_doc] $other,)*
        }

        impl Function {
            /// Every function.
            pub const ALL: &[Self] = &[$(Self::$function,)+ $(Self::$other,)*];

            /// The name of the function's crate, folder and binary.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$function => $name,)+
                    $(Self::$other => $other_name,)*
                }
            }

            /// The function's purpose, in one sentence.
            pub const fn purpose(self) -> &'static str {
                match self {
                    $(Self::$function => $function_doc,)+
                    $(Self::$other => $other_doc,)*
                }
                .trim_ascii()
            }
        }

        /// The operation that a request asks for, within the function that answers it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(#[doc = $function_doc] $function($operations),)+
        }

        impl Operation {
            /// The function that answers.
            pub const fn function(self) -> Function {
                match self {
                    $(Self::$function(_) => Function::$function,)+
                }
            }

            /// The operation's name, unique among all functions.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$function($operations::$operation) => stringify!($operation),)+)+
                }
            }

            /// The operation's purpose, in one sentence.
            pub const fn purpose(self) -> &'static str {
                match self {
                    $($(Self::$function($operations::$operation) => $doc,)+)+
                }
                .trim_ascii()
            }
        }

        $(
            #[doc = concat!("The operations of [`Function::", stringify!($function), "`].")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub enum $operations {$(
                #[doc = $doc]
                #[doc = ""]
                $(#[doc = concat!("`", stringify!($method), " ", $template, "`")])+
                $operation,
            )+}

            /// Fails with the operation itself if another function answers it.
            impl TryFrom<Operation> for $operations {
                type Error = Operation;

                fn try_from(operation: Operation) -> Result<Self, Operation> {
                    match operation {
                        Operation::$function(operation) => Ok(operation),
                        other => Err(other),
                    }
                }
            }
        )+

        /// Every route.
        pub static ROUTES: &[Route] = &[$($($(
            Route {
                method: Method::$method,
                template: $template,
                operation: Operation::$function($operations::$operation),
            },
        )+)+)+];
    };
}

routes! {
    http {
        /// Tells a device whether there is anything to sync, and whether a sync may conflict.
        SyncStatus(SyncStatusOperation) = "sync-status" {
            /// v1: tells whether there is anything to sync.
            DocumentStatus: GET "/api/v1/portfolios/{id}/sync-status", GET "/api/v1/portfolios/{id}/sync/status";
            /// v2: tells whether there is anything to sync.
            SyncStatus: GET "/api/v2/portfolios/{id}/sync-status";
        }

        /// Merges a device's edits and answers with the other devices' changes.
        Sync(SyncOperation) = "sync" {
            /// v1: exchanges whole documents.
            SyncDocument: POST "/api/v1/portfolios/{id}/sync";
            /// v2: exchanges changes.
            SyncChanges: POST "/api/v2/portfolios/{id}/sync";
            /// v2: exchanges changes of several portfolios.
            SyncAll: POST "/api/v2/sync";
        }

        /// Creates, lists, reads, replaces, deletes and restores portfolios, and tells their history.
        Portfolios(PortfoliosOperation) = "portfolios" {
            /// v1: creates a portfolio.
            CreatePortfolio: POST "/api/v1/portfolios";
            /// v1: lists the user's portfolios with their documents.
            ListDocuments: GET "/api/v1/portfolios";
            /// v1: reads a portfolio with its document.
            ReadDocument: GET "/api/v1/portfolios/{id}";
            /// v1: replaces a portfolio's name, its document, or both.
            ReplacePortfolio: PUT "/api/v1/portfolios/{id}";
            /// v1: deletes a portfolio.
            DeletePortfolio: DELETE "/api/v1/portfolios/{id}";
            /// v2: lists the heads of the user's portfolios.
            ListPortfolios: GET "/api/v2/portfolios";
            /// v2: reads a portfolio with its document, at the head or at an older version.
            ReadPortfolio: GET "/api/v2/portfolios/{id}";
            /// v2: lists the changes of a portfolio, newest first.
            ReadHistory: GET "/api/v2/portfolios/{id}/history";
            /// v2: compares two versions of a portfolio.
            CompareVersions: GET "/api/v2/portfolios/{id}/compare";
            /// v2: restores the document of an older version.
            RestoreVersion: POST "/api/v2/portfolios/{id}/restore";
            /// v2: brings back the losing value of a conflict.
            KeepMine: POST "/api/v2/portfolios/{id}/conflicts/{version}/{index}/keep-mine";
        }

        /// Lists, reads, describes and forgets a user's devices.
        Devices(DevicesOperation) = "devices" {
            /// v2: lists the user's devices.
            ListDevices: GET "/api/v2/devices";
            /// v2: reads a device.
            ReadDevice: GET "/api/v2/devices/{device_id}";
            /// v2: sets a device's name, platform, rank and app version.
            DescribeDevice: PUT "/api/v2/devices/{device_id}";
            /// v2: forgets a device.
            ForgetDevice: DELETE "/api/v2/devices/{device_id}";
        }
    }

    stream {
        /// Reads the table's stream and compacts portfolios: writes snapshots and removes expired changes.
        ChangeStream = "change-stream";
    }
}

/// A method and a path, and the operation that they ask for.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path. A name in braces stands for one segment, as in `template.yaml`.
    pub template: &'static str,
    /// The operation.
    pub operation: Operation,
}

/// The route's key as API Gateway writes it: `GET /api/v2/devices/{device_id}`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

/// The segments of a path that stand for a template's names in braces, in order. Each name comes with its segment as
/// the path has it: still percent-encoded and unchecked.
pub type Parameters<'p> = Vec<(&'static str, &'p str)>;

/// The result of a search for a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match<'p> {
    /// The route, and the parameters in the path.
    Route(&'static Route, Parameters<'p>),
    /// The path has routes, but none with this method: the value of `Allow` (RFC 9110 section 10.2.1).
    MethodNotAllowed(String),
    /// No route has this path.
    NotFound,
}

/// Finds the route of `method` and `path`. The path is the one of the request line, without the query.
///
/// Paths are compared segment by segment and exactly: an empty parameter, a trailing slash or another case makes
/// another path.
pub fn route<'p>(method: &Method, path: &'p str) -> Match<'p> {
    let mut allowed = Vec::new();
    for route in ROUTES {
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

/// Returns the parameters if `path` has the form of `template`.
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
    use super::{Function, Match, Operation, Parameters, PortfoliosOperation, ROUTES, route};
    use lambda_http::http::Method;
    use std::collections::HashSet;

    fn operation<'p>(method: &Method, path: &'p str) -> Option<(Operation, Parameters<'p>)> {
        match route(method, path) {
            Match::Route(route, parameters) => Some((route.operation, parameters)),
            _ => None,
        }
    }

    #[test]
    fn every_row_of_the_table_is_found_by_its_own_method_and_path() {
        for row in ROUTES {
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
    fn every_operation_and_every_function_has_a_name_of_its_own() {
        let mut names: Vec<_> = ROUTES.iter().map(|row| (row.operation, row.operation.name())).collect();
        // Routes of one operation are neighbours.
        names.dedup();
        let distinct: HashSet<_> = names.iter().map(|(_, name)| name).collect();
        assert_eq!(distinct.len(), names.len());
        let functions: HashSet<_> = Function::ALL.iter().map(|function| function.name()).collect();
        assert_eq!(functions.len(), Function::ALL.len());
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
    fn a_parameter_stays_percent_encoded() {
        assert_eq!(
            operation(&Method::GET, "/api/v2/portfolios/a%2Fb"),
            Some((
                Operation::Portfolios(PortfoliosOperation::ReadPortfolio),
                vec![("id", "a%2Fb")]
            ))
        );
        assert_eq!(
            operation(&Method::POST, "/api/v2/portfolios/p/conflicts/x/%30/keep-mine"),
            Some((
                Operation::Portfolios(PortfoliosOperation::KeepMine),
                vec![("id", "p"), ("version", "x"), ("index", "%30")]
            ))
        );
    }
}
