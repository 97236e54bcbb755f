//! Work on lcores: launched from the main lcore, finished before the scope ends.
//!
//! **Owns** the bridge from DPDK's threads to Rust closures, panics included. **May touch** nothing of packets.
//! **Order** between `port` (queues are lent out) and `queue` (pollers are bound to the lcore that a closure gets).
//!
//! Lcores of EAL (`-l`) are used and not registered threads of our own, for three reasons: `rte_thread_register` fails
//! as soon as a driver uses DPDK's multi-process channel (mlx5, ena, mana, af_xdp, tap and memif do); EAL binds its
//! lcores to the processors that the user named, as in every DPDK program; and each has a mempool cache either way. One
//! processor for two lcores is `--lcores '0@0,1@0'`.
//!
//! Invariant: `a_scope_waits_for_its_lcores_and_passes_their_panics_on` (tests/dpdk_eal.rs).

use super::eal::{Eal, enabled_workers};
use super::errno::{Errno, checked};
use super::error::DpdkError;
use dpdk_sys as ffi;
use std::any::Any;
use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};

type Panic = Box<dyn Any + Send>;
type Task<'scope> = Box<dyn FnOnce() + Send + 'scope>;

/// This thread is an lcore: its number, and leave to use its mempool caches. Cannot leave the thread.
///
/// ```compile_fail,E0277
/// fn needs_send<T: Send>() {}
/// needs_send::<parshall_engine::dpdk::Lcore<'static>>();
/// ```
#[derive(Debug)]
pub struct Lcore<'e> {
    id: u32,
    eal: PhantomData<&'e ()>,
    here: PhantomData<*mut ()>,
}

impl Lcore<'_> {
    /// The calling thread. Only for callers that know it to be an lcore.
    pub(super) fn here() -> Self {
        // SAFETY: rte_lcore_id reads a variable of this thread; no precondition.
        Lcore { id: unsafe { ffi::shim_lcore_id() }, eal: PhantomData, here: PhantomData }
    }

    /// DPDK's number of it. DPDK: `rte_lcore_id`.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }
}

/// Lcores at work, all of which have ended before [`Eal::scope`] returns.
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    running: RefCell<Vec<Running>>,
    main_only: PhantomData<*mut ()>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

#[derive(Debug)]
struct Running {
    lcore: u32,
    ended: Receiver<Option<Panic>>,
}

/// A launched closure. Dropping it lets the lcore go on; the scope waits for it.
#[derive(Debug)]
pub struct Launched<'scope, T> {
    lcore: u32,
    value: Receiver<T>,
    scope: PhantomData<&'scope ()>,
}

impl<T> Launched<'_, T> {
    /// DPDK's number of the lcore.
    #[must_use]
    pub fn lcore(&self) -> u32 {
        self.lcore
    }

    /// Waits for the closure's value, asleep; `None` when it panicked, which the scope passes on.
    #[must_use]
    pub fn join(self) -> Option<T> {
        self.value.recv().ok()
    }
}

impl Eal {
    /// Runs `body` on this thread while lcores run what it launches; returns when all of them have ended.
    ///
    /// What lcores borrow may live outside of the scope, as in [`std::thread::scope`].
    ///
    /// # Panics
    /// When `body` or a launched closure panics, after all have ended.
    pub fn scope<'env, T>(&self, body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T) -> T {
        let scope = Scope { running: RefCell::default(), main_only: PhantomData, scope: PhantomData, env: PhantomData };
        let value = catch_unwind(AssertUnwindSafe(|| body(&scope)));
        let panic = scope.wait();
        match (value, panic) {
            (Err(panic), _) | (Ok(_), Some(panic)) => resume_unwind(panic),
            (Ok(value), None) => value,
        }
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Runs `work` on an idle lcore of `-l` other than the main one. DPDK: `rte_eal_remote_launch`.
    ///
    /// # Errors
    /// No such lcore, or it is at work already; `work` was dropped and nothing runs.
    pub fn launch<T: Send + 'scope>(
        &'scope self,
        lcore: u32,
        work: impl FnOnce(&Lcore<'scope>) -> T + Send + 'scope,
    ) -> Result<Launched<'scope, T>, DpdkError> {
        // A scope lives within the EAL that it was made from.
        let known = enabled_workers();
        if !known.iter().any(|facts| facts.id == lcore) {
            let ids: Vec<String> = known.iter().map(|facts| facts.id.to_string()).collect();
            let back = format!("the lcores beside the main one are [{}]", ids.join(", "));
            let remedy = "name more with -l, or two on one processor with --lcores '0@0,1@0'";
            return Err(DpdkError::usage(format!("work on lcore {lcore}"), back, remedy));
        }
        let (give_value, value) = channel();
        let (give_end, ended) = channel();
        let task: Task<'scope> = Box::new(move || run(work, &give_value, &give_end));
        let arg = Box::into_raw(Box::new(task));
        // SAFETY: this is the main lcore (Scope is not Send), `lcore` is another one that is enabled, and `trampoline`
        // takes back the box that `arg` is. What the task borrows outlives 'scope, and Scope::wait does not return
        // before the lcore is idle again.
        let launched = unsafe { ffi::rte_eal_remote_launch(Some(trampoline), arg.cast::<c_void>(), lcore) };
        if let Err(errno) = checked(launched) {
            // SAFETY: the launch was refused, so nobody else has the box.
            drop(unsafe { Box::from_raw(arg) });
            let remedy = if errno == Errno::BUSY { "give each lcore one worker" } else { "see EAL's messages above" };
            return Err(DpdkError::runtime(format!("work on lcore {lcore}"), errno, remedy));
        }
        self.running.borrow_mut().push(Running { lcore, ended });
        Ok(Launched { lcore, value, scope: PhantomData })
    }

    /// Waits for every lcore; the first panic among them.
    fn wait(&self) -> Option<Panic> {
        let mut first = None;
        for running in self.running.take() {
            // Asleep until the closure has ended; DPDK's own wait burns the main lcore's processor.
            let panic = running.ended.recv().ok().flatten();
            // SAFETY: called from the main lcore, about another one.
            unsafe { ffi::rte_eal_wait_lcore(running.lcore) };
            first = first.or(panic);
        }
        first
    }
}

/// Runs on the lcore: `work`, then its value or its panic to the main lcore.
fn run<'scope, T>(work: impl FnOnce(&Lcore<'scope>) -> T, value: &Sender<T>, end: &Sender<Option<Panic>>) {
    let panic = match catch_unwind(AssertUnwindSafe(|| work(&Lcore::here()))) {
        Ok(made) => {
            // Nobody may want it.
            let _ = value.send(made);
            None
        }
        Err(panic) => Some(panic),
    };
    let _ = end.send(panic);
}

extern "C" fn trampoline(arg: *mut c_void) -> c_int {
    // SAFETY: `arg` is the box that Scope::launch leaked for this one call; its borrows live until the lcore is idle.
    let task: Box<Task<'_>> = unsafe { Box::from_raw(arg.cast()) };
    task();
    0
}
