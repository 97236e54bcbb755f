//! What must hold of every connection, whatever the network does to it.
//!
//! **Owns** properties. **May touch** sessions and runs. **Order** tests only.

use super::path::{Path, Quality};
use super::script::Step;
use super::segment::{Cause, Side};
use super::stack::MS;
use super::world::{Run, World};
use crate::synth::compose::{EPOCH, Faults};
use crate::synth::dice::Dice;
use crate::synth::session::talk::{Talk, View};
use crate::synth::session::{Session, Setting};
use crate::synth::truth::anomaly::{Anomaly, Class};
use crate::synth::truth::flow::FlowTruth;
use parshall_config::plan::Timeouts;
use proptest::prelude::*;

const SIDES: [Side; 2] = [Side::Client, Side::Server];

/// A network of any badness with any hosts, and an application that writes `sizes` in turn.
fn talk(seed: u64, (loss, reorder, duplicate): (u32, u32, u32), sizes: &[u64]) -> Talk {
    let mut dice = Dice::new(seed, 99);
    let mut script = vec![Step::Open];
    for (turn, size) in sizes.iter().enumerate() {
        let side = SIDES[turn % 2];
        script.extend([Step::Pause(dice.below(5 * MS)), Step::Write(side, *size)]);
        if dice.chance(200_000) {
            script.extend([Step::Read(side, false), Step::Pause(dice.below(900 * MS)), Step::Read(side, true)]);
        }
    }
    script.extend([Step::Close(Side::Client), Step::Close(Side::Server)]);
    let mut talk = Talk::random(&mut dice, script).links(|link: &mut Quality| {
        link.loss = loss;
        link.reorder = reorder;
        link.duplicate = duplicate;
    });
    for stack in &mut talk.stacks {
        stack.retries = 12;
        stack.offer.sack &= !seed.is_multiple_of(3);
        stack.repacketize |= seed.is_multiple_of(5);
        stack.buffer = *dice.pick(&[8_192, 65_535]);
        stack.offload = dice.between(1, 3);
    }
    talk
}

fn play(seed: u64, talk: &Talk) -> Run {
    let path = Path::new(talk.links, &talk.faults);
    World::play(talk.stacks.clone(), path, &talk.script, &mut Dice::new(seed, 1))
}

fn truth(seed: u64, talk: &Talk) -> (Vec<FlowTruth>, Vec<Anomaly>) {
    let setting = Setting { seed, tick: 1, timeouts: Timeouts::default(), first_packets: 0, faults: Faults::default() };
    let mut session = Session::new(&setting, "invariants", 0, EPOCH);
    let ends = session.tcp_ends();
    session.talk_between(&ends, &[(0, talk.clone())], View::default());
    let end = session.shots.last().map_or(EPOCH, |shot| shot.at);
    let (truths, anomalies) = session.ledgers.remove(0).close(end);
    (truths, anomalies.into_iter().map(|(_, anomaly)| anomaly).collect())
}

fn badness() -> impl Strategy<Value = (u32, u32, u32)> {
    (0..80_000_u32, 0..60_000_u32, 0..30_000_u32)
}

fn sizes() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(1..40_000_u64, 1..6)
}

fn number(truth: &FlowTruth, key: &str) -> u64 {
    truth.get(key).and_then(serde_json::Value::as_u64).unwrap_or_else(|| panic!("{key} is not in the truth"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_position_is_sent_new_once_and_every_other_time_for_a_reason(
        seed in any::<u64>(), badness in badness(), sizes in sizes(),
    ) {
        let run = play(seed, &talk(seed, badness, &sizes));
        for side in SIDES {
            let mut sent = Vec::new();
            for one in run.transmissions.iter().filter(|one| one.side == side && one.end > one.start) {
                let known = sent.iter().filter(|at| (one.start..one.end).contains(*at)).count() as u64;
                match one.cause {
                    Cause::New => {
                        prop_assert_eq!(known, 0, "{:?}", one);
                        sent.extend(one.start..one.end);
                    }
                    Cause::WindowProbe | Cause::KeepAlive => prop_assert_eq!(one.end - one.start, 1),
                    cause => {
                        prop_assert!(cause.resends(), "{:?}", one);
                        prop_assert_eq!(known, one.end - one.start, "{:?}", one);
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_sent_again_was_lost_before_or_is_called_unneeded(
        seed in any::<u64>(), badness in badness(), sizes in sizes(),
    ) {
        let run = play(seed, &talk(seed, badness, &sizes));
        for (index, one) in run.transmissions.iter().enumerate().filter(|(_, one)| one.cause.resends()) {
            let had = |at: u64| run.transmissions[..index].iter()
                .any(|other| other.side == one.side && other.delivered && other.start <= at && at < other.end);
            prop_assert_eq!((one.start..one.end).all(had), one.unneeded, "{:?}", one);
        }
    }

    #[test]
    fn a_finished_connection_has_shown_its_whole_stream(seed in any::<u64>(), badness in badness(), sizes in sizes()) {
        let talk = talk(seed, badness, &sizes);
        let (truths, _) = truth(seed, &talk);
        let finished = truths.len() == 1 && truths[0].get("end_reason") == Some(&"tcp_fin".into());
        prop_assume!(finished);
        for (side, prefix) in [(0, "c2s_"), (1, "s2c_")] {
            let written: u64 = sizes.iter().skip(side).step_by(2).sum();
            prop_assert_eq!(number(&truths[0], &format!("{prefix}unique_bytes")), written);
            prop_assert_eq!(number(&truths[0], &format!("{prefix}gap_bytes")), 0);
            let all = number(&truths[0], &format!("{prefix}payload_bytes"));
            prop_assert_eq!(all, written + number(&truths[0], &format!("{prefix}retx_bytes")));
        }
    }

    #[test]
    fn every_segment_out_of_place_has_one_class(seed in any::<u64>(), badness in badness(), sizes in sizes()) {
        let (truths, anomalies) = truth(seed, &talk(seed, badness, &sizes));
        for prefix in ["c2s_", "s2c_"] {
            let sum = |keys: &[&str]| truths.iter()
                .map(|truth| keys.iter().map(|key| number(truth, &format!("{prefix}{key}"))).sum::<u64>()).sum::<u64>();
            let classes: Vec<&str> = Class::ALL.iter().map(|(_, key)| *key).collect();
            if truths.iter().all(|truth| truth.get(&format!("{prefix}class_rto")).is_some()) {
                prop_assert_eq!(sum(&classes), sum(&["retx_packets", "ooo_packets"]));
            }
        }
        for one in &anomalies {
            prop_assert!(one.class.is_some());
            prop_assert!(one.visible || !one.evident);
            prop_assert_eq!(one.visible, one.after_ns.is_some());
        }
    }

    #[test]
    fn no_round_trip_is_shorter_than_the_path(seed in any::<u64>(), badness in badness(), sizes in sizes()) {
        let talk = talk(seed, badness, &sizes);
        let (truths, _) = truth(seed, &talk);
        for (side, prefix) in [(0, "c2s_"), (1, "s2c_")] {
            // From the probe to the other host, and back to the probe.
            let shortest = talk.links[side][1].delay + talk.links[1 - side][0].delay;
            for least in truths.iter().filter_map(|truth| truth.get(&format!("{prefix}rtt_min_us"))?.as_f64()) {
                prop_assert!(least * 1000.0 >= shortest as f64, "{} {}", least, shortest);
            }
        }
    }
}

#[test]
fn most_connections_on_a_bad_path_end_as_they_should() {
    let finished = (0..40_u64).filter(|seed| {
        let (truths, _) = truth(*seed, &talk(*seed, (20_000, 10_000, 5_000), &[3_000, 30_000, 500, 9_000]));
        truths.len() == 1 && truths[0].get("end_reason") == Some(&"tcp_fin".into())
    });
    assert!(finished.count() >= 38);
}
