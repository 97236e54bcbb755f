//! The endpoint as clients meet it: over a real socket.

use super::*;
use parshall_engine::merge::snapshot::Snapshot;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

fn server() -> (Server, Board) {
    let board = Board::default();
    let mut snapshot = Snapshot { turn: 1, ..Snapshot::default() };
    snapshot
        .total
        .take(parshall_engine::source::Input::default(), parshall_engine::tally::Volume { packets: 1, bytes: 60 });
    snapshot.total.outcomes[2] = 1;
    board.publish(snapshot);
    let server = Server::start("127.0.0.1:0".parse().unwrap(), &board, None).unwrap();
    (server, board)
}

fn send(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(server: &Server, path: &str) -> String {
    send(server, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
}

#[test]
fn each_route_answers_and_the_rest_is_an_error_with_a_reason() {
    let (server, _) = server();
    assert!(get(&server, "/metrics").contains("parshall_packets_total{outcome=\"non_ip\"} 1\n"));
    let stats = get(&server, "/api/v1/stats");
    let body: serde_json::Value = serde_json::from_str(stats.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((&body["books"]["closed"], &body["books"]["frames_taken"]), (&true.into(), &1.into()));
    assert!(get(&server, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(&server, "/readyz").starts_with("HTTP/1.1 200"));
    let page = get(&server, "/");
    assert!(
        page.contains("<title>parshall</title>") && page.contains("default-src 'none'; script-src 'self'"),
        "{page}"
    );
    assert!(get(&server, "/assets/main.js").contains("text/javascript"));
    assert!(get(&server, "/assets/none.js").starts_with("HTTP/1.1 404"));
    let missing = get(&server, "/nothing");
    assert!(missing.starts_with("HTTP/1.1 404") && missing.contains("\"error\""), "{missing}");
    let posted = send(&server, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert!(posted.starts_with("HTTP/1.1 405") && posted.contains("Allow: GET, HEAD\r\n"), "{posted}");
}

#[test]
fn only_a_post_that_comes_from_no_web_page_reloads_and_only_a_run_does() {
    let (server, _) = server();
    let post = |more: &str| {
        send(&server, format!("POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{more}\r\n").as_bytes())
    };
    let got = get(&server, "/api/v1/reload");
    assert!(got.starts_with("HTTP/1.1 405") && got.contains("Allow: POST\r\n"), "{got}");
    assert!(post("Origin: http://elsewhere\r\n").starts_with("HTTP/1.1 403"));
    assert!(post("").starts_with("HTTP/1.1 409"), "nobody reloads here");
}

#[test]
fn garbage_and_oversized_requests_are_cut_and_others_are_served() {
    let (server, _) = server();
    let _ = send(&server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n");
    let _ = send(&server, &[b'a'; 200_000]);
    let mut long = b"GET /metrics HTTP/1.1\r\nX: ".to_vec();
    long.extend(vec![b'y'; 200_000]);
    let _ = send(&server, &long);
    assert!(get(&server, "/healthz").starts_with("HTTP/1.1 200"));
}

#[test]
fn idle_connections_up_to_the_limit_do_not_keep_others_out_for_longer_than_the_patience() {
    let (server, _) = server();
    let idle: Vec<TcpStream> = (0..CONNECTIONS / 2).map(|_| TcpStream::connect(server.local_addr()).unwrap()).collect();
    for mut stream in &idle {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHo").unwrap();
    }
    let began = Instant::now();
    assert!(get(&server, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(began.elapsed() < PATIENCE);
    let more: Vec<TcpStream> = (0..CONNECTIONS).map(|_| TcpStream::connect(server.local_addr()).unwrap()).collect();
    assert!(get(&server, "/healthz").starts_with("HTTP/1.1 503"), "a full house says so at once");
    drop((idle, more));
}

#[test]
fn an_address_that_is_taken_is_one_sentence_with_a_remedy() {
    let (server, board) = server();
    let error = Server::start(server.local_addr(), &board, None).unwrap_err();
    assert!(error.starts_with("cannot listen at 127.0.0.1:") && error.contains("--listen"), "{error}");
}
