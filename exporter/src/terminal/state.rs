//! What the screen shows, and what each key does to it.
//!
//! **Owns** the chosen view, order, filter and row. **May touch** nothing: it neither draws nor asks. **Order** keys and news go in,
//! `view` draws what came of them.

use super::answer::{list, text};
use super::asker::{News, Picture};
use super::client::Silence;
use super::flow::{COLUMNS, MORE_ORDERS};
use parshall_config::plan::Wish;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Instant;

/// What the lower part of the screen shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    /// Flows.
    #[default]
    Flows,
    /// The largest of a kind, by the API's name of it.
    Talkers(&'static str),
    /// Workers.
    Workers,
    /// Protocols.
    Protocols,
    /// TCP events.
    Tcp,
    /// Loss by cause.
    Loss,
}

/// Every view with its title; its key is its number.
pub(super) const VIEWS: &[(View, &str)] = &[
    (View::Flows, "flows"),
    (View::Talkers("hosts"), "hosts"),
    (View::Talkers("pairs"), "pairs"),
    (View::Talkers("ports"), "ports"),
    (View::Talkers("applications"), "apps"),
    (View::Workers, "workers"),
    (View::Protocols, "protocols"),
    (View::Tcp, "tcp"),
    (View::Loss, "loss"),
];

/// What the largest may be sorted by.
const TOP_ORDERS: &[&str] = &["bytes", "packets", "flows", "retransmissions"];

/// What keys do, for the help.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("1 to 9, Tab", "another view"),
    ("s, S", "sort by the next quantity, by the one before"),
    ("r", "reverse the order"),
    ("/", "filter flows: tcp and port = 443"),
    ("e", "live flows, ended ones, all"),
    ("Enter", "details of a flow; the flows of a talker"),
    ("arrows, PgUp, PgDn, Home, End", "choose a row"),
    ("space", "hold the picture still, and let it go on"),
    ("?", "this help"),
    ("q, Esc, Ctrl-C", "back, or quit"),
];

/// What is asked of the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// For this view.
    pub(super) view: View,
    /// Which flows.
    pub(super) wish: Wish,
    /// Smallest first.
    pub(super) ascending: bool,
    /// What the largest are sorted by.
    pub(super) top_by: &'static str,
    /// How many rows.
    pub(super) rows: u16,
    /// Everything about this flow, too.
    pub(super) flow: Option<String>,
}

impl Default for Question {
    fn default() -> Question {
        let wish = Wish { by: "bytes".to_owned(), filter: None, state: "live".to_owned() };
        Question { view: View::Flows, wish, ascending: false, top_by: "bytes", rows: 200, flow: None }
    }
}

/// What a key asks of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Nothing,
    Ask,
    Quit,
}

/// Everything that decides what is on the screen.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Where the probe is.
    pub(super) url: String,
    question: Question,
    /// The last answer.
    pub(super) picture: Option<Box<Picture>>,
    /// When it came.
    pub(super) heard: Option<Instant>,
    /// Why nothing comes.
    pub(super) silence: Option<Silence>,
    /// The filter while it is typed.
    pub(super) typing: Option<String>,
    /// The help is open.
    pub(super) help: bool,
    /// The picture is held still.
    pub(super) held: bool,
    /// The chosen row; in a flow's facts, the first row shown.
    pub(super) row: usize,
    /// Rows that fit, as the last drawing found.
    pub(super) page: usize,
}

impl State {
    pub(super) fn new(url: &str, wish: &Wish) -> State {
        State {
            url: url.to_owned(),
            question: Question { wish: wish.clone(), ..Question::default() },
            picture: None,
            heard: None,
            silence: None,
            typing: None,
            help: false,
            held: false,
            row: 0,
            page: 10,
        }
    }

    pub(super) fn question(&self) -> Question {
        self.question.clone()
    }

    pub(super) const fn asked(&self) -> &Question {
        &self.question
    }

    /// Takes an answer, or the lack of one. An answer to an older question still tells of the probe, not of the view.
    pub(super) fn hear(&mut self, news: News) {
        match news {
            Err(silence) => self.silence = Some(silence),
            Ok(picture) => {
                self.silence = None;
                self.heard = Some(Instant::now());
                if !self.held {
                    self.picture = Some(picture);
                }
            }
        }
    }

    /// The answer that belongs to the view on the screen.
    pub(super) fn fitting(&self) -> Option<&Picture> {
        self.picture.as_deref().filter(|picture| picture.question.view == self.question.view)
    }

    /// Rows of the list on the screen.
    fn rows(&self) -> usize {
        self.fitting().map_or(0, |picture| match self.question.view {
            View::Flows => list(&picture.body, "/flows").len(),
            View::Talkers(_) => list(&picture.body, "/items").len(),
            _ => 0,
        })
    }

    /// Does what a key stands for.
    pub(super) fn key(&mut self, key: KeyEvent) -> Deed {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { Deed::Quit } else { Deed::Nothing };
        }
        if self.typing.is_some() {
            return self.type_key(key.code);
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => self.back(),
            KeyCode::Char('?') | KeyCode::Char('h') => {
                self.help = !self.help;
                Deed::Nothing
            }
            KeyCode::Char(' ') => {
                self.held = !self.held;
                Deed::Ask
            }
            KeyCode::Char('/') => {
                self.typing = Some(self.question.wish.filter.clone().unwrap_or_default());
                Deed::Nothing
            }
            KeyCode::Char(digit @ '1'..='9') => self.view(digit as usize - '1' as usize),
            KeyCode::Tab => self.view((self.place() + 1) % VIEWS.len()),
            KeyCode::BackTab => self.view((self.place() + VIEWS.len() - 1) % VIEWS.len()),
            KeyCode::Char('s') => self.sort(1),
            KeyCode::Char('S') => self.sort(-1),
            KeyCode::Char('r') => self.ask(|question| question.ascending = !question.ascending),
            KeyCode::Char('e') => self.ask(|question| {
                let states = ["live", "ended", "all"];
                let now = states.iter().position(|state| *state == question.wish.state).unwrap_or(0);
                question.wish.state = states[(now + 1) % states.len()].to_owned();
            }),
            KeyCode::Enter => self.enter(),
            code => self.walk(code),
        }
    }

    fn ask(&mut self, change: impl FnOnce(&mut Question)) -> Deed {
        change(&mut self.question);
        self.row = 0;
        self.held = false;
        Deed::Ask
    }

    /// Closes what is open; with nothing open, quits.
    fn back(&mut self) -> Deed {
        if self.help {
            self.help = false;
            return Deed::Nothing;
        }
        if self.question.flow.is_some() {
            return self.ask(|question| question.flow = None);
        }
        Deed::Quit
    }

    pub(super) fn place(&self) -> usize {
        VIEWS.iter().position(|(view, _)| *view == self.question.view).unwrap_or(0)
    }

    /// Shows a view, as its key would.
    #[cfg(test)]
    pub(super) fn go(&mut self, view: View) {
        self.question.view = view;
    }

    fn view(&mut self, place: usize) -> Deed {
        let Some((view, _)) = VIEWS.get(place) else { return Deed::Nothing };
        self.ask(|question| {
            question.view = *view;
            question.flow = None;
        })
    }

    fn sort(&mut self, step: isize) -> Deed {
        let next = |orders: &[&'static str], now: &str| {
            let at = orders.iter().position(|order| *order == now).unwrap_or(0) as isize;
            orders[(at + step).rem_euclid(orders.len() as isize) as usize]
        };
        match self.question.view {
            View::Flows => {
                let orders: Vec<&str> =
                    COLUMNS.iter().filter_map(|column| column.by).chain(MORE_ORDERS.iter().copied()).collect();
                let by = next(&orders, &self.question.wish.by).to_owned();
                self.ask(|question| question.wish.by = by)
            }
            View::Talkers(_) => {
                let by = next(TOP_ORDERS, self.question.top_by);
                self.ask(|question| question.top_by = by)
            }
            _ => Deed::Nothing,
        }
    }

    /// Everything about the chosen flow; or the flows of the chosen talker.
    fn enter(&mut self) -> Deed {
        let Some(picture) = self.fitting() else { return Deed::Nothing };
        match self.question.view {
            View::Flows if self.question.flow.is_none() => {
                let id = list(&picture.body, "/flows").get(self.row).map(|flow| text(flow, "/flow_id").to_owned());
                let Some(id) = id.filter(|id| !id.is_empty()) else { return Deed::Nothing };
                self.ask(|question| question.flow = Some(id))
            }
            View::Talkers(_) => {
                let term = list(&picture.body, "/items").get(self.row).and_then(term);
                let Some(term) = term else { return Deed::Nothing };
                self.ask(|question| {
                    question.view = View::Flows;
                    question.wish.filter = Some(term);
                })
            }
            _ => Deed::Nothing,
        }
    }

    fn walk(&mut self, code: KeyCode) -> Deed {
        // A flow's facts are scrolled; the drawing stops at their end.
        let last = if self.question.flow.is_some() { usize::MAX } else { self.rows().saturating_sub(1) };
        self.row = match code {
            KeyCode::Up | KeyCode::Char('k') => self.row.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.row.saturating_add(1).min(last),
            KeyCode::PageUp => self.row.saturating_sub(self.page),
            KeyCode::PageDown => self.row.saturating_add(self.page).min(last),
            KeyCode::Home => 0,
            KeyCode::End => last,
            _ => self.row,
        };
        Deed::Nothing
    }

    fn type_key(&mut self, code: KeyCode) -> Deed {
        let Some(typed) = &mut self.typing else { return Deed::Nothing };
        match code {
            KeyCode::Char(letter) => typed.push(letter),
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Esc => self.typing = None,
            KeyCode::Enter => {
                let filter = Some(typed.trim().to_owned()).filter(|filter| !filter.is_empty());
                self.typing = None;
                return self.ask(|question| {
                    question.wish.filter = filter;
                    question.view = View::Flows;
                    question.flow = None;
                });
            }
            _ => {}
        }
        Deed::Nothing
    }
}

/// The filter that finds a talker's flows.
fn term(item: &serde_json::Value) -> Option<String> {
    let ips: Vec<&str> = list(item, "/ips").iter().filter_map(serde_json::Value::as_str).collect();
    if !ips.is_empty() {
        return Some(ips.iter().map(|ip| format!("ip = {ip}")).collect::<Vec<_>>().join(" and "));
    }
    let of = |key: &str| item.get(key).filter(|value| !value.is_null()).map(|value| value.to_string().replace('"', ""));
    if let Some(ip) = of("ip").or_else(|| of("prefix")) {
        return Some(format!("ip = {ip}"));
    }
    let parts = [("protocol", of("protocol")), ("server_port", of("port"))];
    let parts: Vec<String> = parts.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", value?))).collect();
    Some(parts.join(" and ")).filter(|term| !term.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    fn press(state: &mut State, codes: &[KeyCode]) -> Deed {
        let mut deed = Deed::Nothing;
        for code in codes {
            deed = state.key(KeyEvent::new(*code, KeyModifiers::NONE));
        }
        deed
    }

    fn typed(text: &str) -> Vec<KeyCode> {
        text.chars().map(KeyCode::Char).collect()
    }

    #[test]
    fn a_filter_is_typed_sent_and_taken_back() {
        let mut state = example::state(View::Workers);
        press(&mut state, &typed("/udp q"));
        assert_eq!(state.typing.as_deref(), Some("udp q"), "no letter is a command while a filter is typed");
        assert_eq!(press(&mut state, &[KeyCode::Backspace, KeyCode::Backspace, KeyCode::Enter]), Deed::Ask);
        assert_eq!((state.question().wish.filter.as_deref(), state.question().view), (Some("udp"), View::Flows));
        press(&mut state, &typed("/x"));
        assert_eq!(press(&mut state, &[KeyCode::Esc]), Deed::Nothing);
        assert_eq!(state.question().wish.filter.as_deref(), Some("udp"), "Esc leaves it as it was");
    }

    #[test]
    fn orders_go_round_and_can_be_reversed() {
        let mut state = example::state(View::Flows);
        press(&mut state, &[KeyCode::Char('s')]);
        assert_eq!(state.question().wish.by, "bits_per_second");
        press(&mut state, &[KeyCode::Char('S'), KeyCode::Char('S')]);
        assert_eq!(state.question().wish.by, "end", "behind the first comes the last");
        press(&mut state, &[KeyCode::Char('r')]);
        assert!(state.question().ascending);
    }

    #[test]
    fn a_row_is_chosen_within_the_list_and_opened() {
        let mut state = example::state(View::Flows);
        press(&mut state, &[KeyCode::Down, KeyCode::Down, KeyCode::PageDown]);
        assert_eq!(state.row, 1, "the example has two flows");
        assert_eq!(press(&mut state, &[KeyCode::Enter]), Deed::Ask);
        assert_eq!(state.question().flow.as_deref(), Some("00000000000000b2"));
        assert_eq!(press(&mut state, &[KeyCode::Esc]), Deed::Ask);
        assert_eq!(state.question().flow, None);
        assert_eq!(press(&mut state, &[KeyCode::Esc]), Deed::Quit);
    }

    #[test]
    fn the_flows_of_a_talker_are_found_by_its_parts() {
        for (item, want) in [
            (serde_json::json!({ "ip": "10.0.0.1" }), "ip = 10.0.0.1"),
            (serde_json::json!({ "ips": ["10.0.0.1", "::1"] }), "ip = 10.0.0.1 and ip = ::1"),
            (serde_json::json!({ "protocol": 6, "l4": "tcp", "port": 443 }), "protocol = 6 and server_port = 443"),
            (serde_json::json!({ "prefix": "10.0.0.0/8" }), "ip = 10.0.0.0/8"),
        ] {
            assert_eq!(term(&item).as_deref(), Some(want));
        }
    }

    #[test]
    fn a_picture_that_is_held_stays_while_the_probe_is_still_heard() {
        let mut state = example::state(View::Flows);
        press(&mut state, &[KeyCode::Char(' ')]);
        state.hear(Ok(Box::default()));
        assert!(state.held && !state.picture.as_ref().unwrap().stats.is_null());
        state.hear(Err(Silence::Nobody("gone".to_owned())));
        assert!(state.silence.is_some());
        state.hear(Ok(Box::default()));
        assert!(state.silence.is_none());
    }

    #[test]
    fn control_c_quits_wherever_one_is() {
        let mut state = example::state(View::Flows);
        press(&mut state, &[KeyCode::Char('/')]);
        assert_eq!(state.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Deed::Quit);
    }
}
