//! The thread that asks the probe for what the screen shows.
//!
//! **Owns** when to ask, and the history it has collected. **May touch** the probe. **Order** a question replaces the one before and
//! is asked at once; without a new one the last is asked again each period. It ends when the screen is gone.

use super::answer::list;
use super::client::{Client, Silence};
use super::state::{Question, View};
use parshall_config::plan::Wish;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Seconds of history that a screen can show at the most.
const HISTORY: usize = 900;

/// What the probe said.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    /// `/api/v1/stats`.
    pub(super) stats: Value,
    /// What the view shows beside it: flows, talkers or causes.
    pub(super) body: Value,
    /// The one flow that was asked for.
    pub(super) detail: Value,
    /// Bits and packets of each of the last seconds, oldest first.
    pub(super) history: Vec<(f64, f64)>,
    /// The newest row of the history: round trips and retransmissions.
    pub(super) newest: Value,
    /// What the probe found wrong with the question.
    pub(super) complaint: Option<String>,
    /// Which question this answers.
    pub(super) question: Question,
}

/// What comes back.
pub(super) type News = Result<Box<Picture>, Silence>;

/// The asking thread, from the screen's side.
#[derive(Debug)]
pub(super) struct Asker {
    questions: Sender<Question>,
    news: Receiver<News>,
}

impl Asker {
    pub(super) fn start(client: Client, period: Duration, first: Question) -> Asker {
        let (questions, asked) = channel();
        let (tell, news) = channel();
        std::thread::spawn(move || keep_asking(&client, period, first, &asked, &tell));
        Asker { questions, news }
    }

    /// Asks this from now on.
    pub(super) fn ask(&self, question: Question) {
        // The thread is gone only when the program ends.
        let _ = self.questions.send(question);
    }

    /// What has come since the last time.
    pub(super) fn news(&self) -> impl Iterator<Item = News> + '_ {
        self.news.try_iter()
    }
}

fn keep_asking(client: &Client, period: Duration, first: Question, asked: &Receiver<Question>, tell: &Sender<News>) {
    let mut question = first;
    let mut past = Past::default();
    loop {
        let began = Instant::now();
        if tell.send(picture(client, &question, &mut past)).is_err() {
            return;
        }
        match asked.recv_timeout(period.saturating_sub(began.elapsed())) {
            Ok(next) => question = asked.try_iter().last().unwrap_or(next),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The history so far.
#[derive(Debug, Default)]
struct Past {
    rows: VecDeque<(f64, f64)>,
    since: u64,
    started: u64,
    newest: Value,
}

impl Past {
    /// Takes what is new; another run of the probe begins anew.
    fn take(&mut self, answer: &Value, started: u64) {
        if self.started != started {
            *self = Past { started, ..Past::default() };
        }
        let column = |name: &str, n: usize| list(answer, name).get(n).and_then(Value::as_f64).unwrap_or(0.0);
        let times = list(answer, "/time_ns");
        for (n, time) in times.iter().enumerate() {
            let seconds = Some(column("/seconds", n)).filter(|seconds| *seconds > 0.0).unwrap_or(1.0);
            self.rows.push_back((column("/wire_bytes", n) * 8.0 / seconds, column("/packets", n) / seconds));
            self.since = time.as_u64().unwrap_or(self.since);
        }
        if !times.is_empty() {
            self.newest = answer.clone();
        }
        let over = self.rows.len().saturating_sub(HISTORY);
        self.rows.drain(..over);
    }
}

fn picture(client: &Client, question: &Question, past: &mut Past) -> News {
    let stats = client.json("/api/v1/stats", &[])?;
    let started = stats.get("started_ns").and_then(Value::as_u64).unwrap_or_default();
    let since = if past.started == started { past.since } else { 0 };
    past.take(&client.json("/api/v1/history", &[("since", &since.to_string())])?, started);
    let mut complaint = None;
    let mut body = Value::Null;
    if let Some((path, words)) = about(question) {
        let words: Vec<(&str, &str)> = words.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match client.json(&path, &words) {
            Ok(answer) => body = answer,
            Err(Silence::Refused(_, reason)) => complaint = Some(reason),
            Err(silence) => return Err(silence),
        }
    }
    let detail = match &question.flow {
        Some(id) => match client.json(&format!("/api/v1/flows/{id}"), &[]) {
            Ok(answer) => answer,
            Err(Silence::Refused(_, reason)) => serde_json::json!({ "error": reason }),
            Err(silence) => return Err(silence),
        },
        None => Value::Null,
    };
    let history = past.rows.iter().copied().collect();
    let newest = past.newest.clone();
    Ok(Box::new(Picture { stats, body, detail, history, newest, complaint, question: question.clone() }))
}

/// The path and the words that a view's body is asked with; `None` when the statistics say it all.
fn about(question: &Question) -> Option<(String, Vec<(&'static str, String)>)> {
    let Question { view, wish: Wish { by, filter, state }, ascending, rows, .. } = question;
    match view {
        View::Flows => {
            let order = if *ascending { "asc" } else { "desc" };
            let mut words = vec![("by", by.clone()), ("order", order.to_owned()), ("state", state.clone())];
            words.push(("top", rows.to_string()));
            words.extend(filter.iter().map(|filter| ("filter", filter.clone())));
            Some(("/api/v1/flows".to_owned(), words))
        }
        View::Talkers(kind) => {
            Some((format!("/api/v1/top/{kind}"), vec![("by", question.top_by.to_owned()), ("top", rows.to_string())]))
        }
        View::Loss => Some(("/api/v1/explain/drops".to_owned(), Vec::new())),
        View::Workers | View::Protocols | View::Tcp => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(times: &[u64]) -> Value {
        let ones = vec![1.0; times.len()];
        json!({ "time_ns": times, "seconds": ones, "wire_bytes": vec![100; times.len()], "packets": vec![7; times.len()] })
    }

    #[test]
    fn history_grows_by_what_is_new_is_bounded_and_begins_anew_with_the_probe() {
        let mut past = Past::default();
        past.take(&answer(&[1, 2]), 9);
        past.take(&answer(&[3]), 9);
        assert_eq!((past.rows.len(), past.since, past.rows[2]), (3, 3, (800.0, 7.0)));
        past.take(&answer(&(4..2000).collect::<Vec<u64>>()), 9);
        assert_eq!(past.rows.len(), HISTORY);
        past.take(&answer(&[5]), 10);
        assert_eq!((past.rows.len(), past.started), (1, 10));
    }

    #[test]
    fn a_question_about_flows_carries_order_filter_and_state() {
        let mut question = Question { rows: 40, ..Question::default() };
        question.wish.filter = Some("tcp".to_owned());
        question.ascending = true;
        let (path, words) = about(&question).unwrap();
        assert_eq!(path, "/api/v1/flows");
        for word in [("by", "bytes"), ("order", "asc"), ("state", "live"), ("top", "40"), ("filter", "tcp")] {
            assert!(words.contains(&(word.0, word.1.to_owned())), "{word:?}");
        }
        question.view = View::Talkers("hosts");
        assert_eq!(about(&question).unwrap().0, "/api/v1/top/hosts");
        question.view = View::Workers;
        assert!(about(&question).is_none());
    }

    #[test]
    fn a_probe_that_is_not_there_is_news_too() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = Client::new(&format!("http://{closed}"), None);
        let asker = Asker::start(client, Duration::from_secs(60), Question::default());
        let news = asker.news.recv().unwrap();
        assert!(matches!(news, Err(Silence::Nobody(_))), "{news:?}");
        asker.ask(Question::default());
        assert!(asker.news.recv().unwrap().is_err(), "a question is asked at once");
    }
}
