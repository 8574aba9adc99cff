//! Where a DynamoDB other than AWS's own is.

use super::ConfigError;
use lambda_http::http::Uri;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The URL of a DynamoDB API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    is_https: bool,
    is_local: bool,
}

impl Endpoint {
    /// Reads the value of the variable `name`: an absolute URL of scheme `http` or `https`.
    pub(super) fn parse(name: &'static str, url: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::unusable(name, "is not a URL such as http://127.0.0.1:8000");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        Ok(Self {
            url: url.to_owned(),
            is_https,
            is_local: is_local(host),
        })
    }

    /// The URL as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// True where connections are encrypted.
    pub const fn is_https(&self) -> bool {
        self.is_https
    }

    /// True where it is on this machine: `localhost`, a loopback address (RFC 1122 section 3.2.1.3, RFC 4291
    /// section 2.5.3), or `host.docker.internal`, as the machine is called inside a container of `sam local`.
    pub const fn is_local(&self) -> bool {
        self.is_local
    }
}

fn is_local(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.eq_ignore_ascii_case("host.docker.internal")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    fn is_local(url: &str) -> Option<bool> {
        Endpoint::parse("X", url).ok().map(|endpoint| endpoint.is_local())
    }

    #[test]
    fn only_this_machine_is_local() {
        for url in [
            "http://localhost:8000",
            "http://LOCALHOST",
            "http://127.0.0.1:8000/",
            "http://127.9.9.9:1",
            "https://[::1]:8000",
            "http://host.docker.internal:8000",
        ] {
            assert_eq!(is_local(url), Some(true), "{url}");
        }
        for url in [
            "https://dynamodb.eu-central-1.amazonaws.com",
            "http://localhost.example.com",
            "http://localhost@example.com",
            "http://127.0.0.1@10.0.0.1:8000",
            "http://127.0.0.1.nip.io",
            "http://10.0.0.1:8000",
            "http://0.0.0.0:8000",
            "http://[::2]:8000",
        ] {
            assert_eq!(is_local(url), Some(false), "{url}");
        }
    }

    #[test]
    fn what_is_no_absolute_http_url_is_refused_without_repeating_it() {
        for url in [
            "",
            "localhost",
            "localhost:8000",
            "ftp://localhost",
            "http://",
            "http://a b",
            "/x",
            "secret",
        ] {
            let error = Endpoint::parse("AWS_ENDPOINT_URL", url).unwrap_err().to_string();
            let expected = "the environment variable AWS_ENDPOINT_URL is not a URL such as http://127.0.0.1:8000";
            assert_eq!(error, expected, "{url}");
        }
    }
}
