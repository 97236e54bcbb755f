//! What the control side takes of memory at the most, for the statement that `--memory` is held against.
//!
//! **Owns** the sums. **May touch** nothing. **Order** asked by `run` before anything starts.

use crate::{fanout, http, survey};
use parshall_config::plan::RunPlan;
use parshall_engine::statement::Item;

/// Records that wait for sinks, and what is kept to be looked at.
#[must_use]
pub fn items(plan: &RunPlan) -> Vec<Item> {
    let common = &plan.common;
    let watched = u64::from(common.listen.is_some());
    let lanes = common.sinks.len() as u64 + watched;
    let waiting = Item { what: "records before sinks", bytes: lanes * fanout::WAITING_BYTES, option: "" };
    let kept = survey::most_bytes(&common.watch, common.engine.live_flows);
    let seen = Item { what: "live flows, top lists and history", bytes: watched * kept, option: "--live-flows" };
    let answers = Item { what: "answers on their way", bytes: watched * http::MOST_BYTES, option: "--listen" };
    [waiting, seen, answers].into_iter().filter(|item| item.bytes > 0).collect()
}
