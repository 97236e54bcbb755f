//! Dealing of queues against what dpdk-testpmd 22.11 showed by `show config fwd`.

use super::*;
use crate::dpdk::{DescriptorLimits, PortFacts, PortPlan, rss::RssPlan};

/// Ports of so many queues, lcores; then the queues of each lcore as testpmd shows them: P/Q.
type Seen = (&'static [(u16, u16)], usize, &'static [&'static [(u16, u16)]]);

/// Seen from dpdk-testpmd 22.11.11 over net_null, `--rxq=N --txq=N --nb-cores=M`, `show config fwd`.
const SEEN: &[Seen] = &[
    (&[(0, 4), (1, 4)], 2, &[&[(0, 0), (1, 0), (0, 1), (1, 1)], &[(0, 2), (1, 2), (0, 3), (1, 3)]]),
    (&[(0, 3), (1, 3)], 2, &[&[(0, 0), (1, 0), (0, 1)], &[(1, 1), (0, 2), (1, 2)]]),
    (&[(0, 4)], 3, &[&[(0, 0)], &[(0, 1)], &[(0, 2), (0, 3)]]),
    (&[(0, 5)], 2, &[&[(0, 0), (0, 1)], &[(0, 2), (0, 3), (0, 4)]]),
    (&[(0, 2)], 4, &[&[(0, 0)], &[(0, 1)]]),
    (&[(0, 2), (2, 2)], 4, &[&[(0, 0)], &[(2, 0)], &[(0, 1)], &[(2, 1)]]),
];

fn plain(hands: Vec<Vec<Stream>>) -> Vec<Vec<(u16, u16)>> {
    hands.into_iter().map(|hand| hand.into_iter().map(|stream| (stream.port, stream.queue)).collect()).collect()
}

#[test]
fn queues_are_dealt_as_testpmd_deals_them() {
    for (ports, lcores, want) in SEEN {
        assert_eq!(plain(deal(ports, *lcores, Spread::Testpmd)), *want, "{ports:?} on {lcores}");
    }
}

#[test]
fn paired_is_testpmds_way_for_one_port_and_where_lcores_divide_the_queues() {
    for (ports, lcores, want) in
        SEEN.iter().filter(|(ports, lcores, _)| ports.len() == 1 || usize::from(ports[0].1) % lcores == 0)
    {
        assert_eq!(plain(deal(ports, *lcores, Spread::Paired)), *want, "{ports:?} on {lcores}");
    }
}

#[test]
fn paired_never_parts_a_queue_number_and_gives_every_queue_once() {
    for queues in 1..9 {
        for lcores in 1..9 {
            for ports in 1..4 {
                let ports: Vec<(u16, u16)> = (0..ports).map(|id| (id, queues)).collect();
                let hands = deal(&ports, lcores, Spread::Paired);
                let mut all: Vec<_> = plain(hands.clone()).concat();
                all.sort_unstable();
                let want: Vec<_> = ports.iter().flat_map(|(id, _)| (0..queues).map(|queue| (*id, queue))).collect();
                assert_eq!(all, want);
                for queue in 0..queues {
                    let holders = hands.iter().filter(|hand| hand.iter().any(|stream| stream.queue == queue)).count();
                    assert_eq!(holders, 1, "queue {queue} of {ports:?} on {lcores}");
                }
                let sizes: Vec<usize> = hands.iter().map(Vec::len).collect();
                assert!(sizes.iter().max().unwrap_or(&0) - sizes.iter().min().unwrap_or(&0) <= ports.len());
            }
        }
    }
}

fn port(id: u16, queues: u16, rss: Option<u16>, socket: i32) -> PortSetup {
    let facts = PortFacts {
        id,
        name: format!("0000:3b:00.{id}"),
        driver: "net_ice".to_owned(),
        socket,
        min_mtu: 68,
        max_mtu: 9_702,
        max_frame_len: 9_728,
        min_buffer: 1_024,
        max_rx_queues: 64,
        max_tx_queues: 64,
        rx_offloads: 0,
        rss_fields: 0,
        rss_key_len: 52,
        reta_entries: rss.unwrap_or(0),
        descriptors: DescriptorLimits { max: 4_096, min: 64, align: 32 },
        preferred_descriptors: 1_024,
    };
    let plan = PortPlan {
        queues,
        transmit: vec![0],
        descriptors: 1_024,
        mtu: None,
        offloads: 0,
        rss: rss.map(|table_entries| RssPlan { fields: 7, key: vec![0x6d, 0x5a], table_entries, innermost: false }),
        stamps: None,
        preload: vec![0; usize::from(queues)],
        segments: 1,
        mbuf_size: 2_176,
        packets: None,
        notes: Vec::new(),
    };
    PortSetup { facts, plan }
}

fn parts_of(ports: &[PortSetup], lcores: usize, spread: Spread, rss: RssFields) -> Parts {
    let queues: Vec<_> = ports.iter().map(|setup| (setup.facts.id, setup.plan.queues)).collect();
    parts(&deal(&queues, lcores, spread), ports, rss)
}

#[test]
fn flows_stay_whole_where_all_ports_hash_alike_and_equal_queues_share_a_lcore() {
    use RssFields::{Ip, IpAndPorts};
    use Spread::{Paired, Testpmd};
    #[rustfmt::skip]
    let cases = [
        ([port(0, 4, Some(512), 0), port(1, 4, Some(512), 0)], 2, Paired,  IpAndPorts, Parts::Fragments),
        ([port(0, 4, Some(128), 0), port(1, 4, Some(512), 0)], 2, Paired,  IpAndPorts, Parts::Fragments),
        ([port(0, 3, Some(128), 0), port(1, 3, Some(512), 0)], 2, Paired,  IpAndPorts, Parts::Anywhere),
        ([port(0, 3, Some(512), 0), port(1, 3, Some(512), 0)], 2, Testpmd, IpAndPorts, Parts::Anywhere),
        ([port(0, 3, Some(512), 0), port(1, 3, Some(512), 0)], 2, Paired,  IpAndPorts, Parts::Fragments),
        ([port(0, 4, Some(512), 0), port(1, 2, Some(512), 0)], 2, Paired,  IpAndPorts, Parts::Anywhere),
        ([port(0, 4, Some(512), 0), port(1, 4, None, 0)],      2, Paired,  IpAndPorts, Parts::Anywhere),
        ([port(0, 4, Some(512), 0), port(1, 4, Some(512), 0)], 2, Paired,  Ip,         Parts::Anywhere),
        ([port(0, 4, None, 0),      port(1, 4, None, 0)],      1, Paired,  IpAndPorts, Parts::Never),
        ([port(0, 1, None, 0),      port(1, 1, None, 0)],      4, Paired,  IpAndPorts, Parts::Never),
    ];
    for (number, (ports, lcores, spread, rss, want)) in cases.into_iter().enumerate() {
        assert_eq!(parts_of(&ports, lcores, spread, rss), want, "case {number}");
    }
}

fn lcore(id: u32, socket: u32) -> LcoreFacts {
    LcoreFacts { id, cpu: Some(id), socket }
}

#[test]
fn an_lcore_far_from_its_port_and_lcores_without_queues_are_told() {
    let ports = vec![port(0, 2, Some(512), 1)];
    let hands = deal(&[(0, 2)], 3, Spread::Paired);
    let posts = [lcore(1, 0), lcore(2, 1)].into_iter().zip(hands).map(|(lcore, streams)| Post { lcore, streams });
    let layout = Layout {
        main: lcore(0, 0),
        posts: posts.collect(),
        asked: 3,
        spare: Vec::new(),
        spread_to: Vec::new(),
        ports,
        pools: Vec::new(),
        parts: Parts::Fragments,
        memory: Statement::default(),
        notes: Vec::new(),
        damage: Vec::new(),
    };
    let said = remarks(&layout);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("2 of 3 lcores (--nb-cores)") && said[0].contains("raise --rxq"), "{}", said[0]);
    assert!(said[1].starts_with("lcore 1 on NUMA socket 0 polls port 0 on socket 1"), "{}", said[1]);
}

#[test]
fn a_core_mask_with_the_main_lcore_or_one_that_is_not_there_is_refused() {
    let workers = [lcore(1, 0), lcore(2, 0)];
    assert!(check_mask(&[1, 2], 0, &workers).is_ok());
    let main = check_mask(&[0, 1], 0, &workers).expect_err("the main lcore").to_string();
    assert!(main.contains("main lcore"), "{main}");
    let absent = check_mask(&[5], 0, &workers).expect_err("absent").to_string();
    assert!(absent.contains("[1, 2]"), "{absent}");
}
