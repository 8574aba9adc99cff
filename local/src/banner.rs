//! The startup banner: URLs, a token and example commands, printed when the server is ready.

use crate::error::StartError;
use crate::server::Server;
use std::io::{self, Write};

/// The user of the printed token.
pub const USER: &str = "demo";

/// Writes the URLs, a token for [`USER`] and three commands to paste. `data` tells the user where the data is
/// stored.
///
/// The commands create a portfolio (409 if it exists already), sync it as a v1 phone (no effect when repeated),
/// and ask whether a v1 tablet needs to sync.
///
/// # Errors
/// Fails if the token cannot be signed or `out` cannot be written.
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
        "\nCreate a portfolio, sync it as a v1 phone, and ask whether a v1 tablet needs to sync:\n"
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
    writeln!(out, "\nCtrl-C stops the server.")?;
    out.flush()
}
