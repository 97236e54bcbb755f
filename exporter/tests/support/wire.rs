//! Two network namespaces joined by a virtual wire, with the probe on one side.
//!
//! **Owns** the namespaces and what it is told to start in them. **May touch** `ip`, as root. **Order** made first, dropped last.

use super::{Running, at, finish, is_root, metric, text, until};
use serde_json::Value;
use std::process::{Child, Command, Stdio};

/// Two namespaces joined by a wire (left 10.97.0.1, right 10.97.0.2), gone when dropped, also when the test fails.
#[derive(Debug)]
pub struct Wire(String);

impl Wire {
    /// Makes it; `None`, with a message, where that is not possible.
    pub fn new(name: &str) -> Option<Wire> {
        if !is_root() {
            eprintln!("skipped: needs root");
            return None;
        }
        let wire = Wire(format!("parshall-{name}-{}", std::process::id()));
        let (left, right) = (wire.left(), wire.right());
        for namespace in [&left, &right] {
            if !ip(&["netns", "add", namespace]) {
                eprintln!("skipped: `ip netns add` is missing or not permitted");
                return None;
            }
            // IPv6 would chatter by itself while counters are compared.
            let quiet = ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"];
            drop(finish(inside(namespace, &quiet)));
        }
        let steps: [&[&str]; 7] = [
            &["-n", &left, "link", "add", "left0", "type", "veth", "peer", "name", "right0", "netns", &right],
            &["-n", &left, "addr", "add", "10.97.0.1/24", "dev", "left0"],
            &["-n", &right, "addr", "add", "10.97.0.2/24", "dev", "right0"],
            &["-n", &left, "link", "set", "left0", "up"],
            &["-n", &right, "link", "set", "right0", "up"],
            &["-n", &left, "link", "set", "lo", "up"],
            &["-n", &left, "link", "add", "down0", "type", "dummy"],
        ];
        for step in &steps[..6] {
            if !ip(step) {
                eprintln!("skipped: `ip {}` is not permitted", step.join(" "));
                return None;
            }
        }
        // Not every kernel has dummy devices; the test that needs one looks.
        ip(steps[6]);
        Some(wire)
    }

    /// The namespace on the left, the probe's.
    pub fn left(&self) -> String {
        format!("{}-l", self.0)
    }

    /// The namespace on the right.
    pub fn right(&self) -> String {
        format!("{}-r", self.0)
    }

    /// The probe on the left side.
    pub fn probe(&self, folder: &tempfile::TempDir, options: &[&str]) -> (Running, String) {
        let mut command = inside(&self.left(), &[env!("CARGO_BIN_EXE_parshall"), "run", "--"]);
        let sink = format!("jsonl:{}", text(&at(folder, "out.jsonl")));
        command.args(["--max-flows", "5000", "--listen", "127.0.0.1:0", "--publish-interval", "20ms", "--sink", &sink]);
        let mut child = Running::start(command.args(options));
        let address = child.address();
        // Ports are published with the first snapshot.
        until("a port", || (metric(&self.scrape(&address), "parshall_port_info").1 > 0).then_some(()));
        (child, address)
    }

    /// The probe listens on the loopback of the namespace it runs in, so a process there has to ask it.
    pub fn scrape(&self, address: &str) -> String {
        let (host, port) = address.split_once(':').expect("an address");
        let ask = format!(
            "exec 3<>/dev/tcp/{host}/{port}; printf 'GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"
        );
        let said = finish(inside(&self.left(), &["bash", "-c", &ask])).ended_with(0);
        assert!(said.out.starts_with("HTTP/1.1 200"), "{}", said.out);
        said.out
    }

    /// Frames that an interface on the left has received and sent.
    pub fn counted(&self, interface: &str) -> u64 {
        let said = finish(inside(&self.left(), &["ip", "-s", "-j", "link", "show", interface])).ended_with(0);
        let links: Value = serde_json::from_str(&said.out).expect("JSON");
        let packets = |way: &str| links[0]["stats64"][way]["packets"].as_u64().expect("packets");
        packets("rx") + packets("tx")
    }

    /// Whether an interface on the left is promiscuous.
    pub fn promiscuous(&self, interface: &str) -> bool {
        let file = format!("/sys/class/net/{interface}/flags");
        let said = finish(inside(&self.left(), &["cat", &file])).ended_with(0);
        let flags = u32::from_str_radix(said.out.trim().trim_start_matches("0x"), 16).expect("flags");
        flags & 0x100 != 0
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.left()]);
        ip(&["netns", "del", &self.right()]);
    }
}

/// Whether `ip` with these words succeeds.
pub fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A command in a namespace.
pub fn inside(namespace: &str, words: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).args(words);
    command
}

/// A server that is killed when the test ends.
#[derive(Debug)]
pub struct Server(Child);

impl Server {
    /// Starts it.
    pub fn start(command: &mut Command) -> Server {
        Server(command.spawn().expect("the server starts"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
