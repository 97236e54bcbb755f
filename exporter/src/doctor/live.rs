//! A running probe instead of the host: is it well, what does it lose and why, what could each worker still take.
//!
//! **Owns** what its answers mean for whoever has to act. **May touch** the probe, over HTTP. **Order** called instead of the
//! parts about the host; the causes of losses are the probe's own (`/api/v1/explain/drops`).

use super::Finding;
use crate::terminal::answer::{list, number, sentence, text, whole};
use crate::terminal::client::Client;
use crate::terminal::quantity::{rate, share, span};
use parshall_config::plan::Probe;
use serde_json::Value;

/// How old the last publication may be. Unit: seconds.
const STALE: f64 = 10.0;

/// A share of time at work from which on a worker has little left for a burst.
const BUSY: f64 = 0.8;

/// Asks the probe.
pub(super) fn look(probe: &Probe) -> Vec<Finding> {
    let client = Client::new(&probe.url, probe.token.clone());
    let asked = |path| client.json(path, &[]);
    match asked("/api/v1/stats").and_then(|stats| Ok((stats, asked("/api/v1/explain/drops")?))) {
        Ok((stats, drops)) => judge(client.url(), &stats, &drops),
        Err(silence) => {
            let remedy = "see whether it runs (systemctl status parshall), and where it serves HTTP (--listen)";
            vec![Finding::bad("probe", silence.to_string(), remedy)]
        }
    }
}

fn judge(url: &str, stats: &Value, drops: &Value) -> Vec<Finding> {
    let mut findings = vec![alive(url, stats), books(stats)];
    findings.extend(list(stats, "/ports").iter().map(port));
    findings.extend(losses(drops));
    let workers = list(drops, "/headroom");
    findings.extend(workers.iter().map(|row| worker(row, workers.len())));
    findings
}

fn alive(url: &str, stats: &Value) -> Finding {
    let (version, dpdk) = (text(stats, "/version/parshall"), text(stats, "/version/dpdk_runtime"));
    let found = format!("parshall {version} at {url}, {dpdk}, up {}", span(number(stats, "/uptime_seconds")));
    let age = number(stats, "/published_seconds_ago");
    if age <= STALE {
        return Finding::good("probe", found);
    }
    let remedy = "its control loop is stuck: keep its log, then restart it";
    Finding::bad("probe", format!("{found}; nothing was published for {}", span(age)), remedy)
}

fn books(stats: &Value) -> Finding {
    if stats.pointer("/books/closed") == Some(&Value::Bool(true)) {
        return Finding::good("books", sentence(stats));
    }
    let remedy = "this is a defect of parshall: keep /api/v1/stats and report it";
    Finding::bad("books", sentence(stats), remedy)
}

fn port(port: &Value) -> Finding {
    let name = format!("port {} ({})", number(port, "/port"), text(port, "/name"));
    if port["link_up"] == true {
        return Finding::good("port", format!("{name}: {} frames", whole(number(port, "/driver_rx_packets"))));
    }
    Finding::bad("port", format!("{name} has no link"), "look at the cable, the optic and the mirror port's switch")
}

/// What is lost now is bad; what was lost once is worth knowing.
fn losses(drops: &Value) -> Vec<Finding> {
    let causes = list(drops, "/causes");
    if causes.is_empty() {
        return vec![Finding::good("loss", text(drops, "/sentence"))];
    }
    let row = |cause: &Value| {
        let (lost, lately, unit) = (number(cause, "/lost"), number(cause, "/lost_lately"), text(cause, "/unit"));
        let now = if lately > 0.0 { format!(", {} in the last minute", whole(lately)) } else { String::new() };
        let found = format!("{} {} {unit} since the start{now}.", text(cause, "/sentence"), whole(lost));
        let make = if lately > 0.0 { Finding::bad } else { Finding::note };
        make("loss", found, text(cause, "/remedy").to_owned())
    };
    causes.iter().map(row).collect()
}

fn worker(row: &Value, workers: usize) -> Finding {
    let load = number(row, "/load");
    let load = if load.is_finite() { load } else { number(row, "/work_share") };
    let mut found = format!(
        "worker {} on lcore {}: {} of its time at work, {} packets",
        number(row, "/worker"),
        number(row, "/lcore"),
        share(load),
        rate(number(row, "/packets_per_second"))
    );
    let could = number(row, "/could_take_packets_per_second");
    if could.is_finite() {
        found.push_str(&format!("; could take {}", rate(could)));
    }
    if load < BUSY || load.is_nan() {
        return Finding::good("headroom", found);
    }
    let remedy = format!("little is left for a burst: one more lcore in -l, and --nb-cores {}", workers + 1);
    Finding::note("headroom", found, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use serde_json::json;

    fn levels(stats: &Value, drops: &Value) -> Vec<(&'static str, Level)> {
        judge("http://probe", stats, drops).iter().map(|finding| (finding.topic, finding.level)).collect()
    }

    fn stats() -> Value {
        json!({
            "version": { "parshall": "0.1.0", "dpdk_runtime": "DPDK 22.11.11" }, "uptime_seconds": 60.0,
            "published_seconds_ago": 0.4, "sentence": "all 3 frames accounted for",
            "books": { "frames_taken": 3, "closed": true },
            "ports": [{ "port": 0, "name": "net_pcap0", "link_up": true, "driver_rx_packets": 3 }],
        })
    }

    fn drops(load: f64) -> Value {
        json!({ "sentence": "Nothing was lost.", "causes": [], "headroom": [
            { "worker": 0, "lcore": 1, "load": load, "packets_per_second": 1e6, "could_take_packets_per_second": 2e6 },
        ] })
    }

    #[test]
    fn a_probe_that_is_well_has_good_findings_only() {
        let all = levels(&stats(), &drops(0.5));
        assert_eq!(all, ["probe", "books", "port", "loss", "headroom"].map(|topic| (topic, Level::Good)));
    }

    #[test]
    fn what_is_wrong_with_a_probe_is_named_with_what_to_do() {
        let mut sick = stats();
        (sick["published_seconds_ago"], sick["books"]["closed"]) = (json!(11.0), json!(false));
        sick["ports"][0]["link_up"] = json!(false);
        let mut losing = drops(0.95);
        let cause = |lately: u64| json!({ "lost": 9, "lost_lately": lately, "unit": "frames", "sentence": "Slow.", "remedy": "Turn." });
        losing["causes"] = json!([cause(4), cause(0)]);
        let all = levels(&sick, &losing);
        let bad = ["probe", "books", "port", "loss"].map(|topic| (topic, Level::Bad));
        assert_eq!(all, [&bad[..], &[("loss", Level::Note), ("headroom", Level::Note)]].concat());
        let said = judge("http://probe", &sick, &losing);
        assert_eq!(said[3].text, "Slow. 9 frames since the start, 4 in the last minute.");
        assert_eq!(
            said[5].remedy.as_deref(),
            Some("little is left for a burst: one more lcore in -l, and --nb-cores 2")
        );
    }

    #[test]
    fn a_probe_that_does_not_answer_is_one_finding() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
        let found = look(&Probe { url: format!("http://{closed}"), token: None });
        assert!(
            found.len() == 1 && found[0].level == Level::Bad && found[0].text.contains("does not answer"),
            "{found:?}"
        );
    }
}
