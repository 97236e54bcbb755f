//! EAL, its lcores, and what is said when something is missing.

#![cfg(feature = "dpdk")]

mod dpdk_support;

use dpdk_support::child::{eal_args, in_child};
use parshall_engine::dpdk::{DPDK_BUILD_VERSION, Eal, Pool, PoolSize, running_version};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

#[track_caller]
fn refused(args: &[&str], parts: &[&str]) {
    let error = Eal::start(&eal_args(args)).expect_err("must be refused");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{text}\nlacks {part}");
    }
    assert!(error.is_usage(), "{text}");
}

#[test]
fn the_versions_built_against_and_running_are_known_without_eal() {
    assert!(DPDK_BUILD_VERSION.chars().next().is_some_and(|c| c.is_ascii_digit()), "{DPDK_BUILD_VERSION}");
    let year = DPDK_BUILD_VERSION.split('.').next().expect("a year");
    assert!(running_version().starts_with(&format!("DPDK {year}.")), "{}", running_version());
}

#[test]
fn an_unknown_driver_of_a_vdev_is_an_error_that_lists_the_known_ones() {
    in_child("an_unknown_driver_of_a_vdev_is_an_error_that_lists_the_known_ones", || {
        let error =
            Eal::start(&eal_args(&["-l", "0", "--vdev", "net_nosuch0"])).expect_err("must be refused").to_string();
        assert!(error.contains("--vdev net_nosuch0`: ENODEV") && error.contains("net_pcap, net_ring"), "{error}");
    });
}

#[test]
fn a_missing_file_is_named_before_eal_starts() {
    in_child("a_missing_file_is_named_before_eal_starts", || {
        refused(&["--vdev", "net_pcap0,rx_pcap=/no/such.pcap"], &["rx_pcap=/no/such.pcap: No such file", "can read"]);
        refused(&["--in-memory"], &["EAL refuses the two together", "--no-shconf"]);
        drop(Eal::start(&eal_args(&["-l", "0"])).expect("nothing was started by the errors above"));
    });
}

#[test]
fn a_file_that_is_no_capture_is_an_error_of_its_vdev() {
    in_child("a_file_that_is_no_capture_is_an_error_of_its_vdev", || {
        refused(&["-l", "0", "--vdev", "net_pcap0,rx_pcap=/dev/null"], &["--vdev net_pcap0: no port came up"]);
    });
}

#[test]
fn arguments_that_eal_does_not_take_are_refused() {
    in_child("arguments_that_eal_does_not_take_are_refused", || {
        refused(&["-l", "0", "stray"], &["EAL understood", "behind `--`"]);
    });
}

#[test]
fn an_option_unknown_to_eal_is_its_invalid_argument() {
    in_child("an_option_unknown_to_eal_is_its_invalid_argument", || {
        let error = Eal::start(&eal_args(&["--no-such-option"])).expect_err("must be refused").to_string();
        assert!(error.contains("EINVAL (invalid argument); EAL names the argument"), "{error}");
    });
}

#[test]
fn the_eal_starts_once_in_a_process() {
    in_child("the_eal_starts_once_in_a_process", || {
        let first = Eal::start(&eal_args(&["-l", "0"])).expect("EAL");
        refused(&["-l", "0"], &["started before in this process"]);
        drop(first);
        refused(&["-l", "0"], &["started before in this process"]);
    });
}

#[test]
fn a_port_that_is_missing_or_taken_is_refused() {
    in_child("a_port_that_is_missing_or_taken_is_refused", || {
        let eal = Eal::start(&eal_args(&["-l", "0", "--vdev", "net_null0"])).expect("EAL");
        let missing = eal.port(7).expect_err("no such port").to_string();
        assert_eq!(missing, "port 7: the ports are 0; choose among them with --portmask or --portlist");
        let port = eal.port(0).expect("a port");
        assert_eq!((port.facts().name.as_str(), port.facts().driver.as_str()), ("net_null0", "net_null"));
        assert!(eal.port(0).expect_err("taken").to_string().contains("in use already"));
    });
}

#[test]
fn without_any_port_the_error_says_where_ports_come_from() {
    in_child("without_any_port_the_error_says_where_ports_come_from", || {
        let eal = Eal::start(&eal_args(&["-l", "0"])).expect("EAL");
        let error = eal.port(0).expect_err("no port").to_string();
        assert!(error.contains("no port at all; bind a NIC to vfio-pci"), "{error}");
    });
}

#[test]
fn a_pool_that_does_not_fit_says_how_much_it_needs() {
    in_child("a_pool_that_does_not_fit_says_how_much_it_needs", || {
        let eal = Eal::start(&eal_args(&["-l", "0"])).expect("EAL");
        let size = PoolSize { mbufs: 1 << 20, cache: 0, mbuf_size: 2_176 };
        let error = Pool::create(&eal, "large", size, -1).expect_err("2 GiB of 256 MiB").to_string();
        assert!(error.contains("about 2368 MiB: ENOMEM") && error.contains("-m"), "{error}");
    });
}

#[test]
fn a_scope_waits_for_its_lcores_and_passes_their_panics_on() {
    in_child("a_scope_waits_for_its_lcores_and_passes_their_panics_on", || {
        let eal = Eal::start(&eal_args(&["--lcores", "0@0,3@0,5@0"])).expect("EAL");
        assert_eq!(eal.main_lcore().id(), 0);
        assert_eq!(eal.worker_lcores().iter().map(|facts| facts.id).collect::<Vec<_>>(), [3, 5]);
        let seen = AtomicU32::new(0);
        let note = |lcore: &parshall_engine::dpdk::Lcore<'_>| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            seen.fetch_add(lcore.id(), Ordering::Relaxed);
        };
        eal.scope(|scope| {
            scope.launch(3, note).expect("idle");
            scope.launch(5, note).expect("idle");
            let busy = scope.launch(5, |_| ()).expect_err("at work").to_string();
            assert!(busy.contains("EBUSY"), "{busy}");
            let none = scope.launch(4, |_| ()).expect_err("not enabled").to_string();
            assert!(none.contains("beside the main one are [3, 5]") && none.contains("--lcores"), "{none}");
            assert!(scope.launch(0, |_| ()).is_err(), "the main lcore cannot be launched");
        });
        assert_eq!(seen.load(Ordering::Relaxed), 8);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            eal.scope(|scope| {
                let lost = scope.launch(3, |_| -> u8 { panic!("as asked") }).expect("idle");
                let kept = scope.launch(5, |_| 9).expect("idle");
                assert_eq!(kept.join(), Some(9));
                assert_eq!(lost.join(), None);
            });
        }));
        let payload = panicked.expect_err("the panic is passed on");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"as asked"));
        assert_eq!(eal.scope(|scope| scope.launch(3, |_| 4).expect("idle again").join()), Some(4));
    });
}
