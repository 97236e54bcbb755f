//! A NIC that is not there, and what is planned for it.

use super::*;
use crate::dpdk::facts::DescriptorLimits;
use crate::link::LinkType;

fn nic() -> PortFacts {
    PortFacts {
        id: 0,
        name: "0000:3b:00.0".into(),
        driver: "net_ice".into(),
        socket: 1,
        min_mtu: 68,
        max_mtu: 9_702,
        max_frame_len: 9_728,
        min_buffer: 1_024,
        max_rx_queues: 16,
        max_tx_queues: 16,
        rx_offloads: ffi::SHIM_RX_SCATTER | ffi::SHIM_RX_TIMESTAMP,
        rss_fields: u64::MAX,
        rss_key_len: 52,
        reta_entries: 512,
        descriptors: DescriptorLimits { max: 4_096, min: 64, align: 32 },
        preferred_descriptors: 1_024,
    }
}

fn vdev(driver: &str, queues: u16) -> PortFacts {
    PortFacts {
        name: format!("{driver}0"),
        driver: driver.into(),
        socket: -1,
        max_mtu: u16::MAX,
        max_frame_len: u32::MAX,
        min_buffer: 0,
        max_rx_queues: queues,
        max_tx_queues: queues,
        rx_offloads: 0,
        rss_fields: 0,
        rss_key_len: 0,
        reta_entries: 0,
        descriptors: DescriptorLimits { max: u16::MAX, min: 0, align: 1 },
        preferred_descriptors: 0,
        ..nic()
    }
}

fn wish() -> PortWish {
    PortWish::plain(4)
}

fn files(infinite: bool, lengths: &[u32]) -> Option<PcapFiles> {
    let file = |len: &u32| FileFacts { packets: 7, longest_captured: *len, link: LinkType::ETHERNET };
    Some(PcapFiles { infinite, files: lengths.iter().map(file).collect() })
}

#[track_caller]
fn refused(facts: &PortFacts, wish: &PortWish, part: &str) {
    let error = plan(facts, wish).expect_err("must be refused").to_string();
    assert!(error.contains(part), "{error}\nlacks {part}");
}

#[test]
fn a_nic_gets_one_queue_a_poller_and_symmetric_rss_of_its_own_key_length() {
    let plan = plan(&nic(), &wish()).expect("a plan");
    let rss = plan.rss.expect("RSS");
    assert_eq!((plan.queues, plan.descriptors, plan.mtu, plan.offloads), (4, 1_024, None, 0));
    assert_eq!((rss.key.len(), rss.table_entries, rss.innermost), (52, 512, true));
    assert_eq!(rss.fields & !ffi::SHIM_RSS_INNERMOST, rss::wanted(RssFields::IpAndPorts));
    assert_eq!(plan.transmit, [1, 4, 0]);
    assert_eq!((plan.stamps, plan.packets, plan.notes.len()), (None, None, 0));
}

#[test]
fn hash_fields_are_cut_to_what_is_offered_and_the_loss_is_noted() {
    let facts = PortFacts { rss_fields: ffi::SHIM_RSS_IP | ffi::SHIM_RSS_TCP, ..nic() };
    let plan = plan(&facts, &wish()).expect("a plan");
    assert_eq!(plan.rss.expect("RSS").fields, ffi::SHIM_RSS_IP | ffi::SHIM_RSS_TCP);
    assert!(plan.notes[0].contains("hashes IP, TCP instead of IP, TCP, UDP, SCTP"), "{:?}", plan.notes);
    assert!(plan.notes[1].contains("outer headers only"), "{:?}", plan.notes);
}

#[test]
fn a_nic_without_rss_has_one_queue_unless_more_are_asked_for() {
    let facts = PortFacts { rss_fields: 0, ..nic() };
    assert_eq!(plan(&facts, &wish()).expect("a plan").queues, 1);
    refused(&facts, &PortWish { queues: Some(2), ..wish() }, "give --rxq 1 and --workers N");
    let off = PortWish { queues: Some(2), rss: RssFields::Off, ..wish() };
    assert!(plan(&facts, &off).expect("asked for by --disable-rss").notes[0].contains("queue 0 gets every frame"));
}

#[test]
fn too_many_queues_are_refused_with_what_the_device_offers() {
    refused(
        &nic(),
        &PortWish { queues: Some(17), ..wish() },
        "17 RX queues of port 0000:3b:00.0 (--rxq 17): net_ice offers 16",
    );
    refused(&nic(), &PortWish { queues: Some(0), ..wish() }, "at least 1");
    let few = PortFacts { max_rx_queues: 2, ..nic() };
    assert_eq!(plan(&few, &wish()).expect("a plan").queues, 2);
}

#[test]
fn descriptors_are_moved_into_the_limits_and_a_change_of_the_wish_is_noted() {
    #[rustfmt::skip]
    let cases = [(1_000, 1_024), (1, 64), (60_000, 4_096), (4_096, 4_096)];
    for (asked, given) in cases {
        let plan = plan(&nic(), &PortWish { descriptors: Some(asked), ..wish() }).expect("a plan");
        assert_eq!(plan.descriptors, given);
        assert_eq!(plan.notes.is_empty(), asked == given, "{:?}", plan.notes);
    }
    assert_eq!(plan(&vdev("net_null", 1), &wish()).expect("a plan").descriptors, DESCRIPTORS);
}

#[test]
fn long_frames_scatter_where_the_device_can_and_are_refused_where_it_cannot() {
    let jumbo = PortWish { max_packet_len: Some(9_000), ..wish() };
    let plan_nic = plan(&nic(), &jumbo).expect("a plan");
    assert_eq!((plan_nic.mtu, plan_nic.offloads, plan_nic.segments), (Some(8_974), ffi::SHIM_RX_SCATTER, 5));
    let rigid = PortFacts { rx_offloads: 0, ..nic() };
    refused(&rigid, &jumbo, "give --mbuf-size 9128");
    assert_eq!(plan(&rigid, &PortWish { mbuf_size: 9_128, ..jumbo.clone() }).expect("a plan").segments, 1);
    refused(&nic(), &PortWish { max_packet_len: Some(10_000), ..wish() }, "give --max-pkt-len 9728 or less");
    refused(&nic(), &PortWish { mbuf_size: 512, ..wish() }, "give --mbuf-size 1152 or more");
    let small = PortFacts { min_buffer: 0, ..rigid };
    let noted = plan(&small, &PortWish { mbuf_size: 512, ..wish() }).expect("a plan");
    assert!(noted.notes[0].contains("longer frames than 384 bytes are lost"), "{:?}", noted.notes);
}

#[test]
fn ticks_of_a_nic_are_refused_because_they_are_not_unix_time() {
    let asked = PortWish { rx_timestamp: true, ..wish() };
    refused(&nic(), &asked, "a clock of its own");
    refused(&vdev("net_null", 1), &asked, "net_null gives none");
    let finite = PortWish { pcap: files(false, &[60]), ..asked };
    assert_eq!(plan(&vdev("net_pcap", 1), &finite).expect("a plan").stamps, Some(StampUnit::Micros));
}

#[test]
fn a_file_backed_port_has_one_queue_a_file_and_an_end() {
    let wish = PortWish { pcap: files(false, &[60, 9_000]), ..wish() };
    let plan_finite = plan(&vdev("net_pcap", 2), &wish).expect("a plan");
    assert_eq!((plan_finite.queues, plan_finite.rss, plan_finite.segments), (2, None, 5));
    assert_eq!((plan_finite.packets, plan_finite.preload), (Some(vec![7, 7]), vec![0, 0]));
    refused(&vdev("net_pcap", 2), &PortWish { queues: Some(1), ..wish.clone() }, "give --rxq 2 or leave it out");
    let later = PortFacts { rx_offloads: ffi::SHIM_RX_SCATTER | ffi::SHIM_RX_TIMESTAMP, ..vdev("net_pcap", 2) };
    let plan_later = plan(&later, &wish).expect("a plan");
    assert_eq!(plan_later.offloads, ffi::SHIM_RX_SCATTER | ffi::SHIM_RX_TIMESTAMP);
    assert_eq!(plan_later.stamps, Some(StampUnit::Nanos));
}

#[test]
fn infinite_rx_preloads_its_files_and_has_neither_times_nor_end() {
    let plan_infinite = plan(&vdev("net_pcap", 1), &PortWish { pcap: files(true, &[60]), ..wish() }).expect("a plan");
    assert_eq!((plan_infinite.preload, plan_infinite.packets, plan_infinite.stamps), (vec![7], None, None));
    refused(&vdev("net_pcap", 1), &PortWish { pcap: files(true, &[4_000]), ..wish() }, "--mbuf-size 4128");
}

#[test]
fn a_port_has_one_transmit_queue_or_none_or_what_its_driver_insists_on() {
    #[rustfmt::skip]
    let cases: [(&str, u16, &[u16], &[u16]); 4] = [
        // queues, wanted, not wanted
        ("net_pcap",   2, &[1, 2, 0], &[0, 1, 2]),
        ("net_tap",    4, &[4],       &[4]),
        ("net_af_xdp", 1, &[1],       &[1]),
        ("net_null",   1, &[1, 0],    &[0, 1]),
    ];
    for (driver, queues, wanted, not) in cases {
        for (transmit_queue, want) in [(true, wanted), (false, not)] {
            let plan = plan(&vdev(driver, queues), &PortWish { transmit_queue, ..wish() }).expect("a plan");
            assert_eq!(plan.transmit, want, "{driver}");
        }
    }
    assert_eq!(plan(&PortFacts { max_tx_queues: 0, ..nic() }, &wish()).expect("a plan").transmit, [0]);
}
