//! The answer's body: compressed where that helps and the client takes it, or where Lambda would not carry it.

use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::ACCEPT_ENCODING;
use std::io::Write;

/// Bodies below this many bytes are sent as they are: a packet holds them anyway.
const WORTH_COMPRESSING: usize = 1024;

/// The biggest answer of a function, in bytes of the JSON that it hands to Lambda (AWS Lambda Developer Guide,
/// "Lambda quotas": 6 MB for a synchronous invocation, 6,291,556 bytes by the error that says so), without what
/// stands around the body: status and headers, all of them the service's own and below 2 KB.
const CARRIED: usize = 6_291_556 - 2048;

/// A body as it goes to the gateway.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Coded {
    /// As it is.
    Text(Vec<u8>),
    /// Compressed.
    Gzip(Vec<u8>),
}

/// `body`, a JSON text, compressed where that is worth it and `headers` accept gzip.
///
/// Lambda's limit comes before both: what it carries in one coding only is sent in that, as RFC 9110 section
/// 12.5.3 lets a server do. `None` where it carries neither.
pub(super) fn coded(headers: &HeaderMap, body: Vec<u8>) -> Option<Coded> {
    let fits_as_text = text_bytes(&body) <= CARRIED;
    let wanted = body.len() > WORTH_COMPRESSING && accepts_gzip(headers);
    if fits_as_text && !wanted {
        return Some(Coded::Text(body));
    }
    let carried = |level| gzip(&body, level).filter(|packed| base64_bytes(packed) <= CARRIED);
    if let Some(packed) = carried(Compression::fast()) {
        return Some(Coded::Gzip(packed));
    }
    if fits_as_text {
        return Some(Coded::Text(body));
    }
    carried(Compression::best()).map(Coded::Gzip)
}

fn gzip(body: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), level);
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// What a JSON text takes as a string in another one: its quotes and backslashes are escaped, and there is
/// nothing else in it to escape.
fn text_bytes(json: &[u8]) -> usize {
    json.len() + json.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

/// What binary data takes in the gateway's base64.
const fn base64_bytes(data: &[u8]) -> usize {
    data.len().div_ceil(3) * 4
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
    use super::{CARRIED, Coded, base64_bytes, coded, text_bytes};
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
            assert_eq!(unpacked(coded(&headers(accept), body.clone())), body, "{accept}");
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
            assert_eq!(
                coded(&headers(accept), body.clone()),
                Some(Coded::Text(body.clone())),
                "{accept}"
            );
        }
        assert_eq!(coded(&HeaderMap::new(), body.clone()), Some(Coded::Text(body)));
    }

    #[test]
    fn a_small_body_stays_as_it_is() {
        let body = vec![b'a'; 1024];
        assert_eq!(coded(&headers("gzip"), body.clone()), Some(Coded::Text(body)));
    }

    fn unpacked(coded: Option<Coded>) -> Vec<u8> {
        let Some(Coded::Gzip(packed)) = coded else {
            panic!("it is not compressed")
        };
        assert!(base64_bytes(&packed) <= CARRIED);
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        unpacked
    }

    /// Printable characters without a pattern, in strings of `length`: as little compressible as JSON can be.
    fn noise(bytes: usize, length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            b' ' + u8::try_from((state >> 33) % 95).unwrap()
        })
        .filter(|byte| !matches!(byte, b'"' | b'\\'))
        .take(bytes)
        .collect();
        noise.iter_mut().step_by(length).for_each(|byte| *byte = b'"');
        noise
    }

    #[test]
    fn the_size_of_a_text_is_what_serde_json_makes_of_it() {
        for body in [noise(10_000, 7), r#"{"a":"\"\\ü"}"#.as_bytes().to_vec()] {
            let text = String::from_utf8(body.clone()).unwrap();
            assert_eq!(text_bytes(&body), serde_json::to_string(&text).unwrap().len() - 2);
        }
    }

    #[test]
    fn a_text_that_lambda_does_not_carry_is_compressed_in_any_case() {
        for body in [vec![b'a'; CARRIED + 1], vec![b'"'; CARRIED / 2 + 1]] {
            assert_eq!(unpacked(coded(&headers("identity"), body.clone())), body);
        }
        let carried = vec![b'a'; CARRIED];
        assert_eq!(coded(&HeaderMap::new(), carried.clone()), Some(Coded::Text(carried)));
    }

    #[test]
    fn what_lambda_carries_only_as_text_is_sent_as_text() {
        let body = noise(6_200_000, 100_000);
        assert_eq!(coded(&headers("gzip"), body.clone()), Some(Coded::Text(body)));
    }

    #[test]
    fn what_lambda_carries_in_no_coding_is_not_sent() {
        assert_eq!(coded(&headers("gzip"), noise(6_200_000, 30)), None);
        // Up to here even noise is carried.
        assert!(coded(&headers("gzip"), noise(5_600_000, 30)).is_some());
    }
}
