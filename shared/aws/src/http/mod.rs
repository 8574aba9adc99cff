//! HTTP as API Gateway's HTTP API hands it to a function and takes it back (payload format 2.0).
//!
//! The handlers take the event itself and not `lambda_http`'s `Request`: its conversion panics on a body
//! that is wrongly marked base64 and on a `Host` that is none, and resolves `..` in paths. Here each of
//! these is an answer.

mod answer;
mod arrival;
mod download;
pub mod etag;
pub mod identity;
mod integration;
mod percent;
pub mod problem;
pub mod query;
mod request;
pub mod upload;

pub use answer::{Reply, to_gateway};
pub use arrival::{Arrival, Integration, Payload};
pub use integration::Returned;
pub use request::Request;

pub(crate) use answer::{refusal, response};

use lambda_http::LambdaEvent;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;

/// What a function is invoked with: the gateway's event and the invocation's context (request id, deadline).
pub type Event = LambdaEvent<ApiGatewayV2httpRequest>;

/// What a handler answers; [`to_gateway`] makes the gateway's form of it.
pub type Answer = lambda_http::Response<lambda_http::Body>;
