//! The body of an answer. It is compressed if the client accepts gzip and the body is long enough, or if it would
//! not fit into Lambda's limit otherwise.

use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::ACCEPT_ENCODING;
use std::io::Write;

/// Bodies up to this many bytes are not compressed, because they fit into one packet anyway.
const WORTH_COMPRESSING: usize = 1024;

/// The largest body that Lambda can return, in bytes of the JSON that the function returns. Lambda's limit for a
/// synchronous invocation is 6 MB (AWS Lambda Developer Guide, "Lambda quotas"); its error message says 6,291,556
/// bytes. Status and headers, which only the service sets, need less than 2 KB of it.
const CARRIED: usize = 6_291_556 - 2048;

/// A body, ready for the gateway.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Coded {
    /// Not compressed.
    Text(Vec<u8>),
    /// Compressed with gzip.
    Gzip(Vec<u8>),
}

/// Compresses `body`, a JSON text, if it is long enough and `headers` accept gzip.
///
/// Lambda's limit takes precedence: a body that fits into the limit in only one coding is sent in that coding. RFC
/// 9110 section 12.5.3 permits this. Returns `None` if the body fits in neither coding.
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

/// Returns the length of a JSON text as a string within another JSON text. Only its quotes and backslashes need an
/// escape, because compact JSON contains no control characters.
fn text_bytes(json: &[u8]) -> usize {
    json.len() + json.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

/// Returns the length of binary data in the gateway's base64.
const fn base64_bytes(data: &[u8]) -> usize {
    data.len().div_ceil(3) * 4
}

/// Returns true if `Accept-Encoding` gives gzip a weight above 0 that is not below identity's (RFC 9110 section
/// 12.5.3). Without the header, only identity is sure to be understood.
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

/// Returns a coding's weight in thousandths: 1000 if there is no `q`, 0 if `q` is invalid (RFC 9110 section
/// 12.4.2).
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
    fn a_large_body_is_compressed_for_a_client_that_accepts_gzip() {
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
    fn a_client_that_refuses_gzip_or_prefers_identity_gets_identity() {
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
            panic!("the body is not compressed")
        };
        assert!(base64_bytes(&packed) <= CARRIED);
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        unpacked
    }

    /// Returns a JSON array of strings of `length` random printable characters, which hardly compress.
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
    fn text_bytes_equals_the_length_that_serde_json_writes() {
        for body in [noise(10_000, 7), r#"{"a":"\"\\ü"}"#.as_bytes().to_vec()] {
            let text = String::from_utf8(body.clone()).unwrap();
            assert_eq!(text_bytes(&body), serde_json::to_string(&text).unwrap().len() - 2);
        }
    }

    #[test]
    fn a_body_that_fits_only_when_compressed_is_always_compressed() {
        for body in [vec![b'a'; CARRIED + 1], vec![b'"'; CARRIED / 2 + 1]] {
            assert_eq!(unpacked(coded(&headers("identity"), body.clone())), body);
        }
        let carried = vec![b'a'; CARRIED];
        assert_eq!(coded(&HeaderMap::new(), carried.clone()), Some(Coded::Text(carried)));
    }

    #[test]
    fn a_body_that_fits_only_as_text_is_sent_as_text() {
        let body = noise(6_200_000, 100_000);
        assert_eq!(coded(&headers("gzip"), body.clone()), Some(Coded::Text(body)));
    }

    #[test]
    fn a_body_that_fits_in_no_coding_is_not_sent() {
        assert_eq!(coded(&headers("gzip"), noise(6_200_000, 30)), None);
        // Random text of this length still fits.
        assert!(coded(&headers("gzip"), noise(5_600_000, 30)).is_some());
    }
}
