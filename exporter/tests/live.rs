//! `parshall run` over net_af_packet on a virtual wire in a network namespace of its own: what the interface counts is
//! what the probe counts. Needs root and `ip`.

#![cfg(feature = "dpdk")]

mod support;

use serde_json::Value;
use std::process::{Command, Stdio};
use support::{PATIENCE, Running, at, closed_scrape, eal, finish, folder, is_root, records, text, until};

/// A namespace with a pair of interfaces, gone when dropped: both ends live in it.
struct Namespace(String);

impl Namespace {
    fn new() -> Option<Namespace> {
        if !is_root() {
            eprintln!("skipped: needs root");
            return None;
        }
        let namespace = Namespace(format!("parshall-e2e-{}", std::process::id()));
        if !succeeds(&["netns", "add", &namespace.0]) {
            eprintln!("skipped: `ip netns add` is missing or not permitted");
            return None;
        }
        // IPv6 would chatter by itself while counters are compared.
        let quiet = ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"];
        drop(finish(namespace.command(&quiet)));
        let steps: [&[&str]; 4] = [
            &["link", "add", "near", "type", "veth", "peer", "name", "far"],
            &["addr", "add", "10.99.0.1/24", "dev", "near"],
            &["link", "set", "near", "up"],
            &["link", "set", "far", "up", "promisc", "on"],
        ];
        for step in steps {
            let words: Vec<&str> = ["-n", &namespace.0].iter().chain(step).copied().collect();
            if !succeeds(&words) {
                eprintln!("skipped: `ip {}` is not permitted", words.join(" "));
                return None;
            }
        }
        // The far end answers nothing, so nobody resolves its address: it is told.
        let mac = ["neigh", "add", "10.99.0.2", "lladdr", "02:00:00:00:00:02", "dev", "near"];
        let words: Vec<&str> = ["-n", &namespace.0].iter().chain(&mac).copied().collect();
        assert!(succeeds(&words));
        Some(namespace)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).args(words);
        command
    }

    /// Packets and bytes that the far interface has received.
    fn received(&self) -> (u64, u64) {
        let said = finish(self.command(&["ip", "-s", "-j", "link", "show", "far"])).ended_with(0);
        let links: Value = serde_json::from_str(&said.out).expect("JSON");
        let rx = &links[0]["stats64"]["rx"];
        (rx["packets"].as_u64().expect("packets"), rx["bytes"].as_u64().expect("bytes"))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        succeeds(&["netns", "del", &self.0]);
    }
}

fn succeeds(words: &[&str]) -> bool {
    Command::new("ip").args(words).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Fewer than the 512 frames of the driver's ring: a machine that is too busy to poll loses none of them.
const DATAGRAMS: u64 = 400;

/// Sends datagrams of 100 bytes from ten ports to one, without waiting for anyone.
const SENDER: &str = "for port in 1 2 3 4 5 6 7 8 9 10; do exec 3>/dev/udp/10.99.0.2/5000; n=0; \
     while [ $n -lt 40 ]; do printf '%0100d' $n >&3; n=$((n+1)); done; exec 3>&-; done";

/// The probe's HTTP server listens on the loopback of the namespace it runs in, so a process there has to ask it.
fn scrape(namespace: &Namespace, address: &str, path: &str) -> String {
    let (host, port) = address.split_once(':').expect("an address");
    let ask = format!(
        "exec 3<>/dev/tcp/{host}/{port}; printf 'GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"
    );
    let said = finish(namespace.command(&["bash", "-c", &ask])).ended_with(0);
    assert!(said.out.starts_with("HTTP/1.1 200"), "{}", said.out);
    said.out
}

#[test]
fn what_the_interface_received_is_what_the_probe_counts() {
    let Some(namespace) = Namespace::new() else { return };
    assert!(succeeds(&["-n", &namespace.0, "link", "set", "lo", "up"]));
    let folder = folder();
    let out = at(&folder, "out.jsonl");
    let sink = format!("jsonl:{}", text(&out));
    let arguments = eal(&["-l", "0-1", "--vdev", "net_af_packet0,iface=far", "--", "--max-flows", "20000"]);
    let mut command = namespace.command(&[env!("CARGO_BIN_EXE_parshall")]);
    command.args(arguments).args(["--listen", "127.0.0.1:0", "--publish-interval", "20ms", "--sink", &sink]);
    let before = namespace.received();
    let mut child = Running::start(&mut command);
    let address = child.address();
    until("a first scrape", || closed_scrape_or_none(&scrape(&namespace, &address, "/metrics")));
    let mut sender = namespace.command(&["bash", "-c", SENDER]).spawn().expect("a sender");
    while sender.try_wait().expect("a sender").is_none() {
        closed_scrape(&scrape(&namespace, &address, "/metrics"));
    }
    let after = namespace.received();
    let sent = after.0 - before.0;
    assert!(sent >= DATAGRAMS, "{sent}");
    // Published is what was taken a moment ago; nothing else comes.
    let since = std::time::Instant::now();
    while closed_scrape(&scrape(&namespace, &address, "/metrics")) < sent {
        assert!(since.elapsed() < PATIENCE, "{}", scrape(&namespace, &address, "/metrics"));
    }
    let text = scrape(&namespace, &address, "/metrics");
    assert_eq!(closed_scrape(&text), namespace.received().0 - before.0);
    child.signal("INT");
    let said = child.end().ended_with(0);
    let records = records(&out);
    let udp: Vec<Value> = records.into_iter().filter(|record| record["server_port"] == 5000).collect();
    assert_eq!(support::packets(&udp), DATAGRAMS, "{}", said.err);
    assert_eq!(support::sum(&udp, "c2s_payload_bytes"), DATAGRAMS * 100);
    assert!(udp.iter().all(|record| record["end_reason"] == "shutdown" && record["client_ip"] == "10.99.0.1"));
}

/// `None` until the probe has published its ports.
fn closed_scrape_or_none(text: &str) -> Option<u64> {
    (support::metric(text, "parshall_port_driver_rx_packets_total").1 > 0).then(|| closed_scrape(text))
}

#[test]
fn an_interface_that_does_not_exist_is_an_error_that_names_it() {
    if !is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let arguments = eal(&["-l", "0-1", "--vdev", "net_af_packet0,iface=absent0", "--", "--listen", "off"]);
    let said = support::run(&arguments);
    assert!(matches!(said.code, Some(1 | 2)), "{said:?}");
    let sentences = said.sentences();
    assert!(sentences.len() == 1 && sentences[0].contains("net_af_packet0"), "{}", said.err);
}
