//! Which of a router's datagrams did not come, by the packet count that it puts into each.
//!
//! **Owns** where the tag stands, and how far each sender's count is. **May touch** datagrams, read only; the counts of its
//! listener. **Order** asked by `receiver` for each datagram.
//!
//! A number that is skipped is lost when a later one comes; if it comes after all it is counted as late, so lost less late
//! is what never came. A step of more than [`FAR`] in either direction is a router that started again.

use super::counts::Listener;
use std::collections::HashMap;
use std::net::SocketAddr;

/// TZSP tags: padding and end are one byte, all others have a length.
mod tag {
    pub(super) const PADDING: u8 = 0;
    pub(super) const END: u8 = 1;
    pub(super) const PACKET_COUNT: u8 = 0x28;
}

/// Senders that are remembered for one listener, at the most; then the one that was silent longest is forgotten.
const SENDERS: usize = 1_024;

/// A larger step than this is a router that started again. Unit: datagrams.
const FAR: u32 = 1 << 20;

/// The packet count of a TZSP datagram, if it has one.
#[must_use]
pub fn packet_count(datagram: &[u8]) -> Option<u32> {
    let mut rest = datagram.get(4..)?;
    loop {
        match rest {
            [tag::PADDING, behind @ ..] => rest = behind,
            [tag::PACKET_COUNT, 4, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d])),
            [kind, length, behind @ ..] if *kind != tag::END => rest = behind.get(usize::from(*length)..)?,
            _ => return None,
        }
    }
}

/// What a number says about those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is later than all before; so many between were skipped.
    On(u32),
    /// It had been skipped.
    Late,
    /// It came before, or so long ago that nobody knows.
    Repeated,
    /// The sender began anew.
    Restarted,
}

/// How far one sender is.
#[derive(Clone, Copy, Debug)]
struct Sender {
    latest: u32,
    /// Bit n: the number n before the latest has come. What was before the first number counts as come.
    come: u64,
    /// When it was heard last, in datagrams of this listener.
    heard: u64,
}

impl Sender {
    fn step(&mut self, number: u32) -> Step {
        let ahead = number.wrapping_sub(self.latest);
        if (1..=FAR).contains(&ahead) {
            self.come = self.come.checked_shl(ahead).unwrap_or(0) | 1;
            self.latest = number;
            return Step::On(ahead - 1);
        }
        let behind = self.latest.wrapping_sub(number);
        if behind > FAR {
            (self.latest, self.come) = (number, u64::MAX);
            return Step::Restarted;
        }
        let bit = 1u64.checked_shl(behind).unwrap_or(0);
        if bit == 0 || self.come & bit != 0 {
            return Step::Repeated;
        }
        self.come |= bit;
        Step::Late
    }
}

/// The senders of one listener.
#[derive(Debug, Default)]
pub(super) struct Senders {
    known: HashMap<SocketAddr, Sender>,
    datagrams: u64,
}

impl Senders {
    /// Takes the packet count of a datagram.
    pub(super) fn take(&mut self, from: SocketAddr, number: u32, counts: &Listener) {
        self.datagrams += 1;
        let heard = self.datagrams;
        let Some(sender) = self.known.get_mut(&from) else {
            return self.meet(from, Sender { latest: number, come: u64::MAX, heard }, counts);
        };
        sender.heard = heard;
        match sender.step(number) {
            Step::On(skipped) => counts.lost.add(u64::from(skipped)),
            Step::Late => counts.late.add(1),
            Step::Repeated => counts.repeated.add(1),
            Step::Restarted => counts.restarted.add(1),
        }
    }

    #[cold]
    fn meet(&mut self, from: SocketAddr, sender: Sender, counts: &Listener) {
        if self.known.len() >= SENDERS {
            let oldest = self.known.iter().min_by_key(|(_, sender)| sender.heard).map(|(address, _)| *address);
            if let Some(oldest) = oldest {
                self.known.remove(&oldest);
                counts.forgotten.add(1);
            }
        }
        self.known.insert(from, sender);
        counts.senders.set(self.known.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_count_is_found_behind_any_tags_and_nowhere_else() {
        #[rustfmt::skip]
        let cases: [(&[u8], Option<u32>); 11] = [
            (&[1, 0, 0, 1, 0x28, 4, 0, 0, 1, 2, 1],                        Some(258)),
            (&[1, 0, 0, 1, 0, 0, 0x0a, 1, 9, 0, 0x28, 4, 0, 0, 0, 7, 1],   Some(7)),
            (&[1, 0, 0, 1, 0x29, 2, 5, 220, 0x28, 4, 0, 0, 0, 7],          Some(7)),
            (&[1, 0, 0, 1, 1, 0x28, 4, 0, 0, 0, 7],                        None),
            (&[1, 0, 0, 1, 0x28, 2, 0, 7, 1],                              None),
            (&[1, 0, 0, 1, 0x28, 4, 0, 0, 7],                              None),
            (&[1, 0, 0, 1, 0x0a, 200, 0x28, 4, 0, 0, 0, 7],                None),
            (&[1, 0, 0, 1, 0x0a],                                          None),
            (&[1, 0, 0, 1],                                                None),
            (&[1, 0, 0],                                                   None),
            (&[],                                                          None),
        ];
        for (datagram, want) in cases {
            assert_eq!(packet_count(datagram), want, "{datagram:?}");
        }
    }

    fn steps(numbers: &[u32]) -> Vec<Step> {
        let mut sender = Sender { latest: numbers[0], come: u64::MAX, heard: 0 };
        numbers[1..].iter().map(|number| sender.step(*number)).collect()
    }

    #[test]
    fn gaps_are_lost_what_fills_them_is_late_and_what_comes_twice_is_repeated() {
        let seen = steps(&[10, 11, 14, 12, 12, 14, 15, 9]);
        let want = [Step::On(0), Step::On(2), Step::Late, Step::Repeated, Step::Repeated, Step::On(0), Step::Repeated];
        assert_eq!(seen, want);
    }

    #[test]
    fn a_count_wraps_and_a_router_that_starts_again_loses_nothing() {
        assert_eq!(steps(&[u32::MAX - 1, 1, u32::MAX, 0]), [Step::On(2), Step::Late, Step::Late]);
        assert_eq!(steps(&[3_000_000, 0, 1]), [Step::Restarted, Step::On(0)]);
        assert_eq!(steps(&[5, 5 + FAR, 6 + 2 * FAR + 1]), [Step::On(FAR - 1), Step::Restarted]);
        assert_eq!(steps(&[0, 100, 30]), [Step::On(99), Step::Repeated], "too long ago to know");
    }

    #[test]
    fn what_a_number_says_is_counted_by_its_kind() {
        let counts = Listener::new("127.0.0.1:37008".parse().unwrap(), 0);
        let mut senders = Senders::default();
        for number in [10, 14, 12, 12, 15, 3 * FAR, 3 * FAR + 2] {
            senders.take("10.0.0.1:40000".parse().unwrap(), number, &counts);
        }
        let seen = counts.snapshot();
        assert_eq!((seen.lost, seen.late, seen.repeated, seen.restarted, seen.senders), (4, 1, 1, 1, 1));
    }

    #[test]
    fn senders_are_told_apart_and_no_more_than_so_many_are_remembered() {
        let counts = Listener::new("127.0.0.1:37008".parse().unwrap(), 0);
        let mut senders = Senders::default();
        let address = |n: u32| SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 40_000));
        for n in 0..SENDERS as u32 {
            senders.take(address(n), n * 7, &counts);
        }
        senders.take(address(0), 3, &counts);
        assert_eq!((counts.snapshot().lost, counts.snapshot().forgotten), (2, 0));
        senders.take(address(5_000), 0, &counts);
        let seen = counts.snapshot();
        assert_eq!((seen.senders, seen.forgotten), (SENDERS as u64, 1));
        assert!(senders.known.contains_key(&address(0)), "heard again, so not the one that is forgotten");
    }
}
