//! A running probe in a terminal: `parshall top`, `parshall flows`, `parshall stats`.
//!
//! **Owns** the terminal while `top` runs, and what is printed otherwise. **May touch** the probe, over HTTP only, and the terminal.
//! **Order** called by `main`. It shows what docs/API.md has and nothing else, so it works as well from another machine.
//!
//! `top` has two threads: one asks (`asker`), one listens to keys and draws. Neither waits for the other: a probe that does not
//! answer leaves the screen alive, and says so.

pub(crate) mod answer;
mod asker;
pub(crate) mod client;
#[cfg(test)]
mod example;
mod flow;
mod print;
pub(crate) mod quantity;
mod state;
mod view;

pub use print::{flows, stats};

use crate::Ending;
use asker::Asker;
use client::Client;
use parshall_config::plan::{Probe, TopPlan, Wish};
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use state::{Deed, State};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the screen waits for a key before it looks for news.
const GLANCE: Duration = Duration::from_millis(100);

fn client(probe: &Probe) -> Client {
    Client::new(&probe.url, probe.token.clone())
}

/// The words of a question about flows.
fn query<'w>(wish: &'w Wish, order: &'w str) -> Vec<(&'static str, &'w str)> {
    let filter = wish.filter.as_deref().map(|filter| ("filter", filter));
    [("by", wish.by.as_str()), ("order", order), ("state", wish.state.as_str())].into_iter().chain(filter).collect()
}

/// Carries out `parshall top`.
#[must_use]
pub fn top(plan: &TopPlan) -> Ending {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        eprintln!("parshall: top needs a terminal; parshall stats and parshall flows print once, for scripts");
        return Ending::BadConfiguration;
    }
    let stop = match stopped() {
        Ok(stop) => stop,
        Err(error) => {
            eprintln!("parshall: cannot listen for signals: {error}");
            return Ending::Failed;
        }
    };
    let state = State::new(client(&plan.probe).url(), &plan.wish);
    let asker = Asker::start(client(&plan.probe), plan.refresh, state.question());
    let shown = ratatui::try_init().and_then(|terminal| show(terminal, state, &asker, &stop));
    ratatui::restore();
    match shown {
        Ok(()) => Ending::Done,
        Err(error) => {
            eprintln!("parshall: the terminal fails: {error}");
            Ending::Failed
        }
    }
}

/// How long the screen has to put the terminal back before the program ends without it. A terminal that is gone never
/// answers again, and reading keys from it does not return.
const GRACE: Duration = Duration::from_millis(500);

/// Set when the program is asked to end from outside: a closed ssh session, a kill.
fn stopped() -> io::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let told = stop.clone();
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            told.store(true, Ordering::Relaxed);
            std::thread::sleep(GRACE);
            ratatui::restore();
            std::process::exit(128 + signal);
        }
    });
    Ok(stop)
}

fn show(mut terminal: ratatui::DefaultTerminal, mut state: State, asker: &Asker, stop: &AtomicBool) -> io::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        for news in asker.news() {
            state.hear(news);
        }
        terminal.draw(|frame| view::draw(frame, &mut state))?;
        if !event::poll(GLANCE)? {
            continue;
        }
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match state.key(key) {
                Deed::Quit => return Ok(()),
                Deed::Ask => asker.ask(state.question()),
                Deed::Nothing => {}
            },
            _ => {}
        }
    }
    Ok(())
}
