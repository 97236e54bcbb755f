//! The lower part of the screen: the list of the chosen view.
//!
//! **Owns** one drawing for each view. **May touch** the state, read only but for how many rows fit. **Order** called by `draw`.

use super::{BAD, DIM, WATER, note};
use crate::terminal::answer::{LOSSES, list, number, text, whole};
use crate::terminal::asker::Picture;
use crate::terminal::flow::{COLUMNS, Column, facts, title};
use crate::terminal::quantity::{UNKNOWN, bytes, rate, share, span};
use crate::terminal::state::{State, View};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Paragraph, Row, Table, TableState, Wrap};
use serde_json::Value;

/// Draws the view.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &mut State) {
    state.page = usize::from(area.height.saturating_sub(2)).max(1);
    let Some(picture) = state.fitting() else { return };
    if state.asked().flow.is_some() {
        return detail(frame, area, picture, state.row);
    }
    match state.asked().view {
        View::Flows => flows(frame, area, picture, state),
        View::Talkers(_) => talkers(frame, area, picture, state),
        View::Workers => workers(frame, area, &picture.stats),
        View::Protocols => protocols(frame, area, &picture.stats),
        View::Tcp => tcp(frame, area, &picture.stats),
        View::Loss => loss(frame, area, picture),
    }
}

fn right(text: impl Into<String>) -> Text<'static> {
    Text::from(text.into()).right_aligned()
}

fn head(titles: impl IntoIterator<Item = Text<'static>>) -> Row<'static> {
    Row::new(titles).style(DIM)
}

const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);

/// A list with a chosen row, and a line above it.
fn rows(frame: &mut Frame<'_>, area: Rect, chosen: usize, above: String, table: Table<'_>) {
    let [line, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(Line::styled(above, DIM), line);
    let mut place = TableState::default().with_selected(chosen);
    frame.render_stateful_widget(table.row_highlight_style(CHOSEN), rest, &mut place);
}

/// How many columns fit, and how wide each is: as wide as its cells need, and no wider than it may be.
fn fitting(width: u16, cells: &[Vec<String>]) -> Vec<u16> {
    let need = |n: usize| {
        let cells = cells.iter().map(|row| row[n].chars().count());
        let widest = cells.chain([COLUMNS[n].title.len() + 1]).max().unwrap_or(0);
        u16::try_from(widest).unwrap_or(u16::MAX).min(COLUMNS[n].width)
    };
    let mut used = 0;
    let fits = (0..COLUMNS.len()).map(need).take_while(|wide| {
        used += wide + 2;
        used <= width + 2
    });
    fits.collect()
}

fn flows(frame: &mut Frame<'_>, area: Rect, picture: &Picture, state: &State) {
    let (wish, body) = (&state.asked().wish, &picture.body);
    let write = |flow: &Value| COLUMNS.iter().map(|column| (column.read)(flow)).collect::<Vec<String>>();
    let cells: Vec<Vec<String>> = list(body, "/flows").iter().map(write).collect();
    let widths = fitting(area.width, &cells);
    let columns = &COLUMNS[..widths.len()];
    let aligned = |column: &Column, text: String| if column.right { right(text) } else { Text::from(text) };
    let titles = columns.iter().map(|column| match column.by == Some(wish.by.as_str()) {
        true => {
            aligned(column, format!("{}{}", if state.asked().ascending { "+" } else { "-" }, column.title)).style(WATER)
        }
        false => aligned(column, column.title.to_owned()),
    });
    let titles: Vec<Text<'_>> = titles.collect();
    let found =
        cells.into_iter().map(|row| Row::new(columns.iter().zip(row).map(|(column, cell)| aligned(column, cell))));
    let matched = match &wish.filter {
        Some(_) => format!("{} match, of {} live", whole(number(body, "/matched")), whole(number(body, "/live"))),
        None => format!("{} live", whole(number(body, "/live"))),
    };
    let order = format!("{} by {}", wish.state, wish.by.replace('_', " "));
    let age = span(number(body, "/age_seconds").max(0.0));
    let above = format!("{matched}; {order}; as of {age} ago");
    let table = Table::new(found, widths.into_iter().map(Constraint::Length)).header(head(titles)).column_spacing(2);
    rows(frame, area, state.row, above, table);
}

fn talkers(frame: &mut Frame<'_>, area: Rect, picture: &Picture, state: &State) {
    let by = state.asked().top_by;
    let write: fn(f64) -> String = if by == "bytes" { bytes } else { whole };
    let items = list(&picture.body, "/items");
    let most = items.first().map_or(f64::NAN, |item| number(item, "/value"));
    let cells = |item: &Value| {
        let value = number(item, "/value");
        let key = match list(item, "/ips") {
            [one, other] => format!("{} <-> {}", one.as_str().unwrap_or_default(), other.as_str().unwrap_or_default()),
            _ => item
                .get("key")
                .map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned))
                .unwrap_or_default(),
        };
        let bar = "\u{2588}".repeat((value / most * 24.0).round().clamp(0.0, 24.0) as usize);
        Row::new([Text::from(key), Text::styled(bar, WATER), right(write(value)), right(share(number(item, "/share")))])
    };
    let exact = picture.body.get("exact").and_then(Value::as_bool) == Some(true);
    let error = write(number(&picture.body, "/error"));
    let error = if exact { "exact".to_owned() } else { format!("each at most {error} too high") };
    let above = format!(
        "{error}; others {}; about {} hosts",
        write(number(&picture.body, "/other")),
        whole(number(&picture.body, "/distinct/hosts"))
    );
    let widths = [Constraint::Max(82), Constraint::Length(24), Constraint::Length(14), Constraint::Length(8)];
    let titles = [Text::from(text(&picture.body, "/kind").to_owned()), Text::default(), right(by), right("share")];
    let table = Table::new(items.iter().map(cells).collect::<Vec<_>>(), widths).header(head(titles)).column_spacing(2);
    rows(frame, area, state.row, above, table);
}

/// Width of a worker's row without its bar.
const WORKER: u16 = 76;

fn workers(frame: &mut Frame<'_>, area: Rect, stats: &Value) {
    let wide = area.width.saturating_sub(WORKER).min(24);
    let cells = |worker: &Value| {
        let at = |pointer: &str| number(worker, pointer);
        let load = at("/load");
        let bar = "\u{2588}".repeat((load * f64::from(wide)).round().clamp(0.0, 24.0) as usize);
        Row::new([
            Text::from(whole(at("/worker"))),
            right(whole(at("/lcore"))),
            Text::styled(bar, if load > 0.95 { BAD } else { WATER }),
            right(share(load)),
            right(rate(at("/headroom/packets_per_second"))),
            right(rate(at("/headroom/could_take_packets_per_second"))),
            right(span(at("/headroom/nanoseconds_per_packet") / 1e9)),
            right(whole(at("/active_flows"))),
            right(whole(at("/missed_turns"))),
        ])
    };
    let widths = [6, 5, wide, 7, 10, 10, 8, 10, 4].map(Constraint::Length);
    let numbers = ["load", "packets", "could take", "each", "flows", "late"].map(right);
    let titles = [Text::from("worker"), right("lcore"), Text::default()].into_iter().chain(numbers);
    let table = Table::new(list(stats, "/workers").iter().map(cells).collect::<Vec<_>>(), widths);
    frame.render_widget(table.header(head(titles)).column_spacing(2), area);
}

fn protocols(frame: &mut Frame<'_>, area: Rect, stats: &Value) {
    let all = list(stats, "/protocols");
    let total: f64 = all.iter().map(|row| number(row, "/ip_bytes")).sum();
    let cells = |row: &Value| {
        let volume = number(row, "/ip_bytes");
        let bar = "\u{2588}".repeat((volume / total * 24.0).round().clamp(0.0, 24.0) as usize);
        let name = match text(row, "/l4") {
            "icmpv6" => "icmpv6".to_owned(),
            l4 => format!("IPv{} {l4}", number(row, "/ip_version")),
        };
        let packets = whole(number(row, "/packets"));
        Row::new([
            Text::from(name),
            Text::styled(bar, WATER),
            right(share(volume / total)),
            right(bytes(volume)),
            right(packets),
        ])
    };
    let mut sorted: Vec<&Value> = all.iter().collect();
    sorted.sort_by(|a, b| number(b, "/ip_bytes").total_cmp(&number(a, "/ip_bytes")));
    let widths = [16, 24, 9, 10, 18].map(Constraint::Length);
    let titles = [Text::from("protocol"), Text::default(), right("share"), right("IP bytes"), right("packets")];
    let table = Table::new(sorted.into_iter().map(cells).collect::<Vec<_>>(), widths);
    frame.render_widget(table.header(head(titles)).column_spacing(2), area);
}

const EVENTS: &[(&str, &str)] = &[
    ("segments", "packets"),
    ("with data", "data_packets"),
    ("sent again", "retransmitted_packets"),
    ("bytes sent again", "retransmitted_bytes"),
    ("out of order", "out_of_order"),
    ("duplicate ACKs", "duplicate_acks"),
    ("zero windows", "zero_windows"),
    ("resets", "resets"),
    ("bytes never seen", "gap_bytes"),
    ("after a timeout", "classes/rto"),
    ("fast retransmit", "classes/fast_retx"),
    ("reordering", "classes/reordering"),
    ("duplicated by the network", "classes/net_dup"),
    ("window probes", "classes/flow_control"),
    ("needless timeout", "classes/unneeded_rto"),
    ("needless fast retransmit", "classes/unneeded_fast_retx"),
    ("not classified", "classes/unknown"),
];

fn tcp(frame: &mut Frame<'_>, area: Rect, stats: &Value) {
    let cells = |(name, key): &(&'static str, &str)| {
        let [client, server] =
            ["client", "server"].map(|side| right(whole(number(stats, &format!("/tcp/{side}/{key}")))));
        Row::new([Text::from(*name), client, server])
    };
    let titles = [Text::from("event"), right("from clients"), right("from servers")];
    let table = Table::new(EVENTS.iter().map(cells).collect::<Vec<_>>(), [26, 20, 20].map(Constraint::Length));
    frame.render_widget(table.header(head(titles)).column_spacing(2), area);
}

fn loss(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let causes = list(&picture.body, "/causes");
    let lines: Vec<Line<'_>> = causes
        .iter()
        .flat_map(|cause| {
            [Line::styled(text(cause, "/sentence"), BAD), Line::from(format!("  {}", text(cause, "/remedy")))]
        })
        .collect();
    let wanted = if lines.is_empty() { 0 } else { lines.len() as u16 + 1 };
    let [above, rest] =
        Layout::vertical([Constraint::Length(wanted.min(area.height / 2)), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), above);
    let cells = |(at, why, pointer, turn): &(&'static str, &'static str, &str, &'static str)| {
        let lost = number(&picture.stats, pointer);
        let style = if lost > 0.0 { BAD } else { DIM };
        let turn = if lost > 0.0 { *turn } else { "" };
        Row::new([Text::from(*at), Text::from(*why), right(whole(lost)).style(style), Text::from(turn)])
    };
    let widths = [Constraint::Length(12), Constraint::Length(34), Constraint::Length(16), Constraint::Fill(1)];
    let titles = [Text::from("lost at"), Text::from("why"), right("since start"), Text::from("turn")];
    let table = Table::new(LOSSES.iter().map(cells).collect::<Vec<_>>(), widths);
    frame.render_widget(table.header(head(titles)).column_spacing(2), rest);
}

fn detail(frame: &mut Frame<'_>, area: Rect, picture: &Picture, scroll: usize) {
    let error = text(&picture.detail, "/error");
    if !error.is_empty() {
        return note(frame, area, error);
    }
    let Some(flow) = picture.detail.get("flow") else { return note(frame, area, "asking") };
    let (of_all, sides) = facts(flow);
    let mut lines = vec![Line::styled(title(flow), WATER.add_modifier(Modifier::BOLD)), Line::default()];
    let row = |name: &str, cells: String| Line::from(vec![Span::styled(format!("{name:<26}"), DIM), Span::raw(cells)]);
    lines.extend(of_all.iter().map(|[name, value]| row(name, value.clone())));
    lines.push(Line::default());
    lines.push(Line::styled(format!("{:<26}{:>24}{:>24}", "", "client to server", "server to client"), DIM));
    let blank = |cell: &str| if cell.is_empty() { UNKNOWN.to_owned() } else { cell.to_owned() };
    lines.extend(sides.iter().map(|[name, to, back]| row(name, format!("{:>24}{:>24}", blank(to), blank(back)))));
    let most = lines.len().saturating_sub(usize::from(area.height));
    let from = u16::try_from(scroll.min(most)).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(lines).scroll((from, 0)), area);
}
