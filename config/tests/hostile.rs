//! No input makes the program panic.
//!
//! **Owns** the property tests. **May touch** a temporary folder. **Order** arbitrary text, then words that nearly make sense.

mod ask;

use ask::ask;
use parshall_config::{Outcome, load, options};
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Words that nearly make sense: sub-commands, options with and without values, values.
fn word() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = options::all().map(|option| option.name).collect();
    let values = [
        "0",
        "1",
        "600",
        "1M",
        "30s",
        "0x3",
        "jsonl:-",
        "csv:x?rotate=1h",
        "10.0.0.0/8",
        "off",
        "auto",
        "-",
        "--",
        "vlan",
        "\0",
    ];
    prop_oneof![
        prop::sample::select(vec![
            "run",
            "read",
            "check-config",
            "-i",
            "-a",
            "-ai",
            "-xa",
            "--vdev",
            "net_pcap0,rx_pcap=a",
            "--no-huge"
        ])
        .prop_map(str::to_owned),
        prop::sample::select(names.clone()).prop_map(|name| format!("--{name}")),
        (prop::sample::select(names), ".{0,12}").prop_map(|(name, value)| format!("--{name}={value}")),
        prop::sample::select(values.to_vec()).prop_map(str::to_owned),
        "-{0,3}[a-z=\\-]{0,8}",
        ".{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_on_the_command_line_give_a_plan_or_problems(words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..8)) {
        let words = words.into_iter().map(OsString::from_vec);
        if let Err(problems) = load(std::iter::once("parshall".into()).chain(words), []) {
            prop_assert!(!problems.is_empty() && !problems.to_string().is_empty());
        }
    }

    #[test]
    fn any_words_behind_a_sub_command_give_a_plan_or_problems(
        sub in prop::sample::select(vec!["run", "read", "check-config", "run --"]),
        words in prop::collection::vec(word(), 0..10),
    ) {
        let words = sub.split(' ').map(str::to_owned).chain(words);
        match load(std::iter::once("parshall".to_owned()).chain(words).map(OsString::from), []) {
            Err(problems) => prop_assert!(!problems.is_empty()),
            Ok(Outcome::Print(text)) => prop_assert!(text.ends_with('\n')),
            Ok(Outcome::Start(_)) => {}
        }
    }

    #[test]
    fn any_text_in_a_variable_gives_a_plan_or_problems(index in 0..options::all().count(), text in ".{0,30}") {
        let option = options::all().nth(index).expect("within the table");
        let _ = ask("run --", &[(&option.variable(), &text)]).map_err(|problems| problems.to_string());
    }

    #[test]
    fn any_text_in_a_file_gives_a_plan_or_problems(
        lines in prop::collection::vec(prop_oneof![".{0,30}", (word(), ".{0,10}").prop_map(|(a, b)| format!("{} = {b}", a.trim_matches('-')))], 0..8),
        bytes in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("any.toml");
        std::fs::write(&path, [lines.join("\n").as_bytes(), &bytes].concat()).expect("written");
        let path = path.to_str().expect("a path of text");
        let _ = ask("check-config", &[("PARSHALL_CONFIG", path)]).map_err(|problems| problems.to_string());
    }
}
