//! HTTP as API Gateway's HTTP API hands it to a function and takes it back (payload format 2.0).
//!
//! The handlers take the event itself and not `lambda_http`'s `Request`: its conversion panics on a body
//! that is wrongly marked base64 and on a `Host` that is none, and resolves `..` in paths. Here each of
//! these is an answer.

use lambda_http::LambdaEvent;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};

/// What a function is invoked with: the gateway's event and the invocation's context (request id, deadline).
pub type Event = LambdaEvent<ApiGatewayV2httpRequest>;

/// What a function answers: the gateway decodes the body where `is_base64_encoded`.
pub type Answer = ApiGatewayV2httpResponse;
