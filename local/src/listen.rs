//! Listening sockets.

use crate::error::StartError;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, TcpSocket};

/// The number of connections that may wait to be accepted: more than the 128 that a benchmark opens at once.
const BACKLOG: u32 = 1024;

/// A bound socket and its address.
pub struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Listener {
    /// Listens on `port` of `address`; 0 picks a free port. `option` is the command-line option that sets the
    /// port: the error names it.
    ///
    /// Accepted connections inherit `TCP_NODELAY` on Linux and macOS. Without it, the last part of a long answer
    /// waits for the client's delayed acknowledgement, up to 40 ms.
    ///
    /// # Errors
    /// Fails if the port cannot be bound, for example because it is in use.
    pub fn on(address: Ipv4Addr, port: u16, option: &'static str) -> Result<Self, StartError> {
        let address = SocketAddr::from((address, port));
        bind(address).map_err(|cause| StartError::Port { address, option, cause })
    }
}

fn bind(address: SocketAddr) -> io::Result<Listener> {
    let socket = TcpSocket::new_v4()?;
    // Lets a restarted server bind its port while connections of the earlier run are in `TIME_WAIT`. Two live
    // listeners still exclude each other.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    let socket = socket.listen(BACKLOG)?;
    let address = socket.local_addr()?;
    Ok(Listener { socket, address })
}

#[cfg(test)]
mod tests {
    use super::Listener;
    use std::net::Ipv4Addr;

    #[tokio::test]
    async fn the_error_names_a_port_in_use_and_its_option() {
        let first = Listener::on(Ipv4Addr::LOCALHOST, 0, "--port").unwrap();
        let Err(error) = Listener::on(Ipv4Addr::LOCALHOST, first.address.port(), "--port") else {
            panic!("two listeners share a port");
        };
        let error = error.to_string();
        assert!(error.contains(&first.address.to_string()), "{error}");
        assert!(error.contains("--port"), "{error}");
    }
}
