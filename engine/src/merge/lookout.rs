//! The reading end of all look doors: live flows of all workers, one picture after another.
//!
//! **Owns** the readers, the picture that is being made, and how large a flow has to be to be told. **May touch** records.
//! **Order** turned by the control thread every few milliseconds; a picture is asked for, gathered, and handed out whole.
//!
//! A picture holds at most `quota` flows, each worker's share of them. A walk counts the live flows by size, so the next question
//! of each worker asks only for those sizes that fit its share; when more have come since, the picture says which sizes it lacks.
//! A worker that does not answer within [`PATIENCE`] is left out of a picture.

use crate::look::{Done, Question, Reader, Registry, SIZES, Told};
use crate::record::FlowRecord;
use crate::time::Nanos;

/// How long a picture waits for the slowest worker. Unit: nanoseconds.
const PATIENCE: u64 = 5_000_000_000;

/// A live flow and the worker that holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveFlow {
    /// Number of the worker.
    pub worker: u16,
    /// The record that it would give now.
    pub record: FlowRecord,
}

/// Live flows as the workers told of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Number of the look; 0 none yet.
    pub number: u64,
    /// When it was asked for.
    pub asked_at: Nanos,
    /// When the last worker had answered.
    pub taken_at: Nanos,
    /// The flows told.
    pub flows: Vec<LiveFlow>,
    /// Live flows walked past.
    pub live: u64,
    /// IP bytes of live flows that were too small to be told.
    pub untold_bytes: u64,
    /// Every live flow of at least so many IP bytes was told.
    pub least: u64,
    /// Workers that did not answer in time.
    pub silent: u64,
}

impl Picture {
    /// Whether every live flow was told.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.number > 0 && self.silent == 0 && self.live == self.flows.len() as u64
    }
}

#[derive(Debug)]
struct Post {
    worker: u16,
    reader: Reader,
    /// What the next question asks for: the smallest size, and how many of half of it.
    next: (u64, u64),
    /// What the current one asked for; `None` when it was answered.
    open: Option<u64>,
}

/// The lookout.
#[derive(Debug)]
pub struct Lookout {
    registry: Registry,
    posts: Vec<Post>,
    quota: u64,
    number: u64,
    making: Option<Picture>,
    /// Flows that the last picture told.
    told: usize,
}

impl Lookout {
    /// A lookout over the workers of a registry, whose pictures hold at most `quota` flows; with 0 it never asks.
    #[must_use]
    pub const fn new(registry: Registry, quota: u64) -> Lookout {
        Lookout { registry, posts: Vec::new(), quota, number: 0, making: None, told: 0 }
    }

    /// Its pictures hold at most so many flows from now on.
    pub const fn resize(&mut self, quota: u64) {
        self.quota = quota;
    }

    /// Asks every worker that has begun; nothing while a picture is being made.
    pub fn ask(&mut self, now: Nanos) {
        if self.making.is_some() || self.quota == 0 {
            return;
        }
        let begun = self.registry.take().into_iter();
        self.posts.extend(begun.map(|(worker, reader)| Post { worker, reader, next: (0, 0), open: None }));
        self.number += 1;
        let most = self.share();
        let least = self.posts.iter().map(|post| post.next.0).max().unwrap_or(0);
        for post in &mut self.posts {
            post.open = (!post.reader.is_over()).then_some(least);
            let fill = if post.next.0 == least { post.next.1 } else { 0 };
            let _ = post.reader.ask(Question { number: self.number, least, fill, most });
        }
        // Nearly always as many as before: a vector that grows by itself would take up to twice the room.
        let room = self.quota.min((self.told + self.told / 8 + 16) as u64) as usize;
        let flows = Vec::with_capacity(room);
        self.making = Some(Picture { number: self.number, asked_at: now, least, flows, ..Picture::default() });
    }

    /// Flows that one worker may tell of.
    fn share(&self) -> u64 {
        (self.quota / self.posts.len().max(1) as u64).max(1)
    }

    /// Takes what has come; gives the picture when it is whole or its time is up.
    pub fn turn(&mut self, now: Nanos) -> Option<Picture> {
        let share = self.share();
        let picture = self.making.as_mut()?;
        for post in &mut self.posts {
            while let Some(message) = post.reader.take() {
                match message {
                    // What belongs to an older look came too late for it.
                    Told::Flow(_) if post.open.is_none() => {}
                    Told::Flow(record) => picture.flows.push(LiveFlow { worker: post.worker, record }),
                    Told::Done(done) if done.number == picture.number => {
                        post.open = None;
                        post.next = next_for(&done, share);
                        picture.live += done.live;
                        picture.untold_bytes += done.live_bytes - done.told_bytes;
                        if done.cut > 0 {
                            picture.least = picture.least.max(done.cut + 1);
                        }
                    }
                    Told::Done(_) => {
                        let worker = post.worker;
                        picture.flows.retain(|flow| flow.worker != worker);
                    }
                }
            }
            if post.reader.is_over() {
                post.open = None;
            }
        }
        let open = self.posts.iter().filter(|post| post.open.is_some()).count() as u64;
        if open > 0 && now.since(picture.asked_at) < PATIENCE {
            return None;
        }
        let mut picture = self.making.take()?;
        self.told = picture.flows.len();
        picture.silent = open;
        picture.taken_at = now;
        Some(picture)
    }
}

/// The smallest size from which on no more than `share` flows are told, a power of two, 0 when all fit; and how many of the
/// next smaller size fit beside them.
fn next_for(done: &Done, share: u64) -> (u64, u64) {
    let mut told = 0;
    for bits in (0..SIZES).rev() {
        let more = u64::from(done.sizes[bits]);
        if told + more > share {
            return (1_u64 << bits, share - told);
        }
        told += more;
    }
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Hot, Pair};
    use crate::key::{FlowKey, READ_SECRET, protocol};
    use crate::look::LookEnd;
    use crate::record::make::{Facts, FlowState};
    use crate::record::{EndReason, Outer};

    /// Tells of a flow of so many packets.
    fn tell(end: &mut LookEnd, packets: u64) {
        let (key, _) = FlowKey::canonical(4, protocol::UDP, (1, 2), (3, 4));
        let mut pair: Pair = bytemuck::Zeroable::zeroed();
        pair.hot = Hot::begin(READ_SECRET.image(&key), Nanos(1));
        (0..packets).for_each(|_| pair.hot.count(0, Nanos(1), 40, 60, 64, 0));
        let facts = Facts::new(EndReason::Shutdown);
        let (block, trail, extra, first) = (None, None, None, None);
        end.tell(FlowState { facts, pair: &pair, block, trail, extra, first, outer: &Outer::NOTHING });
    }

    #[test]
    fn a_picture_is_whole_when_every_worker_has_answered() {
        let registry = Registry::default();
        let mut lookout = Lookout::new(registry.clone(), 100);
        let (mut one, mut two) = (registry.door(0), registry.door(3));
        lookout.ask(Nanos(1));
        for (end, packets) in [(&mut one, 5), (&mut two, 6)] {
            assert!(end.wanted());
            end.begin();
            tell(end, packets);
        }
        let number = 1;
        one.end(Done { number, live: 1, ..Done::default() });
        assert_eq!(lookout.turn(Nanos(2)), None);
        two.end(Done { number, live: 1, ..Done::default() });
        let picture = lookout.turn(Nanos(3)).expect("whole");
        assert_eq!((picture.live, picture.taken_at, picture.is_complete()), (2, Nanos(3), true));
        let workers: Vec<u16> = picture.flows.iter().map(|flow| flow.worker).collect();
        assert_eq!(workers, [0, 3]);
    }

    #[test]
    fn a_silent_worker_is_left_out_and_its_late_answer_is_no_part_of_the_next_picture() {
        let registry = Registry::default();
        let mut lookout = Lookout::new(registry.clone(), 100);
        let mut end = registry.door(0);
        lookout.ask(Nanos(0));
        let first = lookout.turn(Nanos(PATIENCE)).expect("its time is up");
        assert_eq!((first.silent, first.is_complete()), (1, false));
        lookout.ask(Nanos(PATIENCE));
        end.begin();
        tell(&mut end, 1);
        end.end(Done { number: 1, live: 1, ..Done::default() });
        assert_eq!(lookout.turn(Nanos(PATIENCE + 1)), None);
        end.walk = None;
        lookout.making = None;
        lookout.ask(Nanos(PATIENCE + 2));
        end.begin();
        tell(&mut end, 2);
        end.end(Done { number: 3, live: 1, ..Done::default() });
        let picture = lookout.turn(Nanos(PATIENCE + 3)).expect("whole");
        assert_eq!(picture.flows.iter().map(|flow| flow.record.packets()).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_picture_says_from_which_size_on_it_is_complete_when_flows_came_faster_than_looks() {
        let registry = Registry::default();
        let mut lookout = Lookout::new(registry.clone(), 10);
        let (mut one, mut two) = (registry.door(0), registry.door(1));
        lookout.ask(Nanos(0));
        for (end, cut) in [(&mut one, 0), (&mut two, 700)] {
            end.begin();
            assert_eq!(end.walk.expect("a walk").question.most, 5);
            end.end(Done { number: 1, cut, ..Done::default() });
        }
        assert_eq!(lookout.turn(Nanos(1)).expect("whole").least, 701);
    }

    #[test]
    fn the_next_question_asks_for_the_sizes_that_fit() {
        let mut done = Done::default();
        done.sizes[7] = 100;
        done.sizes[11] = 10;
        assert_eq!(next_for(&done, 200), (0, 0));
        assert_eq!(next_for(&done, 50), (1 << 7, 40));
        assert_eq!(next_for(&done, 5), (1 << 11, 5));
    }
}
