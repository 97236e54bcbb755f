//! What kind of host this is: options, buffers, timers, habits.
//!
//! **Owns** the settings of one host. **May touch** nothing. **Order** chosen by a scenario, read by `host`.

use super::segment::Offer;
use crate::synth::dice::Dice;

/// One millisecond. Unit: nanoseconds.
pub(crate) const MS: u64 = 1_000_000;
/// One second. Unit: nanoseconds.
pub(crate) const SECOND: u64 = 1000 * MS;

/// How a host numbers its IPv4 packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IpId {
    /// One more for each packet.
    Counter,
    /// Always 0 with Don't Fragment, RFC 6864.
    Zero,
    /// Without order.
    Scattered,
}

/// How a host probes a closed window or an idle peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeStyle {
    /// No payload; the sequence number is one below the next.
    Empty,
    /// One byte: of new data for a closed window, of old garbage for an idle peer.
    OneByte,
}

/// What a host does with a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// Answers it.
    Accept,
    /// Resets it.
    Refuse,
    /// Is not there.
    Absent,
}

/// The settings of a host.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) offer: Offer,
    pub(crate) isn: u32,
    /// Receive buffer. Unit: bytes.
    pub(crate) buffer: u64,
    /// Initial window. Unit: segments of one MSS.
    pub(crate) initial_window: u64,
    /// Segments that leave the host as one, as a tap on a host with offloading sees them.
    pub(crate) offload: u64,
    /// Reports duplicates, RFC 2883.
    pub(crate) dsack: bool,
    /// Sends tail loss probes, RFC 8985.
    pub(crate) tail_loss_probe: bool,
    /// Sends lost segments again with other boundaries.
    pub(crate) repacketize: bool,
    /// How long an acknowledgement may wait; 0 acknowledges at once. Unit: nanoseconds.
    pub(crate) ack_delay: u64,
    /// Shortest retransmission timeout. Unit: nanoseconds.
    pub(crate) shortest_rto: u64,
    /// Times that stream content is sent again before the host gives up.
    pub(crate) retries: u32,
    pub(crate) probe_style: ProbeStyle,
    pub(crate) ip_id: IpId,
    /// First IPv4 identification.
    pub(crate) first_id: u16,
    pub(crate) ttl: u8,
    pub(crate) dscp: u8,
    /// Value of the timestamp clock (1 ms) at the start of the session.
    pub(crate) timestamp_base: u32,
    pub(crate) welcome: Welcome,
}

impl Stack {
    /// A host of today with random habits.
    pub(crate) fn random(dice: &mut Dice) -> Stack {
        let offer = Offer {
            mss: Some(*dice.pick(&[1460, 1460, 1460, 1440, 1400, 1360, 536])),
            window_scale: Some(*dice.pick(&[7, 7, 7, 8, 6, 2, 0])),
            sack: dice.chance(900_000),
            timestamps: dice.chance(700_000),
            ecn: false,
        };
        Stack {
            offer,
            isn: dice.bits() as u32,
            buffer: *dice.pick(&[65_535, 131_072, 262_144]),
            initial_window: 10,
            offload: 1,
            dsack: dice.chance(800_000),
            tail_loss_probe: dice.chance(500_000),
            repacketize: dice.chance(100_000),
            ack_delay: *dice.pick(&[0, 40 * MS, 40 * MS, 40 * MS]),
            shortest_rto: *dice.pick(&[200 * MS, 200 * MS, 300 * MS]),
            retries: 6,
            probe_style: *dice.pick(&[ProbeStyle::Empty, ProbeStyle::OneByte]),
            ip_id: *dice.pick(&[IpId::Counter, IpId::Counter, IpId::Zero, IpId::Scattered]),
            first_id: dice.bits() as u16,
            ttl: *dice.pick(&[64, 63, 57, 128, 120, 255]),
            dscp: *dice.pick(&[0, 0, 0, 0, 8, 46]),
            timestamp_base: dice.bits() as u32,
            welcome: Welcome::Accept,
        }
    }

    /// A host whose behaviour is the same whatever the dice say: for scripts that aim at one event.
    pub(crate) fn plain(dice: &mut Dice) -> Stack {
        let mut stack = Stack::random(dice);
        stack.offer = Offer { mss: Some(1460), window_scale: Some(7), sack: true, timestamps: true, ecn: false };
        stack.buffer = 131_072;
        stack.dsack = true;
        stack.tail_loss_probe = false;
        stack.repacketize = false;
        stack.ack_delay = 40 * MS;
        stack.shortest_rto = 200 * MS;
        stack.probe_style = ProbeStyle::Empty;
        stack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_host_differs_between_sessions_only_in_numbers() {
        let (a, b) = (Stack::plain(&mut Dice::new(1, 1)), Stack::plain(&mut Dice::new(1, 2)));
        assert_ne!(a.isn, b.isn);
        assert_eq!((a.offer, a.buffer, a.ack_delay), (b.offer, b.buffer, b.ack_delay));
    }
}
