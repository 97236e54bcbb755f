//! The web page in a real browser, over a real probe: what it shows, what it fetches, and what it says when nobody answers.
//!
//! With `PARSHALL_SCREENSHOTS=docs/img` it writes the pictures of the README there.

#![cfg(feature = "dpdk")]

#[path = "page/browser.rs"]
mod browser;
mod support;

use browser::Browser;
use parshall_benches::synth::compose::{Choice, Order};
use serde_json::json;
use std::path::{Path, PathBuf};
use support::{Running, at, eal, folder, parshall, synthesize, text};

/// A probe over a capture, at an address: flows that are closed end, the others stay live for as long as a test lasts.
fn probe(capture: &Path, address: &str, infinite: bool) -> Running {
    let endless = if infinite { ",infinite_rx=1" } else { "" };
    let mut words = eal(&["--lcores", "0@0,1@0", "--vdev", &format!("net_pcap0,rx_pcap={}{endless}", text(capture))]);
    let mine = ["--", "--listen", address, "--max-flows", "20k", "--idle", "sleep", "--mbuf-size", "9216"];
    let stay = ["--idle-timeout", "1h", "--single-packet-timeout", "1h"];
    words.extend(mine.iter().chain(&stay).map(|&word| word.to_owned()));
    let mut running = Running::start(&mut parshall(&words));
    running.address();
    running
}

/// A capture without a packet.
fn empty(folder: &tempfile::TempDir) -> PathBuf {
    let path = at(folder, "empty.pcap");
    let mut head = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    head.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 1, 0, 0, 0]);
    std::fs::write(&path, head).expect("written");
    path
}

fn busy(folder: &tempfile::TempDir) -> PathBuf {
    let order = Order { seed: 7, sessions: 400, choice: Choice::All, nanoseconds: false, ..Order::default() };
    synthesize(folder.path(), "busy.pcap", &order).1.pcap
}

/// An address that is free now.
fn free() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("an address").to_string()
}

/// Where pictures are wanted, if anywhere.
fn pictures() -> Option<PathBuf> {
    let folder = std::env::var_os("PARSHALL_SCREENSHOTS")?;
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder))
}

const TEXT: &str = "document.getElementById";

fn says(id: &str, word: &str) -> String {
    format!("{TEXT}('{id}').textContent.includes('{word}')")
}

/// Elements that a keyboard or a screen reader could not make sense of.
const NAMELESS: &str = "
    const name = (node) => node.getAttribute('aria-label') || node.getAttribute('aria-labelledby') || node.textContent.trim()
        || [...(node.labels ?? [])].map((label) => label.textContent.trim()).join('');
    return [...document.querySelectorAll('button, input, select, a, [role=img], [role=tab], [role=group], section')]
        .filter((node) => !name(node)).map((node) => node.outerHTML.slice(0, 120));";

/// What came from anywhere but the probe.
const FOREIGN: &str = "return performance.getEntriesByType('resource').map((entry) => entry.name)
    .filter((name) => !name.startsWith(location.origin + '/'));";

#[test]
fn the_page_shows_a_probe_and_says_so_when_it_stops_and_when_it_is_back() {
    let Some(browser) = Browser::start() else { return };
    let (folder, address, wanted) = (folder(), free(), pictures());
    let capture = busy(&folder);
    let running = probe(&capture, &address, wanted.is_some());
    browser.size(1280, 900);
    browser.open(&format!("http://{address}/"));
    shows_everything(&browser);
    searches_and_opens_a_flow(&browser);
    fits_a_phone_and_the_dark(&browser, wanted.as_deref());

    drop(running);
    browser.wait(&says("state", "no answer since"));
    browser.wait("!document.getElementById('notice').hidden && document.body.classList.contains('stale')");
    browser.wait(&says("books-sentence", "frames accounted for"));

    let _again = probe(&capture, &address, false);
    browser.wait(&says("notice", "was started anew"));
    browser.wait(&says("state", "live"));
    assert_eq!(browser.ask(FOREIGN), json!([]), "the page fetches from the probe alone");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

fn shows_everything(browser: &Browser) {
    browser.wait(&says("state", "live"));
    browser.wait("/^All [\\d,]+ frames accounted for\\.$/.test(document.getElementById('books-sentence').textContent)");
    browser.wait("document.querySelectorAll('#figures .figure').length === 6");
    browser.wait("document.querySelectorAll('#charts canvas').length === 4");
    for (id, word) in [
        ("workers", "lcore"),
        ("loss", "no descriptor"),
        ("mix", "IPv4 TCP"),
        ("tcp", "sent again"),
        ("version", "DPDK"),
    ] {
        browser.wait(&says(id, word));
    }
    browser.wait("document.querySelectorAll('#rtt rect').length > 0");
    browser.wait("document.querySelectorAll('#top tbody tr').length === 10");
    browser.wait("document.querySelectorAll('#flows button').length > 5");
    assert_eq!(browser.ask(NAMELESS), json!([]), "everything has a name");
    let headings =
        browser.ask("return [...document.querySelectorAll('main h1, main h2, main h3')].map((node) => node.tagName)");
    assert!(headings.as_array().is_some_and(|all| all.len() >= 9 && all.iter().all(|tag| tag == "H2")), "{headings}");
    browser.ask("document.querySelectorAll('#top-kinds button')[3].click()");
    browser.wait(&says("top", "tcp"));
}

fn searches_and_opens_a_flow(browser: &Browser) {
    let search = |filter: &str| {
        let script = format!(
            "const field = document.getElementById('flows-filter'); field.value = '{filter}'; field.dispatchEvent(new Event('input'));"
        );
        browser.ask(&script);
    };
    search("zebra = 1");
    browser.wait("!document.getElementById('flows-error').hidden && document.getElementById('flows-error').textContent.length > 5");
    search("protocol = udp");
    browser.wait(&says("flows-hint", "match"));
    browser.wait("[...document.querySelectorAll('#flows tr')].every((row) => row.children[1].textContent === 'UDP')");
    browser.wait("location.hash.includes('udp')");
    search("protocol = tcp");
    browser.wait("document.querySelectorAll('#flows button').length > 5 && document.querySelector('#flows tr').children[1].textContent === 'TCP'");
    browser.ask("document.querySelector('#flows button').click()");
    browser.wait("document.getElementById('detail').open");
    for word in ["Client to server", "packets", "flow"] {
        browser.wait(&says("detail-body", word));
    }
    browser.ask("document.getElementById('detail').close()");
    search("");
    browser.wait("location.hash === ''");
}

fn fits_a_phone_and_the_dark(browser: &Browser, folder: Option<&Path>) {
    let fits = "document.documentElement.scrollWidth <= window.innerWidth";
    browser.ask("scrollTo(0, 0)");
    if folder.is_some() {
        browser.wait("document.querySelector('#charts figcaption span').textContent.length > 0");
        std::thread::sleep(std::time::Duration::from_secs(45));
    }
    browser.wait(fits);
    browser.picture(folder, "page-light.png");
    browser.prefer("dark");
    browser.wait("document.documentElement.dataset.theme === 'dark'");
    browser.picture(folder, "page-dark.png");
    browser.ask("document.querySelector('#theme input[value=light]').click()");
    browser.wait("document.documentElement.dataset.theme === 'light'");
    browser.size(390, 844);
    browser.wait(fits);
    browser.wait("[...document.querySelectorAll('.scroll')].every((table) => table.scrollWidth <= table.clientWidth)");
    browser.picture(folder, "page-phone.png");
    browser.size(1280, 900);
}

#[test]
fn a_probe_that_has_seen_nothing_is_shown_as_such() {
    let Some(browser) = Browser::start() else { return };
    let (folder, address) = (folder(), free());
    let _running = probe(&empty(&folder), &address, false);
    browser.size(390, 844);
    browser.open(&format!("http://{address}/"));
    browser.wait(&says("books-sentence", "No frame has arrived yet."));
    for (id, words) in [
        ("flows", "No flow yet."),
        ("mix", "No IP packet yet."),
        ("top", "Nothing yet."),
        ("loss-hint", "nothing is lost"),
    ] {
        browser.wait(&says(id, words));
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
