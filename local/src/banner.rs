//! What a person needs to use the server, printed once it serves.

use crate::error::StartError;
use crate::server::Server;
use std::io::{self, Write};

/// The user whose token is printed.
pub const USER: &str = "demo";

/// Writes the URLs, a token for [`USER`] and three commands to paste: create a portfolio (409 where an
/// earlier paste did), sync it as a v1 phone (pasted again: no effect), ask what a v1 tablet would miss.
pub fn write(server: &Server, data: &str, out: &mut impl Write) -> Result<(), StartError> {
    let token = server.token(USER)?;
    lines(server, data, &token, out).map_err(|cause| StartError::System("cannot write to the terminal", cause))
}

fn lines(server: &Server, data: &str, token: &str, out: &mut impl Write) -> io::Result<()> {
    let (api, dynamodb) = (server.url(), server.dynamodb_url());
    let curl = format!("curl -sS -H 'Authorization: Bearer {token}'");
    let json = "-H 'Content-Type: application/json'";
    writeln!(out, "API       {api}   (GET /health)")?;
    writeln!(
        out,
        "DynamoDB  {dynamodb}   (table {}, any credentials)",
        crate::server::TABLE
    )?;
    writeln!(out, "Data      {data}")?;
    writeln!(out, "Token     {token}")?;
    writeln!(
        out,
        "\nCreate a portfolio, sync it as a v1 phone, ask what a v1 tablet would miss:\n"
    )?;
    writeln!(
        out,
        r#"{curl} {json} {api}/api/v1/portfolios -d '{{"id":"demo","name":"Demo","device_id":"phone","data":{{"assets":{{"btc":{{"amount":"1.0"}}}}}}}}'"#
    )?;
    writeln!(
        out,
        r#"{curl} {json} {api}/api/v1/portfolios/demo/sync -d '{{"client_data":{{"assets":{{"btc":{{"amount":"2.0"}}}}}},"last_sync_at":null,"client_version":1,"device_id":"phone"}}'"#
    )?;
    writeln!(
        out,
        "{curl} '{api}/api/v1/portfolios/demo/sync-status?client_version=1&device_id=tablet'"
    )?;
    writeln!(out, "\nCtrl-C stops it.")?;
    out.flush()
}
