//! The processors of the control side: those that the process was given, without the workers'.
//!
//! **Owns** the affinity of every thread of ours that is no lcore. **May touch** the scheduler's settings of this process's
//! threads. **Order** [`Processors::given`] before the EAL starts, which binds the calling thread; [`Processors::keep_off`]
//! when workers run and the control side's threads have started.
//!
//! A thread inherits the processors of the one that starts it, and the main lcore is bound to one. So all threads of ours
//! (their names begin with `parshall-`) are given their processors here; what they start later inherits those. Threads of
//! EAL's own (interrupts, telemetry, multi-process) keep those that EAL has chosen by the same rule.

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};
use std::collections::BTreeSet;

/// What names of control-side threads begin with.
const OURS: &str = "parshall-";

/// Processors that the process was given.
#[derive(Clone, Debug)]
pub struct Processors(BTreeSet<usize>);

impl Processors {
    /// Those of the calling thread.
    #[must_use]
    pub fn given() -> Processors {
        let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        Processors((0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect())
    }

    /// Those that no worker runs on; all where there are none.
    fn without(&self, workers: &BTreeSet<u32>) -> BTreeSet<usize> {
        let free = |cpu: &&usize| !u32::try_from(**cpu).is_ok_and(|cpu| workers.contains(&cpu));
        let rest: BTreeSet<usize> = self.0.iter().filter(free).copied().collect();
        if rest.is_empty() { self.0.clone() } else { rest }
    }

    /// Lets the control side's threads run on these but the workers', and says which those are.
    pub fn keep_off(&self, workers: &BTreeSet<u32>) -> BTreeSet<usize> {
        let rest = self.without(workers);
        let mut set = CpuSet::new();
        rest.iter().for_each(|cpu| set.set(*cpu));
        for thread in threads() {
            // A thread that has ended meanwhile, or a cpuset that shrank: the thread stays where it is.
            if let Err(error) = sched_setaffinity(Some(thread), &set) {
                tracing::debug!("thread {thread:?} keeps its processors: {error}");
            }
        }
        rest
    }
}

/// The threads of ours. proc(5): `/proc/self/task`.
fn threads() -> Vec<Pid> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let main = std::process::id().to_string();
    // Until a thread has given itself its name it has that of the thread that started it.
    let unnamed = std::fs::read_to_string(format!("/proc/self/task/{main}/comm")).unwrap_or_default();
    let ours = |task: &std::fs::DirEntry| {
        let name = std::fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.starts_with(OURS) || name == unnamed) && task.file_name() != *main
    };
    let tasks = tasks.filter_map(Result::ok).filter(ours);
    tasks.filter_map(|task| Pid::from_raw(task.file_name().to_str()?.parse().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_side_has_what_no_worker_has_and_all_where_that_is_none() {
        #[rustfmt::skip]
        let cases: [(&[usize], &[u32], &[usize]); 4] = [
            (&[0, 1, 2, 3], &[1, 2], &[0, 3]),
            (&[0, 1],       &[1],    &[0]),
            (&[1],          &[1],    &[1]),
            (&[2, 3],       &[0, 1], &[2, 3]),
        ];
        for (given, workers, want) in cases {
            let processors = Processors(given.iter().copied().collect());
            let have = processors.without(&workers.iter().copied().collect());
            assert_eq!(have, want.iter().copied().collect(), "{given:?} {workers:?}");
        }
    }

    #[test]
    fn a_thread_of_ours_is_found_and_moved() {
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("parshall-x".to_owned()).spawn(move || {
            let _ = tell.send(rustix::thread::gettid());
            let _ = wait.recv();
        });
        let id = told.recv().unwrap();
        assert!(threads().contains(&id));
        let processors = Processors::given();
        let first = *processors.0.first().unwrap();
        let others = processors.0.iter().skip(1).map(|cpu| *cpu as u32).collect();
        let rest = processors.keep_off(&others);
        assert_eq!(rest, BTreeSet::from([first]));
        let now = sched_getaffinity(Some(id)).unwrap();
        assert!(now.is_set(first) && now.count() == 1);
        drop(end);
        thread.unwrap().join().unwrap();
    }
}
