//! Answers as docs/API.md has them, for tests.
//!
//! **Owns** one small example of each. **May touch** nothing. **Order** read by the tests of what shows them.

use super::asker::Picture;
use super::state::{Question, State, View};
use serde_json::{Value, json};

pub(super) fn stats() -> Value {
    json!({
        "mode": "run", "state": "running", "uptime_seconds": 60.0, "published_seconds_ago": 0.4,
        "version": { "parshall": "0.1.0", "git": "78af927" }, "sentence": "all 12,345,678 frames accounted for",
        "rates": {
            "packets_per_second": 205_761.3, "wire_bits_per_second": 823_045_267.0, "lost_packets_per_second": 20.0,
            "flows_created_per_second": 812.0, "records_per_second": 790.0,
        },
        "books": { "frames_taken": 12_345_678, "closed": true },
        "outcomes": { "flow": 12_000_000, "filtered": 0, "non_ip": 345_678 },
        "loss": { "before_probe": { "missed": 1200, "errors": 0, "nombuf": 0 }, "detail": { "table_full_packets": 0 } },
        "protocols": [
            { "ip_version": 4, "l4": "udp", "packets": 1_000_000, "ip_bytes": 100_000_000 },
            { "ip_version": 4, "l4": "tcp", "packets": 11_000_000, "ip_bytes": 9_000_000_000_u64 },
        ],
        "flows": { "active": 5123, "capacity": 1_048_576 },
        "tcp": { "client": { "packets": 5_000_000, "retransmitted_packets": 100 }, "server": { "classes": { "rto": 7 } } },
        "workers": [{
            "worker": 0, "lcore": 1, "missed_turns": 0, "active_flows": 5123, "load": 0.31,
            "headroom": { "packets_per_second": 205_761.0, "could_take_packets_per_second": 660_000.0, "nanoseconds_per_packet": 105.0 },
        }],
    })
}

pub(super) fn causes() -> Value {
    json!({ "losing": true, "causes": [{
        "sentence": "Worker 0 finds work at 99.8 % of its polls.", "remedy": "Add a worker: --nb-cores 2 --rxq 2.",
    }] })
}

pub(super) fn flows() -> Value {
    let flow = |id: &str, port: u16, bytes: u64| {
        json!({
            "flow_id": id, "state": "live", "protocol": 6, "client_ip": "10.0.0.2", "client_port": port, "handshake_rtt_us": 21_300.0,
            "server_ip": "198.51.100.7", "server_port": 443, "c2s_ip_bytes": bytes, "s2c_ip_bytes": 0, "c2s_packets": 9,
            "s2c_packets": 3, "c2s_retx_packets": 2, "bits_per_second": 1203.5, "duration_seconds": 12.5,
        })
    };
    let flows = [flow("00000000000000a1", 50_000, 2_000_000), flow("00000000000000b2", 50_001, 1000)];
    json!({ "age_seconds": 0.7, "live": 5123, "told": 5123, "complete": true, "matched": 17, "next": null, "flows": flows })
}

fn talkers() -> Value {
    json!({
        "kind": "hosts", "other": 1_200_000_000, "exact": true, "error": 0, "distinct": { "hosts": 2211 },
        "items": [{ "key": "198.51.100.7", "ip": "198.51.100.7", "value": 5_000_000_000_u64, "share": 0.505 }],
    })
}

/// A screen with an answer, at a view.
pub(super) fn state(view: View) -> State {
    let mut question = Question { view, ..Question::default() };
    question.wish.filter = matches!(view, View::Flows).then(|| "tcp".to_owned());
    let body = match view {
        View::Flows => flows(),
        View::Talkers(_) => talkers(),
        View::Loss => causes(),
        _ => Value::Null,
    };
    let newest = json!({ "retransmitted_packets": [3], "data_packets": [100], "rtt_us": { "server": { "p50": [null, 1200.0] } } });
    let history = (0..300).map(|n| (f64::from(n % 50), f64::from(n))).collect();
    let picture = Picture { stats: stats(), body, newest, history, question: question.clone(), ..Picture::default() };
    let mut state = State::new("http://127.0.0.1:9184", &question.wish);
    state.go(view);
    state.hear(Ok(Box::new(picture)));
    state
}

/// A screen with one flow opened.
pub(super) fn detail() -> State {
    let mut state = state(View::Flows);
    let mut picture = state.picture.take().unwrap_or_default();
    picture.detail = json!({ "flow": flows()["flows"][0].clone(), "earlier": [] });
    state.hear(Ok(picture));
    state.key(ratatui::crossterm::event::KeyCode::Enter.into());
    state
}
