//! What is taken off a frame.
//!
//! **Owns** how `--decap` and `--no-decap` meet, and ports that two encapsulations claim. **May touch** nothing.
//! **Order** called by `check::common`.

use crate::plan::{DECAP_DEFAULT, DECAP_OPTIONAL, DecapPlan};
use crate::problem::{Problem, Problems};
use crate::settings::Settings;

/// The options that name UDP ports, and the encapsulation that each is about.
const PORTS: [(&str, &str); 5] = [
    ("vxlan-ports", "vxlan"),
    ("vxlan-gpe-ports", "vxlan"),
    ("geneve-ports", "geneve"),
    ("gtpu-ports", "gtpu"),
    ("tzsp-ports", "tzsp"),
];

/// The decapsulation.
pub(super) fn plan(settings: &Settings, problems: &mut Problems) -> DecapPlan {
    let (on, off) = (settings.words("decap"), settings.words("no-decap"));
    for name in on.iter().filter(|name| off.contains(name)) {
        problems.add(Problem {
            what: format!("{name} is both to be taken off and to be left on"),
            asked: format!("asked for: {}, {}", settings.get("decap").show(), settings.get("no-decap").show()),
            possible: "each name in one of --decap and --no-decap".to_owned(),
            remedy: format!("remove {name} from one of them"),
        });
    }
    let named = |list: &[String], name: &str| list.iter().any(|word| word == name);
    let wanted = |name: &&str| match (named(on, name), named(off, name)) {
        (true, _) => true,
        (_, true) => false,
        _ if named(on, "all") => true,
        _ => DECAP_DEFAULT.contains(name) && !named(off, "all"),
    };
    let enabled: Vec<&str> = DECAP_DEFAULT.iter().chain(DECAP_OPTIONAL).copied().filter(wanted).collect();
    ports(settings, &enabled, problems);
    DecapPlan {
        enabled: enabled.into_iter().map(str::to_owned).collect(),
        depth: u8::try_from(settings.number("decap-depth")).unwrap_or(u8::MAX),
        vxlan_ports: settings.numbers("vxlan-ports"),
        vxlan_gpe_ports: settings.numbers("vxlan-gpe-ports"),
        geneve_ports: settings.numbers("geneve-ports"),
        gtpu_ports: settings.numbers("gtpu-ports"),
        tzsp_ports: settings.numbers("tzsp-ports"),
    }
}

/// A UDP port tells one encapsulation, of those that are taken off.
fn ports(settings: &Settings, enabled: &[&str], problems: &mut Problems) {
    let lists: Vec<&str> = PORTS.iter().filter(|(_, encap)| enabled.contains(encap)).map(|(name, _)| *name).collect();
    for (index, first) in lists.iter().enumerate() {
        for second in &lists[index + 1..] {
            let theirs = settings.numbers(second);
            let shared: Vec<_> = settings.numbers(first).into_iter().filter(|port| theirs.contains(port)).collect();
            if let Some(port) = shared.first() {
                problems.add(Problem {
                    what: format!("UDP port {port} is both in --{first} and in --{second}"),
                    asked: format!("asked for: {}, {}", settings.get(first).show(), settings.get(second).show()),
                    possible: "a port in one list, but for encapsulations that --no-decap leaves on".to_owned(),
                    remedy: format!("remove {port} from one of them"),
                });
            }
        }
    }
}
