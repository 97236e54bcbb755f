//! The gate before the HTTP server: how many connections, and how long each may be silent.
//!
//! **Owns** the public socket and the threads that carry bytes. **May touch** two sockets a connection.
//! **Order** accepts, waits for a whole head, then carries it to the server and the answer back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes of one request, head and body, at most.
const REQUEST: u64 = 64 << 10;

const TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The gate. Dropping it closes the public socket.
#[derive(Debug)]
pub(super) struct Gate {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    pub(super) fn start(public: SocketAddr, behind: SocketAddr, most: usize, patience: Duration) -> io::Result<Gate> {
        let listener = TcpListener::bind(public)?;
        let address = listener.local_addr()?;
        let closed = Arc::new(AtomicBool::new(false));
        let (mine, open) = (closed.clone(), Arc::new(AtomicUsize::new(0)));
        let thread = std::thread::Builder::new().name("parshall-gate".to_owned()).spawn(move || {
            for client in listener.incoming() {
                if mine.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = client else {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                };
                admit(client, behind, &open, most, patience);
            }
        })?;
        Ok(Gate { address, closed, thread: Some(thread) })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // The accepting thread sleeps in accept; a connection of our own wakes it.
        drop(TcpStream::connect_timeout(&self.address, Duration::from_millis(200)));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Carries one connection on a thread, or refuses it when there are too many.
fn admit(mut client: TcpStream, behind: SocketAddr, open: &Arc<AtomicUsize>, most: usize, patience: Duration) {
    if open.fetch_add(1, Ordering::Relaxed) >= most {
        open.fetch_sub(1, Ordering::Relaxed);
        let _ = client.set_write_timeout(Some(Duration::from_millis(100)));
        let _ = client.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    let count = open.clone();
    let spawned = std::thread::Builder::new().name("parshall-conn".to_owned()).spawn(move || {
        let _ = carry(&client, behind, patience);
        let _ = client.shutdown(Shutdown::Both);
        count.fetch_sub(1, Ordering::Relaxed);
    });
    if spawned.is_err() {
        open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn carry(client: &TcpStream, behind: SocketAddr, patience: Duration) -> io::Result<()> {
    client.set_write_timeout(Some(patience))?;
    client.set_nodelay(true)?;
    let Some(request) = read_head(client, Instant::now() + patience)? else {
        return (&*client).write_all(TOO_LARGE);
    };
    let server = TcpStream::connect(behind)?;
    server.set_read_timeout(Some(patience))?;
    server.set_write_timeout(Some(patience))?;
    (&server).write_all(&closing(&request))?;
    let (reader, writer) = (client.try_clone()?, server.try_clone()?);
    let inward = std::thread::Builder::new().name("parshall-conn".to_owned()).spawn(move || {
        let _ = io::copy(&mut reader.take(REQUEST), &mut &writer);
        let _ = writer.shutdown(Shutdown::Write);
    })?;
    let _ = io::copy(&mut &server, &mut &*client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    drop(inward.join());
    Ok(())
}

/// Reads until the head of a request is whole, with what came behind it; `None` when it is too large. The whole of it has to
/// come before the deadline, however its bytes drip.
fn read_head(mut client: &TcpStream, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
    let mut request = Vec::with_capacity(1024);
    let mut piece = [0; 4096];
    while end_of_head(&request).is_none() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        client.set_read_timeout(Some(left))?;
        let got = client.read(&mut piece)?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&piece[..got]);
        if request.len() as u64 > REQUEST {
            return Ok(None);
        }
    }
    Ok(Some(request))
}

fn end_of_head(request: &[u8]) -> Option<usize> {
    request.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4)
}

/// The request with its connection header replaced: one request a connection, so that an idle one never holds a thread of
/// the server behind.
fn closing(request: &[u8]) -> Vec<u8> {
    let (head, body) = request.split_at(end_of_head(request).unwrap_or(request.len()));
    let mut out = Vec::with_capacity(request.len() + 32);
    for (n, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if n == 1 {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        let named = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if n == 0 || !named.eq_ignore_ascii_case(b"connection") {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(body);
    out
}
