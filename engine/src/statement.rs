//! The statement of memory: what a run takes, item by item, before it takes it; `--memory` is held against it.
//!
//! **Owns** the list and the sentence for what does not fit. **May touch** nothing: sizes in, sizes out.
//! **Order** made when it is known how many workers there are, before their memory is asked for. After the start workers
//! ask for none (`benches/tests/quiet.rs`).

use crate::exit::MESSAGE_BYTES;
use crate::launch::flows;
use crate::look;
use crate::shard;
use crate::spread;
use parshall_config::plan::{EnginePlan, TableSize};
use std::fmt::{Display, Formatter};

const MIB: u64 = 1 << 20;

/// The program, its libraries and stacks, EAL's own tables and drivers, as far as they do not depend on options.
const PROGRAM: u64 = 96 * MIB;

/// One thing that takes memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub what: &'static str,
    /// All of it. Unit: bytes.
    pub bytes: u64,
    /// The option that sizes it; empty where there is none.
    pub option: &'static str,
}

/// All that takes memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Item by item.
    pub items: Vec<Item>,
    /// Bytes of the flow tables for each unit of the option that sizes them.
    each: u64,
}

/// What does not fit under `--memory`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--memory {} MiB: {} MiB are needed: {statement}; {remedy}", mebibytes(*.cap), mebibytes(.statement.total()))]
pub struct TooMuch {
    cap: u64,
    statement: Statement,
    remedy: String,
}

const fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(MIB)
}

impl Display for Statement {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        for (at, Item { what, bytes, option }) in self.items.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let option = if option.is_empty() { String::new() } else { format!(" ({option})") };
            write!(out, "{comma}{what} {} MiB{option}", mebibytes(*bytes))?;
        }
        Ok(())
    }
}

impl Statement {
    /// Of nothing.
    pub const NONE: Statement = Statement { items: Vec::new(), each: 0 };

    /// What `workers` workers take, with the doors that lead out of them; `spread_to` of them get their packets from a
    /// spreader.
    #[must_use]
    pub fn of_workers(plan: &EnginePlan, workers: u64, spread_to: u64) -> Statement {
        let flows = flows(plan);
        let per_flow = shard::all_bytes_per_flow(plan.first_packets);
        let each = match plan.table {
            TableSize::Flows(_) => per_flow,
            TableSize::Bytes(_) => per_flow.div_ceil(shard::bytes_per_flow(plan.first_packets)),
        };
        let table = match plan.table {
            TableSize::Flows(_) => "--max-flows",
            TableSize::Bytes(_) => "--flow-memory",
        };
        let ring = plan.record_ring as u64 * MESSAGE_BYTES as u64;
        let beside = shard::bytes_beside_flows(flows) + look::RING_BYTES;
        let item = |what, bytes, option| Item { what, bytes, option };
        let mut items = vec![
            item("flow tables", workers * flows * per_flow, table),
            item("segment histories", workers * plan.segment_memory, "--segment-memory"),
            item("rings of records", workers * ring, "--record-ring"),
            item("link contexts and what else a worker has", workers * beside, ""),
        ];
        if spread_to > 0 {
            items.push(item("parcels of software spreading", spread_to * spread::ROAD_BYTES, ""));
        }
        items.push(item("program and libraries", PROGRAM, ""));
        Statement { items, each: each * workers }
    }

    /// With one thing more.
    #[must_use]
    pub fn with(mut self, item: Item) -> Statement {
        self.items.push(item);
        self
    }

    /// All of it. Unit: bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.items.iter().map(|item| item.bytes).sum()
    }

    /// Holds it against `--memory`.
    ///
    /// # Errors
    /// [`TooMuch`], with what would fit.
    pub fn check(&self, cap: Option<u64>) -> Result<(), TooMuch> {
        let Some(cap) = cap.filter(|cap| self.total() > *cap) else { return Ok(()) };
        let enough = format!("--memory {}MiB would be enough", mebibytes(self.total()));
        let table = self.items.first().filter(|table| self.each > 0 && self.total() - table.bytes < cap);
        let fits = table.map_or(0, |table| (cap - (self.total() - table.bytes)) / self.each);
        let remedy = match table {
            Some(table) if table.option == "--flow-memory" && fits >= MIB => {
                format!("with {} {}MiB it fits, or {enough}", table.option, fits / MIB)
            }
            Some(table) if table.option == "--max-flows" && fits > 0 => {
                format!("with {} {fits} it fits, or {enough}", table.option)
            }
            _ => format!("it does not fit with any size of the flow table; {enough}"),
        };
        Err(TooMuch { cap, statement: self.clone(), remedy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_config::plan::{DecapPlan, Duplicates, KeyScope, Timeouts};

    fn statement(table: TableSize) -> Statement {
        let plan = EnginePlan {
            workers: 2.try_into().unwrap(),
            table,
            timeouts: Timeouts::default(),
            local_nets: Vec::new(),
            key: KeyScope::default(),
            decap: DecapPlan::default(),
            record_ring: 1024,
            segment_memory: 64 * MIB,
            first_packets: 0,
            sieve: Default::default(),
            duplicates: Duplicates::Count,
            live_flows: 1000,
        };
        Statement::of_workers(&plan, 2, 0)
    }

    #[test]
    fn what_fits_is_no_error_and_what_does_not_names_what_would() {
        let all = statement(TableSize::Flows(1_000_000));
        assert_eq!(all.check(None), Ok(()));
        assert_eq!(all.check(Some(all.total())), Ok(()));
        let refused = all.check(Some(all.total() - 1)).unwrap_err().to_string();
        assert!(refused.contains("flow tables") && refused.contains("with --max-flows 999999 it fits"), "{refused}");
        let refused = all.check(Some(MIB)).unwrap_err().to_string();
        assert!(refused.contains("does not fit with any size"), "{refused}");
    }

    #[test]
    fn the_size_that_the_remedy_names_does_fit() {
        for (table, cap) in [(TableSize::Flows(1_000_000), 700 * MIB), (TableSize::Bytes(900 * MIB), 900 * MIB)] {
            let refused = statement(table).check(Some(cap)).unwrap_err().to_string();
            let number: String = refused
                .split(" it fits")
                .next()
                .and_then(|text| text.rsplit(' ').next())
                .map(|word| word.trim_end_matches("MiB").to_owned())
                .unwrap();
            let number: u64 = number.parse().unwrap();
            let smaller = match table {
                TableSize::Flows(_) => TableSize::Flows(number),
                TableSize::Bytes(_) => TableSize::Bytes(number * MIB),
            };
            assert_eq!(statement(smaller).check(Some(cap)), Ok(()), "{refused}");
        }
    }
}
