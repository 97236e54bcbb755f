//! The gate before the HTTP server: how many connections, and how long each may be silent and last.
//!
//! **Owns** the public socket. **May touch** two sockets a connection, and the count of answers; the crew carries the bytes.
//! **Order** accepts, waits for a whole head, then carries it to the server and the answer back.

use super::crew::Crew;
use crate::metrics::Board;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes of one request, head and body, at most.
const REQUEST: u64 = 64 << 10;

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How many at once.
    pub(super) connections: usize,
    /// Time for the head of a request, and for each silence after it.
    pub(super) patience: Duration,
    /// Time for all of it, so that nobody holds a connection by reading slowly.
    pub(super) whole: Duration,
}

/// The gate. Dropping it closes the public socket.
#[derive(Debug)]
pub(super) struct Gate {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    pub(super) fn start(
        public: SocketAddr,
        behind: SocketAddr,
        limits: Limits,
        board: &Board,
        crew: &Crew,
    ) -> io::Result<Gate> {
        let listener = TcpListener::bind(public)?;
        let address = listener.local_addr()?;
        let closed = Arc::new(AtomicBool::new(false));
        let post = Post { behind, limits, board: board.clone(), crew: crew.clone() };
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
                admit(client, &post, &open);
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

/// What carrying a connection takes.
#[derive(Clone)]
struct Post {
    behind: SocketAddr,
    limits: Limits,
    board: Board,
    crew: Crew,
}

/// A place among the connections that may be open; free again when this is dropped, however that comes about.
struct Place(Arc<AtomicUsize>);

impl Place {
    /// Takes one of `most`; only the gate's own thread does.
    fn take(open: &Arc<AtomicUsize>, most: usize) -> Option<Place> {
        (open.load(Ordering::Relaxed) < most).then(|| {
            open.fetch_add(1, Ordering::Relaxed);
            Place(open.clone())
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Carries one connection on a thread, or refuses it when there are too many.
fn admit(client: TcpStream, post: &Post, open: &Arc<AtomicUsize>) {
    let Some(place) = Place::take(open, post.limits.connections) else {
        let _ = client.set_write_timeout(Some(Duration::from_millis(100)));
        let sentence = format!("{} connections are open, which is the most; ask again later", post.limits.connections);
        let _ = refuse(&client, &post.board, 503, "Service Unavailable", &sentence);
        return;
    };
    let mine = post.clone();
    // Without a thread the connection is cut.
    let _ = post.crew.run(move || {
        let _place = place;
        let _ = carry(&client, &mine);
        let _ = client.shutdown(Shutdown::Both);
    });
}

/// An error in the form of all others (docs/API.md), counted like them.
fn refuse(mut client: &TcpStream, board: &Board, status: u16, reason: &str, sentence: &str) -> io::Result<()> {
    board.answered(status);
    let body = format!("{{ \"status\": {status}, \"error\": \"{sentence}\" }}\n");
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn carry(client: &TcpStream, post: &Post) -> io::Result<()> {
    let (began, patience) = (Instant::now(), post.limits.patience);
    client.set_write_timeout(Some(patience))?;
    client.set_nodelay(true)?;
    let Some(request) = read_head(client, began + patience)? else {
        let sentence = format!("a request may have {REQUEST} bytes");
        return refuse(client, &post.board, 431, "Request Header Fields Too Large", &sentence);
    };
    let server = TcpStream::connect(post.behind)?;
    server.set_read_timeout(Some(patience))?;
    server.set_write_timeout(Some(patience))?;
    (&server).write_all(&closing(&request))?;
    if announces_body(&request) {
        let (reader, writer) = (client.try_clone()?, server.try_clone()?);
        post.crew.run(move || {
            let _ = io::copy(&mut reader.take(REQUEST), &mut &writer);
            let _ = writer.shutdown(Shutdown::Write);
        })?;
    }
    let relayed = relay(&server, client, began + post.limits.whole);
    // Ends the thread that carries a body too.
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    relayed
}

/// Carries the answer, as far as it comes before the deadline. Behind its first line it says that the connection ends with it;
/// else a client may send its next request on it.
fn relay(mut server: &TcpStream, client: &TcpStream, deadline: Instant) -> io::Result<()> {
    let (mut piece, mut begun) = ([0; 16 << 10], false);
    loop {
        let got = server.read(&mut piece)?;
        if got == 0 {
            return Ok(());
        }
        let line = piece[..got].iter().position(|byte| *byte == b'\n').filter(|_| !begun).map_or(0, |at| at + 1);
        begun = true;
        send(client, &piece[..line], deadline)?;
        if line > 0 {
            send(client, b"Connection: close\r\n", deadline)?;
        }
        send(client, &piece[line..got], deadline)?;
    }
}

fn send(mut client: &TcpStream, mut rest: &[u8], deadline: Instant) -> io::Result<()> {
    while !rest.is_empty() {
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let sent = client.write(rest)?;
        rest = &rest[sent..];
    }
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

/// The name that stands in a header line.
fn named(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b':').next().unwrap_or_default()
}

/// Whether a body belongs to the request (RFC 9112 section 6), which may still be on its way.
fn announces_body(request: &[u8]) -> bool {
    let head = &request[..end_of_head(request).unwrap_or(request.len())];
    let announces =
        |name: &[u8]| name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding");
    head.split(|byte| *byte == b'\n').any(|line| announces(named(line)))
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
        if n == 0 || !named(line).eq_ignore_ascii_case(b"connection") {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_carried_where_one_is_announced() {
        #[rustfmt::skip]
        let cases: [(&[u8], bool); 4] = [
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",                              false),
            (b"POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\n\r\n",                    true),
            (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nContent-Length: 3\r\n",          false),
        ];
        for (request, announced) in cases {
            assert_eq!(announces_body(request), announced, "{}", String::from_utf8_lossy(request));
        }
    }

    #[test]
    fn a_client_that_reads_too_slowly_is_cut_and_its_place_is_free_again() {
        let back = TcpListener::bind("127.0.0.1:0").unwrap();
        let behind = back.local_addr().unwrap();
        // An answer that has no end, so that only a limit can end it.
        std::thread::spawn(move || {
            for server in back.incoming().map_while(Result::ok) {
                std::thread::spawn(move || while (&server).write_all(&[b'x'; 4096]).is_ok() {});
            }
        });
        let limits = Limits { connections: 1, patience: Duration::from_secs(5), whole: Duration::from_millis(300) };
        let (board, crew) = (Board::default(), Crew::default());
        let gate = Gate::start("127.0.0.1:0".parse().unwrap(), behind, limits, &board, &crew).unwrap();
        let began = Instant::now();
        let mut served = 0;
        while served < 2 {
            assert!(began.elapsed() < Duration::from_secs(60), "the first one keeps its place");
            let mut client = TcpStream::connect(gate.address()).unwrap();
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            let mut piece = [0; 64 << 10];
            while client.read(&mut piece).unwrap_or(0) > 0 {}
            // Until the place of the one before is free again, this is the gate's own refusal.
            served += usize::from(piece[0] == b'x');
        }
    }
}
