//! No cache line is written by two workers, or by a worker and whoever reads from it: where what they write lies.
//!
//! What a worker writes is its own value with all it holds, arrays in mappings of their own, and its ends of rings. A value that
//! is aligned to a line is as long as whole lines, so that no neighbour begins or ends in one of its lines.

use parshall_engine::exit::Line;
use parshall_engine::shard::Shard;
use parshall_engine::spread::SpreadWorker;
use parshall_engine::tally::Tally;
use parshall_engine::worker::Worker;
use rtrb::RingBuffer;

const LINE: usize = 64;

#[test]
fn a_worker_and_the_lines_of_its_records_begin_and_end_with_a_cache_line() {
    let aligned = [
        ("a worker", align_of::<Worker>()),
        ("a worker behind a spreader", align_of::<SpreadWorker>()),
        ("the flows of a worker", align_of::<Shard>()),
        ("a line of its ring of records", align_of::<Line>()),
    ];
    for (name, align) in aligned {
        assert!(align >= LINE, "{name} is aligned to {align} bytes");
    }
}

#[test]
fn the_words_that_both_ends_of_a_ring_write_stand_in_lines_of_their_own() {
    // Two indices, one written by each end, and what never changes: a line for each, and no ring begins in the line of another.
    let rings = [
        ("records", size_of::<RingBuffer<Line>>(), align_of::<RingBuffer<Line>>()),
        ("tallies", size_of::<RingBuffer<Box<Tally>>>(), align_of::<RingBuffer<Box<Tally>>>()),
    ];
    for (name, size, align) in rings {
        assert!(size >= 3 * LINE && align >= LINE, "a ring of {name} has {size} bytes, aligned to {align}");
    }
}
