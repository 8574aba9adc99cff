//! Reading request bodies up to API Gateway's limit.

use axum::body::{Body, HttpBody};
use std::future::poll_fn;
use std::pin::Pin;

/// The largest body that API Gateway accepts, in bytes ("Quotas for configuring and running an HTTP API": 10 MB).
pub(super) const LIMIT: usize = 10 * 1024 * 1024;

/// How much of a body is read, in bytes. The part over the limit is discarded: if it were not read, a client that
/// is still sending would see a connection reset instead of the answer.
const DRAINED: usize = 64 * 1024 * 1024;

/// The reason for refusing a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Longer than [`LIMIT`].
    TooLarge,
    /// The connection broke or the framing is wrong.
    Broken,
}

/// Reads the whole body.
///
/// # Errors
/// Refuses a body that is longer than [`LIMIT`] or incomplete.
pub(super) async fn read(mut body: Body) -> Result<Vec<u8>, Refused> {
    let announced = body.size_hint().lower();
    let mut whole = Vec::with_capacity(usize::try_from(announced).unwrap_or(LIMIT).min(LIMIT));
    let mut length = 0_usize;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.map_err(|_| Refused::Broken)?.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length <= LIMIT {
            whole.extend_from_slice(&data);
        } else if length > DRAINED {
            break;
        }
    }
    if length > LIMIT {
        Err(Refused::TooLarge)
    } else {
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, Refused, read};
    use axum::body::Body;

    #[tokio::test]
    async fn a_body_at_the_limit_is_accepted_and_one_byte_more_is_refused() {
        assert_eq!(read(Body::empty()).await, Ok(Vec::new()));
        assert_eq!(read(Body::from(vec![7; LIMIT])).await, Ok(vec![7; LIMIT]));
        assert_eq!(read(Body::from(vec![7; LIMIT + 1])).await, Err(Refused::TooLarge));
    }
}
