//! Throughput and packets over the last minutes, and the figures beside them.
//!
//! **Owns** two small charts. **May touch** nothing. **Order** drawn between the books and the views.

use super::{BAD, DIM, WATER};
use crate::terminal::answer::{list, number};
use crate::terminal::asker::Picture;
use crate::terminal::quantity::{UNKNOWN, bit_rate, count, rate, share, span};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline};
use serde_json::Value;

/// Draws the charts and the figures.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let constraints = [Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(37)];
    let [left, middle, right] = Layout::horizontal(constraints).spacing(2).areas(area);
    let at = |pointer: &str| number(&picture.stats, pointer);
    chart(
        frame,
        left,
        "throughput",
        &bit_rate(at("/rates/wire_bits_per_second")),
        picture.history.iter().map(|row| row.0),
    );
    chart(frame, middle, "packets", &rate(at("/rates/packets_per_second")), picture.history.iter().map(|row| row.1));
    frame.render_widget(Paragraph::new(figures(picture)), right);
}

fn chart(frame: &mut Frame<'_>, area: Rect, title: &str, now: &str, history: impl ExactSizeIterator<Item = f64>) {
    // Where both do not fit, the figure says by its unit what it is.
    let fits = title.len() + 1 + now.chars().count() <= usize::from(area.width);
    let title = if fits { format!("{title} ") } else { String::new() };
    let title = Line::from(vec![Span::styled(title, DIM), Span::raw(now.to_owned())]);
    let over = history.len().saturating_sub(area.width as usize);
    let values: Vec<u64> = history.skip(over).map(|value| value.max(0.0) as u64).collect();
    frame.render_widget(Sparkline::default().block(Block::new().title(title)).data(values).style(WATER), area);
}

fn figures(picture: &Picture) -> Vec<Line<'static>> {
    let stats = &picture.stats;
    let at = |pointer: &str| number(stats, pointer);
    let busiest = list(stats, "/workers").iter().map(|worker| number(worker, "/load")).fold(f64::NAN, f64::max);
    let (again, data) = (last(picture, "/retransmitted_packets"), last(picture, "/data_packets"));
    let sent_again = if data > 0.0 { share(again / data.max(again)) } else { UNKNOWN.to_owned() };
    let trips = ["server", "client"].map(|side| span(last(picture, &format!("/rtt_us/{side}/p50")) / 1e6));
    let lost = at("/rates/lost_packets_per_second");
    let style = |bad: bool| if bad { BAD } else { Style::new() };
    let row = |name: &str, value: String, bad: bool| {
        Line::from(vec![Span::styled(format!("{name:<16}"), DIM), Span::styled(value, style(bad))])
    };
    let new = rate(at("/rates/flows_created_per_second"));
    vec![
        row("live flows", format!("{}, {new} new", count(at("/flows/active"))), false),
        row("busiest worker", share(busiest), busiest > 0.95),
        row("sent again", sent_again, false),
        row("RTT to servers", trips[0].clone(), false),
        row("RTT to clients", trips[1].clone(), false),
        row("lost", rate(lost), lost > 0.0),
    ]
}

/// The newest entry of a column of the history that is known.
fn last(picture: &Picture, pointer: &str) -> f64 {
    list(&picture.newest, pointer).iter().rev().find_map(Value::as_f64).unwrap_or(f64::NAN)
}
