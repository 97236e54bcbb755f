//! The HTTP endpoint: metrics, health, statistics.
//!
//! **Owns** the listening socket, its threads and its limits. **May touch** the board. **Order** started before the engine,
//! stopped after it.
//!
//! A request costs a copy of what was published; nothing here can reach a worker. tiny_http reads requests on threads of its
//! own and has no limit on idle connections, which starve the others, so a small gate stands before it: at most
//! [`CONNECTIONS`] at once, each of which has to bring the whole head of its request within [`PATIENCE`] and to end within
//! [`WHOLE`]. Long answers go out on threads of the crew, so that a client that reads slowly keeps nobody waiting,
//! and the backlog bounds what they hold meanwhile.

mod access;
mod answer;
mod ask;
mod backlog;
mod crew;
mod explain;
mod flows;
mod gate;
mod history;
mod routes;
mod stats;
mod top;

use crate::metrics::Board;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Threads that answer.
const THREADS: usize = 2;

/// Connections at once, at most.
const CONNECTIONS: usize = 64;

/// How long a connection may be silent.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may last.
const WHOLE: Duration = Duration::from_secs(60);

/// Memory of answers at the most: those that wait for their clients, and those that are being made.
pub(crate) const MOST_BYTES: u64 = (backlog::MOST + CONNECTIONS * backlog::LARGE + THREADS * backlog::MOST) as u64;

/// A server that runs.
pub struct Server {
    inner: Arc<tiny_http::Server>,
    gate: Option<gate::Gate>,
    threads: Vec<JoinHandle<()>>,
    address: SocketAddr,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens at `address`; every request has to show `token`, if there is one.
    ///
    /// # Errors
    /// A sentence with the remedy, when the address cannot be had.
    pub fn start(address: SocketAddr, board: &Board, token: Option<&str>) -> Result<Server, String> {
        let access = access::Access::new(token, address);
        let fail = |cause: &dyn std::fmt::Display| {
            format!("cannot listen at {address}: {cause}; choose another address with --listen, or --listen off")
        };
        let inner = tiny_http::Server::http("127.0.0.1:0").map_err(|error| fail(&error))?;
        let limits = gate::Limits { connections: CONNECTIONS, patience: PATIENCE, whole: WHOLE };
        let behind = inner.server_addr().to_ip().ok_or_else(|| fail(&"no IP address"))?;
        let crew = crew::Crew::default();
        let gate = gate::Gate::start(address, behind, limits, board, &crew).map_err(|error| fail(&error))?;
        let address = gate.address();
        let (inner, backlog) = (Arc::new(inner), backlog::Backlog::default());
        let mut threads = Vec::new();
        for n in 0..THREADS {
            let (server, board, access, crew) = (inner.clone(), board.clone(), access.clone(), crew.clone());
            let backlog = backlog.clone();
            let thread = std::thread::Builder::new().name(format!("parshall-http{n}")).spawn(move || {
                while let Ok(request) = server.recv() {
                    routes::answer(request, &board, &access, &backlog, &crew);
                }
            });
            threads.push(thread.map_err(|error| fail(&error))?);
        }
        Ok(Server { inner, gate: Some(gate), threads, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.gate.take());
        for _ in &self.threads {
            self.inner.unblock();
        }
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests;
