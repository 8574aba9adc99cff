//! The answer's body: compressed where that helps and the client takes it.

use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::ACCEPT_ENCODING;
use std::io::Write;

/// Bodies below this many bytes are sent as they are: a packet holds them anyway.
const WORTH_COMPRESSING: usize = 1024;

/// Above this many bytes a body is compressed whatever the client says. Lambda takes answers of 6 MB, in
/// which a text's quotes are escaped, so that half of that is where an uncompressed one may no longer pass;
/// RFC 9110 section 12.5.3 lets a server send a coding that was not asked for.
const MUST_COMPRESS: usize = 3 * 1024 * 1024;

/// Compresses `body` where it is worth it and `headers` accept gzip; `None` where it stays as it is.
pub(super) fn compressed(headers: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    let wanted = body.len() > WORTH_COMPRESSING && accepts_gzip(headers);
    if !wanted && body.len() <= MUST_COMPRESS {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// True where `Accept-Encoding` gives gzip a weight above 0 that is no lower than identity's (RFC 9110
/// section 12.5.3). Without the header identity is what every client understands.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for value in headers.get_all(ACCEPT_ENCODING) {
        for element in value.to_str().unwrap_or_default().split(',') {
            let mut parts = element.split(';');
            let coding = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = weight(parts);
            match coding.as_str() {
                "gzip" | "x-gzip" => gzip = gzip.max(weight),
                "identity" => identity = identity.max(weight),
                "*" => any = any.max(weight),
                _ => {}
            }
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// A coding's weight in thousandths: 1 without `q`, 0 where `q` is not a weight (RFC 9110 section 12.4.2).
fn weight<'a>(parameters: impl Iterator<Item = &'a str>) -> Option<u16> {
    for parameter in parameters {
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        if name.trim().eq_ignore_ascii_case("q") {
            return Some(thousandths(value.trim()).unwrap_or(0));
        }
    }
    Some(1000)
}

fn thousandths(weight: &str) -> Option<u16> {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{MUST_COMPRESS, compressed};
    use flate2::read::GzDecoder;
    use lambda_http::http::{HeaderMap, HeaderValue};
    use std::io::Read;

    fn headers(accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("accept-encoding", HeaderValue::from_str(accept).unwrap());
        headers
    }

    #[test]
    fn a_large_body_is_compressed_for_those_who_accept_it() {
        let body = vec![b'a'; 2000];
        for accept in [
            "gzip",
            "GZIP",
            "x-gzip",
            "deflate, gzip;q=0.5",
            "br;q=1.0, gzip;q=0.001, *;q=0",
            "*",
            "identity;q=0.5, gzip;q=0.5",
            "gzip ; q=1.000",
        ] {
            let packed = compressed(&headers(accept), &body).unwrap_or_default();
            let mut unpacked = Vec::new();
            GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, body, "{accept}");
        }
    }

    #[test]
    fn who_refuses_gzip_or_likes_identity_better_gets_identity() {
        let body = vec![b'a'; 2000];
        for accept in [
            "",
            "br",
            "identity",
            "gzip;q=0",
            "gzip;q=0.000",
            "gzip;q=0, *",
            "*;q=0",
            "gzip;q=0.4, identity",
            "gzip;q=nonsense",
            "gzip;q=1.5",
            "gzipped",
        ] {
            assert_eq!(compressed(&headers(accept), &body), None, "{accept}");
        }
        assert_eq!(compressed(&HeaderMap::new(), &body), None);
    }

    #[test]
    fn a_small_body_stays_as_it_is() {
        assert_eq!(compressed(&headers("gzip"), &[b'a'; 1024]), None);
    }

    #[test]
    fn a_body_that_lambda_might_not_carry_is_compressed_in_any_case() {
        assert!(compressed(&headers("identity"), &vec![b'a'; MUST_COMPRESS + 1]).is_some());
    }
}
