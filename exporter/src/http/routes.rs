//! What each path answers.
//!
//! **Owns** the routes, one row each, and the small answers. **May touch** the board. **Order** called by the server's threads.

use super::access::Access;
use super::answer::Answer;
use super::ask::Ask;
use super::backlog::{Backlog, Hold};
use super::crew::Crew;
use super::{explain, flows, history, stats, top};
use crate::exposition::Format;
use crate::metrics::{self, Board, View};
use crate::web;
use serde_json::{Value, json};
use std::time::Duration;
use tiny_http::{Method, Request};

/// How old the last publication may be before the probe counts as not well.
const STALE: Duration = Duration::from_secs(10);

/// The description of the API for machines.
const OPENAPI: &str = include_str!("openapi.json");

type Give = fn(&Board, &Ask) -> Result<Answer, Answer>;

/// A path and what answers it.
type Route = (&'static str, Give);

/// Every path. One that ends in a slash and is longer than that is the beginning of a path.
pub(super) const ROUTES: &[Route] = &[
    ("/", page),
    ("/favicon.ico", page),
    ("/assets/", page),
    ("/metrics", metrics),
    ("/healthz", |board, _| healthz(board)),
    ("/readyz", |board, _| readyz(board)),
    ("/api/v1/stats", |board, ask| stats::stats(&board.view(), ask)),
    ("/api/v1/history", |board, ask| history::history(&board.view(), ask)),
    ("/api/v1/histograms", |board, ask| history::histograms(&board.view(), ask)),
    ("/api/v1/flows", |board, ask| flows::flows(&board.view(), ask)),
    ("/api/v1/flows/", |board, ask| flows::flow(&board.view(), ask, rest(ask, "/api/v1/flows/"))),
    ("/api/v1/top/", |board, ask| top::top(&board.view(), ask, rest(ask, "/api/v1/top/"))),
    ("/api/v1/explain/drops", |board, ask| explain::drops(&board.view(), ask)),
    ("/api/v1/version", |board, ask| version(&board.view(), ask)),
    ("/api/v1/config", |board, ask| config(&board.view(), ask)),
    ("/api/v1/openapi.json", |_, _| Ok(Answer::new(200, super::answer::JSON, OPENAPI.as_bytes().to_vec()))),
];

/// Paths that make the probe do something, by POST.
pub(super) const DEEDS: &[Route] = &[("/api/v1/reload", reload)];

/// What stands behind the beginning of a path.
fn rest<'a>(ask: &'a Ask, beginning: &str) -> &'a str {
    ask.path.strip_prefix(beginning).unwrap_or_default()
}

/// Answers one request.
pub(super) fn answer(request: Request, board: &Board, access: &Access, backlog: &Backlog, crew: &Crew) {
    let headers = request.headers().iter().map(|header| (header.field.as_str().as_str(), header.value.as_str()));
    let ask = Ask::new(request.url(), headers);
    let answer = access.check(&ask).and_then(|()| route(board, &ask, request.method()));
    let answer = answer.unwrap_or_else(|refused| refused).compressed(&ask);
    let (answer, hold) = match backlog.hold(answer.body.len()) {
        Some(hold) => (answer, hold),
        None => (Answer::refuse(503, "too many long answers wait for their clients; ask again later"), Hold::default()),
    };
    board.answered(answer.status);
    answer.send(request, hold, crew);
}

fn route(board: &Board, ask: &Ask, method: &Method) -> Result<Answer, Answer> {
    let path = ask.path.as_str();
    let begins =
        |known: &str| known.len() > 1 && known.ends_with('/') && path.len() > known.len() && path.starts_with(known);
    let exact = ROUTES.iter().find(|(known, _)| *known == path && (*known == "/" || !known.ends_with('/')));
    let other = |allowed: &str| {
        let method = method.to_string().chars().take(20).collect::<String>();
        let allowed = allowed.to_owned();
        Answer::refuse(405, &format!("{path} answers {allowed}, not {method}")).header("Allow", &allowed)
    };
    if let Some((_, give)) = DEEDS.iter().find(|(known, _)| *known == path) {
        return if *method == Method::Post { give(board, ask) } else { Err(other("POST")) };
    }
    match (exact.or_else(|| ROUTES.iter().find(|(known, _)| begins(known))), method) {
        (Some((_, give)), Method::Get | Method::Head) => give(board, ask),
        (Some(_), _) => Err(other("GET, HEAD")),
        (None, _) => {
            let path = path.chars().take(100).collect::<String>();
            Err(Answer::refuse(404, &format!("nothing is at {path}; /api/v1/openapi.json lists what there is")))
        }
    }
}

fn metrics(board: &Board, ask: &Ask) -> Result<Answer, Answer> {
    let format = Format::accepted(ask.header("accept"));
    match metrics::render(board, format) {
        Ok(body) => Ok(Answer::new(200, format.content_type(), body)),
        Err(error) => Err(Answer::refuse(500, &format!("the metrics cannot be rendered: {error}"))),
    }
}

fn healthz(board: &Board) -> Result<Answer, Answer> {
    let age = board.view().age;
    if age > STALE {
        return Err(Answer::refuse(503, &format!("nothing was published for {:.0} s", age.as_secs_f64())));
    }
    Ok(Answer::json(200, &json!({ "status": "alive", "published_seconds_ago": age.as_secs_f64() })))
}

fn readyz(board: &Board) -> Result<Answer, Answer> {
    let view = board.view();
    let mut reasons = Vec::new();
    if view.snapshot.turn == 0 || view.age > STALE {
        reasons.push("the workers' counts were not collected lately".to_owned());
    }
    for worker in &view.snapshot.workers {
        let silent = Duration::from_nanos(view.snapshot.taken_at.since(worker.handed_over));
        if silent > STALE {
            reasons
                .push(format!("worker {} on lcore {} has been silent for {silent:.0?}", worker.worker, worker.lcore));
        }
    }
    for port in view.snapshot.ports.iter().filter(|port| !port.link_up) {
        reasons.push(format!("port {} ({}) has no link", port.port, port.name));
    }
    let ready = reasons.is_empty();
    Ok(Answer::json(if ready { 200 } else { 503 }, &json!({ "ready": ready, "reasons": reasons })))
}

/// What runs.
pub(super) fn versions(view: &View) -> Value {
    json!({
        "parshall": env!("CARGO_PKG_VERSION"), "git": env!("PARSHALL_GIT"),
        "dpdk_build": view.dpdk.0, "dpdk_runtime": view.dpdk.1,
    })
}

fn version(view: &View, ask: &Ask) -> Result<Answer, Answer> {
    ask.only(&[])?;
    let mut body = versions(view);
    body["api"] = json!("v1");
    Ok(Answer::json(200, &body))
}

fn config(view: &View, ask: &Ask) -> Result<Answer, Answer> {
    ask.only(&[])?;
    let row = |option: &parshall_config::plan::InForce| json!({ "name": option.name, "value": option.value, "origin": option.origin, "help": option.help });
    let options: Vec<Value> = view.effective.0.iter().map(row).collect();
    Ok(Answer::json(200, &json!({ "mode": view.mode, "options": options })))
}

/// Reads the configuration anew. A page of another site may send a POST to this host through the operator's browser, which
/// names its origin then; who reloads is no page.
fn reload(board: &Board, ask: &Ask) -> Result<Answer, Answer> {
    ask.only(&[])?;
    if !ask.header("origin").is_empty() {
        return Err(Answer::refuse(403, "a web page cannot reload a probe"));
    }
    let asker = board.reloader().ok_or_else(|| Answer::refuse(409, "only a live run reads its configuration anew"))?;
    let report = asker.ask();
    if report.good() {
        return Ok(Answer::json(200, &report.json()));
    }
    let mut body = report.json();
    (body["status"], body["error"]) = (json!(422), json!("the configuration was not reloaded and nothing was changed"));
    Err(Answer::json(422, &body))
}

/// A file of the web page.
fn page(_: &Board, ask: &Ask) -> Result<Answer, Answer> {
    let Some(file) = web::find(&ask.path) else {
        return Err(Answer::refuse(404, "the page has no such file"));
    };
    let answer = Answer::new(200, file.kind, file.body.to_vec());
    Ok(web::HEADERS.iter().fold(answer, |answer, (name, value)| answer.header(name, value)))
}
