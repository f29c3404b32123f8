//! What a long computation may use and must obey: threads, cancellation, progress.
//!
//! A [`Task`] is handed to every kernel. The kernel runs its parallel parts inside [`Task::install`], asks
//! [`Task::check`] at least every 10 ms of work, and reports with [`Task::stage`] and [`Task::advance`]. The owner
//! keeps the [`Watch`] and may cancel or read progress from any thread. Results never depend on the thread count.

use crate::error::{Error, Problem, Result};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Threads plus a watch: the capability to do long work.
#[derive(Clone)]
pub struct Task {
    pool: Arc<rayon::ThreadPool>,
    watch: Arc<Watch>,
}

/// The owner's end of a task: cancel it, see how far it is.
#[derive(Debug, Default)]
pub struct Watch {
    cancelled: Arc<AtomicBool>,
    done: AtomicU64,
    total: AtomicU64,
    stage: Mutex<Option<(&'static str, Instant)>>,
}

/// The most threads of a task: more than any machine runs at a time, and few enough to start at once.
pub const MAX_THREADS: usize = 1024;

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Name of the running stage ("neighbours", "layout").
    pub stage: &'static str,
    /// Units of work done in this stage.
    pub done: u64,
    /// Units of work in this stage; 0 if unknown.
    pub total: u64,
    /// Time since the stage began.
    pub elapsed: Duration,
}

impl Progress {
    /// Share of the stage that is done; 100 is never said before all is done. None without a total.
    pub fn percent(&self) -> Option<u64> {
        let percent = (100 * u128::from(self.done)).checked_div(u128::from(self.total))?;
        Some((percent as u64).min(99))
    }
    /// Time left in this stage by the rate so far; none before two seconds or without a total.
    pub fn eta(&self) -> Option<Duration> {
        (self.elapsed >= Duration::from_secs(2) && self.done > 0 && self.total >= self.done)
            .then(|| self.elapsed.mul_f64((self.total - self.done) as f64 / self.done as f64))
    }
}

impl Watch {
    /// Asks the work to stop; it does so within 100 ms.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
    /// What asks the work to stop once it is set: for who may only set a flag, as the handler of a signal.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }
    /// Whether the work was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
    /// The running stage and how far it is; none before the first stage.
    pub fn progress(&self) -> Option<Progress> {
        let (stage, started) = (*self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner))?;
        Some(Progress {
            stage,
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            elapsed: started.elapsed(),
        })
    }
}

impl Task {
    /// A task on its own pool of `threads` threads (0 means one per core).
    ///
    /// # Errors
    /// If there are more than [`MAX_THREADS`], or they cannot be started.
    pub fn new(threads: usize) -> Result<Self> {
        if threads > MAX_THREADS {
            let own = std::thread::available_parallelism().map_or(1, usize::from);
            return Err(Problem::new(format!("{threads} threads"))
                .expected(format!("at most {MAX_THREADS}; this machine runs {own} at a time"))
                .hint("--threads 0, which takes as many as it runs")
                .usage());
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("saescope-{i}"))
            .build()
            .map_err(|e| Problem::new(format!("cannot start {threads} threads: {e}")).hint("--threads 1").usage())?;
        Ok(Self { pool: Arc::new(pool), watch: Arc::new(Watch::default()) })
    }
    /// The same threads with a fresh watch: for the next piece of work.
    pub fn fresh(&self) -> Self {
        Self { pool: Arc::clone(&self.pool), watch: Arc::new(Watch::default()) }
    }
    /// The same threads and the same owner for a part of the work: it stops when the whole does, and its stages do not
    /// show. For one of many that run side by side.
    pub fn part(&self) -> Self {
        let watch = Watch { cancelled: Arc::clone(&self.watch.cancelled), ..Watch::default() };
        Self { pool: Arc::clone(&self.pool), watch: Arc::new(watch) }
    }
    /// As many threads of its own, for work that must not wait for what these threads do; these, if there are no more.
    pub fn apart(&self) -> Self {
        Self::new(self.threads()).unwrap_or_else(|_| self.fresh())
    }
    /// The owner's end.
    pub fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }
    /// How many threads the task has.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }
    /// Runs `work` so that rayon's parallel iterators inside it use this task's threads.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }
    /// Whether the owner asked to stop: for use inside parallel loops.
    pub fn is_cancelled(&self) -> bool {
        self.watch.is_cancelled()
    }
    /// Stops with [`Error::Cancelled`] if the owner asked to.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
    /// Begins a stage of `total` units (0 if unknown).
    pub fn stage(&self, name: &'static str, total: u64) {
        let mut stage = self.watch.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.watch.done.store(0, Ordering::Relaxed);
        self.watch.total.store(total, Ordering::Relaxed);
        *stage = Some((name, Instant::now()));
    }
    /// Reports `units` more of the running stage as done.
    pub fn advance(&self, units: u64) {
        self.watch.done.fetch_add(units, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_is_seen_by_the_worker() {
        let task = Task::new(1).unwrap();
        task.check().unwrap();
        task.watch().cancel();
        assert!(matches!(task.check(), Err(Error::Cancelled)));
        let next = task.fresh();
        next.check().unwrap();
        next.watch().flag().store(true, Ordering::Relaxed);
        assert!(matches!(next.check(), Err(Error::Cancelled)));
    }

    #[test]
    fn a_part_stops_with_the_whole_and_keeps_its_stages_to_itself() {
        let task = Task::new(1).unwrap();
        task.stage("clouds", 7);
        let part = task.part();
        part.stage("components", 3);
        part.check().unwrap();
        assert_eq!(task.watch().progress().unwrap().stage, "clouds");
        task.watch().cancel();
        assert!(matches!(part.check(), Err(Error::Cancelled)));
    }

    #[test]
    fn more_threads_than_any_machine_runs_are_refused() {
        let error = Task::new(MAX_THREADS + 1).map(drop).unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains("at most 1024"), "{error}");
    }

    #[test]
    fn progress_counts_within_a_stage() {
        let task = Task::new(1).unwrap();
        assert_eq!(task.watch().progress(), None);
        task.stage("neighbours", 10);
        task.advance(3);
        let progress = task.watch().progress().unwrap();
        assert_eq!((progress.stage, progress.done, progress.total), ("neighbours", 3, 10));
        task.stage("layout", 4);
        assert_eq!(task.watch().progress().unwrap().done, 0);
    }

    #[test]
    fn progress_is_never_whole_before_the_end_and_foretells_nothing_at_once() {
        let at =
            |done, total, seconds| Progress { stage: "layout", done, total, elapsed: Duration::from_secs(seconds) };
        assert_eq!([0, 50, 999, 1000, 2000].map(|done| at(done, 1000, 1).percent()), [0, 5, 99, 99, 99].map(Some));
        assert_eq!((at(3, 0, 9).percent(), at(3, 0, 9).eta()), (None, None), "no total");
        assert_eq!((at(500, 1000, 1).eta(), at(0, 1000, 9).eta()), (None, None), "too early to tell");
        assert_eq!(at(250, 1000, 4).eta(), Some(Duration::from_secs(12)));
        assert_eq!(at(1000, 1000, 4).eta(), Some(Duration::ZERO));
    }
}
