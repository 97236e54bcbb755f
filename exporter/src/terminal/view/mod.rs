//! The screen: books and figures above, one view below, keys at the foot.
//!
//! **Owns** the layout. **May touch** the state, read only but for how many rows fit. **Order** drawn after every key and news.
//! On a small terminal the charts go first, then the sentence; the list stays.

mod body;
mod charts;

use super::answer::{lost_before, number, sentence, text};
use super::quantity::span;
use super::state::{KEYS, State, VIEWS};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Padding, Paragraph, Row, Table, Wrap};
use serde_json::Value;

/// What is quiet.
pub(super) const DIM: Style = Style::new().fg(Color::DarkGray);
/// What is pointed out.
pub(super) const WATER: Style = Style::new().fg(Color::Cyan);
/// What is wrong.
pub(super) const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
const GOOD: Style = Style::new().fg(Color::Green);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// Published longer ago than this, the numbers are late. Unit: seconds.
const LATE: f64 = 5.0;

/// Draws everything.
pub(in crate::terminal) fn draw(frame: &mut Frame<'_>, state: &mut State) {
    let area = frame.area();
    let charts = if area.height >= 22 { 6 } else { 0 };
    let books = if area.height >= 12 { 2 } else { 1 };
    let [top, middle, figures, tabs, rest, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(books),
        Constraint::Length(charts),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(area);
    head(frame, top, state);
    let stats = state.picture.as_ref().map_or(&Value::Null, |picture| &picture.stats);
    frame.render_widget(Paragraph::new(said(stats, books > 1)), middle);
    if charts > 0
        && let Some(picture) = &state.picture
    {
        charts::draw(frame, figures, picture);
    }
    frame.render_widget(titles(state, tabs.width), tabs);
    body::draw(frame, rest, state);
    frame.render_widget(footer(state), foot);
    if state.help {
        help(frame, area);
    }
}

fn head(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let stats = state.picture.as_ref().map_or(&Value::Null, |picture| &picture.stats);
    let up = number(stats, "/uptime_seconds");
    let mut left =
        vec![Span::styled("parshall ", BOLD), Span::styled(state.url.trim_start_matches("http://").to_owned(), DIM)];
    if up.is_finite() {
        left.push(Span::styled(format!("  up {}", span(up)), DIM));
    }
    frame.render_widget(Line::from(left), area);
    frame.render_widget(Paragraph::new(condition(state, stats)).alignment(Alignment::Right), area);
}

/// Whether the probe answers, and how fresh its numbers are.
fn condition(state: &State, stats: &Value) -> Line<'static> {
    let age = number(stats, "/published_seconds_ago");
    if state.silence.is_some() {
        let since = state.heard.map(|heard| span(heard.elapsed().as_secs().max(1) as f64));
        return Line::styled(since.map_or("no answer yet".to_owned(), |since| format!("no answer for {since}")), BAD);
    }
    if state.held {
        return Line::styled("held still", Style::new().fg(Color::Yellow));
    }
    match text(stats, "/state") {
        "ended" => Line::styled("ended: final numbers", Style::new().fg(Color::Yellow)),
        _ if age > LATE => Line::styled(format!("counted {} ago", span(age)), Style::new().fg(Color::Yellow)),
        _ if stats.is_null() => Line::styled("connecting", DIM),
        _ => Line::styled("live", GOOD),
    }
}

/// The sentence about the books, and what was lost before them.
fn said(stats: &Value, two: bool) -> Vec<Line<'static>> {
    if stats.is_null() {
        return Vec::new();
    }
    let closed = stats.pointer("/books/closed").and_then(Value::as_bool) != Some(false);
    let mut books = sentence(stats);
    if let Some(first) = books.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let lost = lost_before(stats);
    let (loss, style) = match lost {
        Some(lost) => (format!("{lost}."), BAD),
        None => ("Nothing was lost before the probe.".to_owned(), DIM),
    };
    let sentence = Span::styled(format!("{books}. "), if closed { BOLD } else { BAD });
    match two {
        true => vec![sentence.into(), Span::styled(loss, style).into()],
        false => vec![Line::from(vec![sentence, Span::styled(loss, style)])],
    }
}

/// The names of the views, with room around them where there is some.
fn titles(state: &State, width: u16) -> Line<'static> {
    let chosen = state.place();
    let line = |room: &str| {
        let name = |(n, (_, title)): (usize, &(_, &str))| {
            let style = if n == chosen { WATER.add_modifier(Modifier::BOLD | Modifier::REVERSED) } else { DIM };
            [Span::styled(format!("{room}{} {title}{room}", n + 1), style), Span::raw(" ")]
        };
        Line::from_iter(VIEWS.iter().enumerate().flat_map(name))
    };
    let wide = line(" ");
    if wide.width() <= usize::from(width) { wide } else { line("") }
}

/// What is typed, what is wrong, or what can be done.
fn footer(state: &State) -> Line<'static> {
    if let Some(typed) = &state.typing {
        return Line::from(vec![Span::styled("filter: ", WATER), Span::raw(typed.clone()), Span::styled("_", WATER)]);
    }
    let complaint = state.fitting().and_then(|picture| picture.complaint.clone());
    if let Some(wrong) = state.silence.as_ref().map(ToString::to_string).or(complaint) {
        return Line::styled(wrong, BAD);
    }
    let filter = state.asked().wish.filter.as_ref().map(|filter| format!("filter: {filter}   ")).unwrap_or_default();
    Line::from(vec![
        Span::styled(filter, WATER),
        Span::styled("/ filter  s sort  r reverse  Enter details  ? help  q quit", DIM),
    ])
}

fn help(frame: &mut Frame<'_>, area: Rect) {
    let width = 84.min(area.width);
    let height = (KEYS.len() as u16 + 4).min(area.height);
    let place = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    let rows = KEYS.iter().map(|(keys, what)| Row::new([Span::styled(*keys, WATER), Span::raw(*what)]));
    let block = Block::bordered().title(" keys ").padding(Padding::uniform(1));
    frame.render_widget(Table::new(rows, [Constraint::Length(30), Constraint::Fill(1)]).block(block), place);
}

/// A text in the middle of an area.
pub(super) fn note(frame: &mut Frame<'_>, area: Rect, text: &str) {
    frame.render_widget(Paragraph::new(text.to_owned()).style(DIM).wrap(Wrap { trim: true }), area);
}

#[cfg(test)]
mod tests {
    use super::super::client::Silence;
    use super::super::example;
    use super::super::state::{State, View};
    use super::draw;
    use parshall_config::plan::Wish;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    /// The screen as text.
    fn screen(state: &mut State, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, state)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let rows = buffer.content().chunks(width as usize);
        rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned() + "\n")
            .collect()
    }

    #[track_caller]
    fn shows(state: &mut State, words: &[&str]) {
        let text = screen(state, 130, 40);
        for word in words {
            assert!(text.contains(word), "{word} is not in\n{text}");
        }
    }

    #[test]
    fn every_view_shows_its_numbers_below_the_books() {
        let books = "All 12,345,678 frames accounted for.";
        let rows: [(View, &[&str]); 6] = [
            (View::Flows, &["10.0.0.2:50000", "198.51.100.7:443", "2.00 MB", "17 match, of 5,123 live"]),
            (View::Talkers("hosts"), &["198.51.100.7", "5.00 GB", "50.5 %", "exact"]),
            (View::Workers, &["31.0 %", "660 k/s", "105 ns"]),
            (View::Protocols, &["IPv4 tcp", "9.00 GB"]),
            (View::Tcp, &["sent again", "100", "from clients"]),
            (View::Loss, &["no descriptor", "1,200", "Add a worker"]),
        ];
        for (view, words) in rows {
            let mut state = example::state(view);
            shows(&mut state, words);
            shows(&mut state, &[books, "live", "823 Mbit/s", "1,200 more frames were lost before the probe"]);
        }
    }

    #[test]
    fn a_probe_that_does_not_answer_is_said_and_the_last_numbers_stay() {
        let mut state = example::state(View::Flows);
        state.silence = Some(Silence::Nobody("http://127.0.0.1:9184 does not answer: refused".to_owned()));
        shows(&mut state, &["no answer for", "does not answer: refused", "10.0.0.2:50000"]);
        let wish = Wish { by: "bytes".to_owned(), filter: None, state: "live".to_owned() };
        let mut fresh = State::new("http://127.0.0.1:9184", &wish);
        shows(&mut fresh, &["connecting"]);
        fresh.silence = Some(Silence::Nobody("nobody".to_owned()));
        shows(&mut fresh, &["no answer yet", "nobody"]);
    }

    #[test]
    fn everything_about_a_flow_fills_the_view() {
        let mut state = example::detail();
        shows(
            &mut state,
            &["10.0.0.2:50000 -> 198.51.100.7:443", "handshake_rtt_us", "21.3 ms", "retx_packets", "client to server"],
        );
    }

    #[test]
    fn on_eighty_columns_nothing_is_cut_that_names_a_number() {
        for (view, words) in [
            (View::Flows, &["823 Mbit/s", "RTT to servers", "9 loss"][..]),
            (View::Workers, &["lcore", "could take", "660 k/s", "each", "105 ns", "late"][..]),
            (View::Protocols, &["IP bytes", "packets"][..]),
        ] {
            let text = screen(&mut example::state(view), 80, 24);
            for word in words {
                assert!(text.contains(word), "{word} is not in\n{text}");
            }
        }
    }

    #[test]
    fn no_size_of_terminal_is_too_small_to_draw() {
        for view in super::VIEWS.iter().map(|(view, _)| *view) {
            for (width, height) in [(1, 1), (20, 5), (40, 12), (80, 24), (300, 100)] {
                let mut state = example::state(view);
                state.help = width == 40;
                let _ = screen(&mut state, width, height);
            }
        }
    }

    #[test]
    fn the_help_names_every_key_and_a_filter_is_seen_while_it_is_typed() {
        let mut state = example::state(View::Flows);
        state.help = true;
        let narrow = screen(&mut state, 80, 24);
        for (keys, what) in super::KEYS {
            assert!(narrow.contains(keys) && narrow.contains(what), "{keys}: {what} is not in\n{narrow}");
        }
        state.help = false;
        state.typing = Some("port = 443".to_owned());
        shows(&mut state, &["filter: port = 443_"]);
    }
}
