//! Answers in the forms of integrations other than the HTTP API's.

use super::Answer;
use super::arrival::Integration;
use lambda_http::aws_lambda_events::alb::AlbTargetGroupResponse;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
use serde::Serialize;

/// What a function returns.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Returned {
    /// To an HTTP API, payload format 2.0.
    HttpApi(ApiGatewayV2httpResponse),
    /// To a REST API ("Output format of a Lambda function for proxy integration"): it takes no other members.
    ApiGateway(ApiGatewayProxyResponse),
    /// To an Application Load Balancer ("Lambda functions as targets", "Respond to the load balancer").
    LoadBalancer(AlbTargetGroupResponse),
}

impl Integration {
    /// `answer` as this integration takes it. Its body is text.
    pub fn returned(self, answer: Answer) -> Returned {
        let (parts, body) = answer.into_parts();
        let status_code = i64::from(parts.status.as_u16());
        let body = Some(body);
        match self {
            Self::ApiGateway => {
                let mut response = ApiGatewayProxyResponse::default();
                response.status_code = status_code;
                response.headers = parts.headers;
                response.body = body;
                Returned::ApiGateway(response)
            }
            Self::LoadBalancer { multi_value_headers } => {
                let mut response = AlbTargetGroupResponse::default();
                response.status_code = status_code;
                response.status_description = Some(parts.status.to_string());
                if multi_value_headers {
                    response.multi_value_headers = parts.headers;
                } else {
                    response.headers = parts.headers;
                }
                response.body = body;
                Returned::LoadBalancer(response)
            }
        }
    }
}
