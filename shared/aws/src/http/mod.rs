//! HTTP, in the form that API Gateway's HTTP APIs exchange with a function (payload format 2.0).
//!
//! The handlers take the gateway's event instead of `lambda_http`'s `Request`. The conversion to `Request` panics
//! on an invalid `Host` and on a body that is wrongly marked as base64, and it resolves `..` in paths. Without the
//! conversion, all of these requests get a regular answer.
//!
//! On its way out, an answer passes through four stages, each with its own type:
//!
//! 1. The engine: `coinolio_core::sync::Answered`, a value with the report of the work.
//! 2. The operation: [`OperationAnswer`], a status, the value as JSON, and the version that the answer is about.
//! 3. HTTP: [`HttpAnswer`], with the client's conditions applied and the body compressed.
//! 4. The gateway: [`GatewayAnswer`], the JSON that the function returns to Lambda.

pub mod etag;
pub mod identity;
pub mod problem;
pub mod query;
pub mod upload;

mod answer;
mod download;
mod operation;
mod payload;
mod percent;
mod request;

pub use answer::gateway_answer;
pub use operation::OperationAnswer;
pub use payload::Payload;
pub use request::Request;

pub(crate) use answer::{http_answer, refusal};

use lambda_http::LambdaEvent;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};

/// An event of an HTTP API, with the context of its invocation (request id, deadline).
pub type Event = LambdaEvent<ApiGatewayV2httpRequest>;

/// A handler's answer. [`gateway_answer`] converts it to the gateway's form.
pub type HttpAnswer = lambda_http::Response<lambda_http::Body>;

/// An answer in the gateway's form.
pub type GatewayAnswer = ApiGatewayV2httpResponse;
