//! Our commands on DPDK's telemetry socket: `/parshall/books` and `/parshall/flows`, for `dpdk-telemetry.py` and its like.
//!
//! **Owns** what they answer. **May touch** the board: an answer is a copy of what was published last. **Order** registered
//! before the EAL starts; answered on DPDK's telemetry thread.

use crate::metrics::Board;
use parshall_engine::dpdk::others::{Command, Value, register};
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::packet::Outcome;
use parshall_engine::record::EndReason;
use parshall_engine::tally::L4_LABELS;

type Answer = Vec<(String, Value)>;

/// Lets the commands answer from `board`.
pub fn offer(board: &Board) {
    let (one, two) = (board.clone(), board.clone());
    let books = Command {
        name: c"/parshall/books",
        help: c"Every frame in exactly one outcome, and packets in records and live flows. Takes no parameters.",
        answer: Box::new(move || books(&one.view().snapshot)),
    };
    let flows = Command {
        name: c"/parshall/flows",
        help: c"Live flows of each worker, flows created by protocol, records by end reason. Takes no parameters.",
        answer: Box::new(move || flows(&two.view().snapshot)),
    };
    if !register(vec![books, flows]) {
        tracing::debug!("DPDK's telemetry does not take our commands");
    }
}

fn count(name: impl Into<String>, value: u64) -> (String, Value) {
    (name.into(), Value::Count(value))
}

fn books(snapshot: &Snapshot) -> Answer {
    let (total, books) = (&snapshot.total, snapshot.total.books());
    let mut answer = vec![count("frames_taken", books.taken)];
    answer.extend(Outcome::ALL.iter().map(|(outcome, name)| count(*name, total.outcomes[*outcome as usize])));
    answer.push(count("packets_in_records", books.finished));
    answer.push(count("packets_in_live_flows", books.live));
    answer.push(("closed".to_owned(), Value::Text(if books.closed() { "yes" } else { "no" }.to_owned())));
    answer
}

fn flows(snapshot: &Snapshot) -> Answer {
    let total = &snapshot.total;
    let mut answer = vec![count("live", total.live_flows), count("capacity", total.table_capacity)];
    for worker in &snapshot.workers {
        answer.push(count(format!("live_on_lcore_{}", worker.lcore), worker.tally.live_flows));
    }
    let created = L4_LABELS.iter().zip(total.flows_created);
    answer.extend(created.map(|((_, l4), flows)| count(format!("created_{l4}"), flows)));
    let ended = EndReason::ALL.iter();
    answer.extend(ended.map(|(reason, name)| count(format!("ended_{name}"), total.records[*reason as usize])));
    answer.truncate(256);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_engine::source::Input;
    use parshall_engine::tally::Volume;

    #[test]
    fn the_books_in_an_answer_are_those_of_the_snapshot() {
        let mut snapshot = Snapshot::default();
        snapshot.total.take(Input { port: 0, queue: 0 }, Volume { packets: 1, bytes: 60 });
        snapshot.total.outcomes[Outcome::Flow as usize] = 1;
        let answer = books(&snapshot);
        assert!(answer.contains(&count("frames_taken", 1)) && answer.contains(&count("flow", 1)), "{answer:?}");
        // One packet of outcome flow, and none in a record or a live flow.
        assert!(answer.contains(&("closed".to_owned(), Value::Text("no".to_owned()))), "{answer:?}");
    }
}
