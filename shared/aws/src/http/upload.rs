//! The request's body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coinolio_core::json::{self, Value};
use coinolio_core::{Code, Error};
use flate2::bufread::MultiGzDecoder;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::CONTENT_ENCODING;
use std::io::Read;

/// The largest body, in bytes, compressed and decompressed alike: a document of 6 MB (design section 5) and
/// half a megabyte for what a request wraps around it.
///
/// Lambda itself takes events of 6 MB, so that a body near this limit arrives there only compressed.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024 + 512 * 1024;

/// The body's bytes as they were sent: base64, which the gateway puts around binary bodies, is taken off.
///
/// `None` without a body. Refused: base64 that is none (malformed), more than [`MAX_BODY_BYTES`] (too large).
pub fn received(event: &mut ApiGatewayV2httpRequest) -> Result<Option<Vec<u8>>, Error> {
    let Some(body) = event.body.take().filter(|body| !body.is_empty()) else {
        return Ok(None);
    };
    // Checked before decoding too, so that no more than the limit is ever decoded.
    let encoded_limit = if event.is_base64_encoded {
        MAX_BODY_BYTES.div_ceil(3) * 4
    } else {
        MAX_BODY_BYTES
    };
    if body.len() > encoded_limit {
        return Err(too_large());
    }
    let bytes = if event.is_base64_encoded {
        STANDARD
            .decode(body)
            .map_err(|_| Error::malformed("the body is not the base64 it is marked as"))?
    } else {
        body.into_bytes()
    };
    if bytes.len() > MAX_BODY_BYTES {
        return Err(too_large());
    }
    Ok(Some(bytes))
}

/// Decodes a body by its `Content-Encoding` and reads it as one JSON object.
///
/// Refused: another encoding than gzip or identity (unsupported encoding), more than [`MAX_BODY_BYTES`] after
/// decompression (too large), what is not gzip, not JSON or no object (malformed), and what
/// [`json::read`] refuses (invalid).
pub fn document(headers: &HeaderMap, body: Option<Vec<u8>>) -> Result<Value, Error> {
    let coding = content_coding(headers)?;
    let body = body.ok_or_else(|| Error::malformed("the request needs a body: a JSON object"))?;
    let text = match coding {
        Coding::Identity => body,
        Coding::Gzip => decompress(&body)?,
    };
    let value = json::read(&text)?;
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(Error::malformed("the body must be a JSON object")),
    }
}

enum Coding {
    Identity,
    Gzip,
}

/// The one coding of the body. `x-gzip` is gzip (RFC 9110 section 8.4.1.3); several codings are refused.
fn content_coding(headers: &HeaderMap) -> Result<Coding, Error> {
    let mut coding = Coding::Identity;
    for value in headers.get_all(CONTENT_ENCODING) {
        let names = value.to_str().map_err(|_| unsupported())?;
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let gzip = name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip");
            match coding {
                Coding::Identity if gzip => coding = Coding::Gzip,
                _ if name.eq_ignore_ascii_case("identity") => {}
                _ => return Err(unsupported()),
            }
        }
    }
    Ok(coding)
}

/// Decompresses at most one byte more than the limit, whatever the body claims to hold.
fn decompress(body: &[u8]) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(body)
        .take(limit)
        .read_to_end(&mut text)
        .map_err(|_| Error::malformed("the body is not the gzip that Content-Encoding says"))?;
    if text.len() > MAX_BODY_BYTES {
        return Err(too_large());
    }
    Ok(text)
}

fn too_large() -> Error {
    Error::new(
        Code::TooLarge,
        format!("the body is over {MAX_BODY_BYTES} bytes, as sent or decompressed"),
    )
}

fn unsupported() -> Error {
    Error::new(Code::UnsupportedEncoding, "Content-Encoding must be gzip or identity")
}

#[cfg(test)]
mod tests {
    use super::{MAX_BODY_BYTES, document, received};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use coinolio_core::json::Value;
    use coinolio_core::{Code, Error};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
    use lambda_http::http::HeaderValue;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(body: &str, base64: bool, coding: &[&str]) -> Result<Value, Error> {
        let mut event = ApiGatewayV2httpRequest::default();
        event.body = Some(body.into());
        event.is_base64_encoded = base64;
        for coding in coding {
            event
                .headers
                .append("content-encoding", HeaderValue::from_str(coding).unwrap());
        }
        let body = received(&mut event)?;
        document(&event.headers, body)
    }

    fn binary(body: &[u8], coding: &[&str]) -> Result<Value, Code> {
        read(&STANDARD.encode(body), true, coding).map_err(|e| e.code)
    }

    #[test]
    fn plain_base64_and_gzipped_bodies_read_the_same() {
        let text = r#"{"a":"é"}"#;
        let value = read(text, false, &[]).unwrap();
        assert_eq!(binary(text.as_bytes(), &[]), Ok(value.clone()));
        assert_eq!(binary(text.as_bytes(), &["identity"]), Ok(value.clone()));
        for coding in ["gzip", "GZip", "x-gzip", "identity, gzip"] {
            assert_eq!(binary(&gzip(text.as_bytes()), &[coding]), Ok(value.clone()), "{coding}");
        }
    }

    #[test]
    fn a_gzip_of_several_members_is_their_concatenation() {
        let body = [gzip(br#"{"a":"#), gzip(b"1}")].concat();
        assert_eq!(binary(&body, &["gzip"]), binary(br#"{"a":1}"#, &[]));
    }

    #[test]
    fn other_codings_are_unsupported() {
        let body = gzip(gzip(b"{}").as_slice());
        for coding in [
            &["br"][..],
            &["gzip, gzip"],
            &["gzip", "gzip"],
            &["deflate"],
            &["gzip;q=1"],
        ] {
            assert_eq!(binary(&body, coding), Err(Code::UnsupportedEncoding), "{coding:?}");
        }
    }

    #[test]
    fn what_is_not_what_it_is_marked_as_is_malformed() {
        let mut cut = gzip(br#"{"a":1}"#);
        cut.truncate(cut.len() - 1);
        let mut flipped = gzip(br#"{"a":1}"#);
        if let Some(last) = flipped.last_mut() {
            *last ^= 1;
        }
        for body in [&b"{}"[..], &cut, &flipped, &[gzip(b"{}"), b"x".to_vec()].concat()] {
            assert_eq!(binary(body, &["gzip"]), Err(Code::Malformed), "{body:?}");
        }
        for body in ["{}", "e30", "e30=\n", "e3 0=", "é"] {
            assert_eq!(
                read(body, true, &[]).map_err(|e| e.code),
                Err(Code::Malformed),
                "{body}"
            );
        }
        assert_eq!(binary(b"{\"a\":\"\xff\"}", &[]), Err(Code::Malformed));
    }

    #[test]
    fn a_body_is_one_json_object() {
        for body in ["", "[]", "null", "1", "\"{}\"", "{", "{}{}"] {
            assert_eq!(
                read(body, false, &[]).map_err(|e| e.code),
                Err(Code::Malformed),
                "{body}"
            );
        }
        assert_eq!(binary(&gzip(b""), &["gzip"]), Err(Code::Malformed));
    }

    #[test]
    fn the_limit_holds_as_sent_and_decompressed() {
        let filled = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
        let most = filled(MAX_BODY_BYTES);
        let more = filled(MAX_BODY_BYTES + 1);
        assert_eq!(read(&most, false, &[]), Ok(Value::empty_object()));
        assert_eq!(binary(most.as_bytes(), &[]), Ok(Value::empty_object()));
        assert_eq!(binary(&gzip(most.as_bytes()), &["gzip"]), Ok(Value::empty_object()));
        assert_eq!(read(&more, false, &[]).map_err(|e| e.code), Err(Code::TooLarge));
        assert_eq!(binary(more.as_bytes(), &[]), Err(Code::TooLarge));
        assert_eq!(binary(&gzip(more.as_bytes()), &["gzip"]), Err(Code::TooLarge));
        assert_eq!(
            binary(&gzip(&vec![0; 10 * 1024 * 1024]), &["gzip"]),
            Err(Code::TooLarge)
        );
    }
}
