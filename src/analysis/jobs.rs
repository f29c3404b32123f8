//! Long work beside a live front end: newest wins, cancel at once, panics caught.
//!
//! A job runs on its own thread and computes on the shared pool of its [`Task`]. It publishes [`Product`]s as they
//! become ready; each arrives as a [`JobEvent`] on one channel. Starting a job of a kind cancels the running one of
//! that kind, and events of the older one are recognised by [`Jobs::is_current`]. A job that was told to stop publishes
//! nothing any more, however far it was, and ends as cancelled: what is started after a cancellation is never followed
//! by news of what was cancelled. So a stale result is never shown.

use super::manifolds::Manifold;
use super::pairs::Pairs;
use super::portrait::Portrait;
use super::query::Ranked;
use super::selections::Selections;
use super::words::Words;
use crate::error::{Error, Result};
use crate::geometry::cluster::Clusters;
use crate::geometry::cluster::hdbscan::HdbscanParams;
use crate::geometry::neighbors::Knn;
use crate::geometry::pca::Pca;
use crate::geometry::trust::Trust;
use crate::geometry::umap::Umap;
use crate::rows::Points;
use crate::task::{Progress, Task, Watch};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a job is for; at most one job of a kind is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobKind {
    /// Activations, tokens and labels are read.
    Evidence,
    /// The map: principal components, neighbours, layout, clusters.
    Map,
    /// The finished map is grouped anew.
    Clusters,
    /// How far the map can be trusted.
    Trust,
    /// The neighbours of one feature are ranked.
    Neighbours,
    /// Groups of features are found, measured and ranked.
    Manifolds,
    /// One of them is measured whole.
    Manifold,
    /// The pairs of a set of features are measured.
    Pairs,
    /// The named selections are read.
    Selections,
    /// Something is written to a file.
    Export,
}

impl JobKind {
    /// The name shown in the list of jobs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Evidence => "activations and labels",
            Self::Map => "map",
            Self::Clusters => "clusters",
            Self::Trust => "trust",
            Self::Neighbours => "neighbours of a feature",
            Self::Manifolds => "manifolds",
            Self::Manifold => "one manifold",
            Self::Pairs => "pairs",
            Self::Selections => "selections",
            Self::Export => "export",
        }
    }
    /// Whether somebody waits for it in front of the screen while a long one may be at work.
    fn is_short(self) -> bool {
        matches!(
            self,
            Self::Clusters | Self::Neighbours | Self::Manifold | Self::Pairs | Self::Selections | Self::Export
        )
    }
}

/// Number of a job; later jobs have higher numbers, and no two jobs of the process share one, so that news of the jobs
/// of a study that was left are nobody's in the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

/// Something a job has made.
#[derive(Debug, Clone)]
pub enum Product {
    /// The study's evidence can be read now.
    Evidence,
    /// What every feature is about, for searching and for naming clusters.
    Words(Arc<Words>),
    /// Lengths of the decoder rows.
    Norms(Arc<Vec<f32>>),
    /// Principal components.
    Pca(Arc<Pca>),
    /// Cosine neighbours.
    Knn(Arc<Knn>),
    /// A layout as it forms.
    Layout {
        /// Passes done.
        epoch: usize,
        /// Passes in all.
        epochs: usize,
        /// Coordinates `[features, 2]`.
        coordinates: Arc<Points>,
    },
    /// The finished layout.
    Umap(Arc<Umap>),
    /// Clusters of the map, and the parameters that made them.
    Clusters(Arc<Clusters>, HdbscanParams),
    /// Quality of the map.
    Trust(Arc<Trust>),
    /// The nearest features of one feature.
    Neighbours(Ranked),
    /// Groups of features, best first; and whether all of them are measured whole.
    Manifolds(Arc<Vec<Manifold>>, bool),
    /// One of them, whole.
    Portrait(Arc<Portrait>),
    /// The similarities of a set of features.
    Pairs(Arc<Pairs>),
    /// The named selections, and what was wrong with their file.
    Selections(Arc<Selections>, Option<String>),
    /// A file that was written, with a word about what it holds.
    File(std::path::PathBuf, String),
}

/// What happened in a job.
#[derive(Debug, Clone)]
pub enum JobUpdate {
    /// It made something.
    Product(Product),
    /// It is done.
    Finished,
    /// It stopped because it was told to.
    Cancelled,
    /// It failed; the text is one paragraph for people.
    Failed(String),
}

/// News of a job.
#[derive(Debug, Clone)]
pub struct JobEvent {
    /// Which job.
    pub id: JobId,
    /// Its kind.
    pub kind: JobKind,
    /// What happened.
    pub update: JobUpdate,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq)]
pub enum JobState {
    /// Still at work.
    Running,
    /// Done after this long.
    Finished(Duration),
    /// Stopped when told to.
    Cancelled,
    /// Failed, and why.
    Failed(String),
}

/// One job in the list, newest state.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Its kind.
    pub kind: JobKind,
    /// How it stands.
    pub state: JobState,
    started: Instant,
    watch: Arc<Watch>,
    mouth: Arc<Mouth>,
}

impl Job {
    /// How far it is; none before its first stage.
    pub fn progress(&self) -> Option<Progress> {
        self.watch.progress()
    }
    /// Time since it began.
    pub fn elapsed(&self) -> Duration {
        match self.state {
            JobState::Finished(after) => after,
            _ => self.started.elapsed(),
        }
    }
    /// Whether it is at work.
    pub fn is_running(&self) -> bool {
        self.state == JobState::Running
    }
    /// Time since it was done; none if it is not.
    pub fn done_since(&self) -> Option<Duration> {
        match self.state {
            JobState::Finished(after) => Some(self.started.elapsed().saturating_sub(after)),
            _ => None,
        }
    }
    /// Tells it to stop. That is its last news, however long it takes to see it; false if it had ended.
    fn cancel(&self) -> bool {
        self.watch.cancel();
        self.mouth.say(JobUpdate::Cancelled)
    }
}

/// What a job says goes through here, until it is shut.
struct Mouth {
    id: JobId,
    kind: JobKind,
    shut: Mutex<bool>,
    send: Arc<dyn Fn(JobEvent) + Send + Sync>,
}

impl Mouth {
    fn shut(&self) -> MutexGuard<'_, bool> {
        self.shut.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Says something, and with the last word shuts; false if it was shut.
    fn say(&self, update: JobUpdate) -> bool {
        let mut shut = self.shut();
        if *shut {
            return false;
        }
        *shut = !matches!(update, JobUpdate::Product(_));
        (self.send)(JobEvent { id: self.id, kind: self.kind, update });
        true
    }
}

impl std::fmt::Debug for Mouth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mouth").field("id", &self.id).field("shut", &self.shut).finish_non_exhaustive()
    }
}

/// A job's hand: its task, and a way to publish what it makes.
pub struct JobContext {
    /// Threads, cancellation, progress.
    pub task: Task,
    publish: Box<dyn Fn(Product) + Send + Sync>,
}

impl JobContext {
    /// A hand for work that is done here and now; `publish` gets what it makes.
    pub fn new(task: Task, publish: impl Fn(Product) + Send + Sync + 'static) -> Self {
        Self { task, publish: Box::new(publish) }
    }
    /// Sends something that is ready; lost silently if nobody listens any more.
    pub fn publish(&self, product: Product) {
        (self.publish)(product);
    }
}

/// Starts jobs, keeps their list, drops what is stale.
pub struct Jobs {
    task: Task,
    /// The threads of short jobs, which wait for no long one.
    aside: Option<Task>,
    send: Arc<dyn Fn(JobEvent) + Send + Sync>,
    all: BTreeMap<JobId, Job>,
    current: BTreeMap<JobKind, JobId>,
}

/// Number of the next job.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Jobs {
    /// Jobs that compute on the threads of `task` and report through `send`.
    pub fn new(task: Task, send: impl Fn(JobEvent) + Send + Sync + 'static) -> Self {
        Self { task, aside: None, send: Arc::new(send), all: BTreeMap::new(), current: BTreeMap::new() }
    }
    /// Jobs that report to a channel; a closed channel is not an error.
    pub fn to_channel(task: Task, sender: Sender<JobEvent>) -> Self {
        let sender = Mutex::new(sender);
        Self::new(task, move |event| {
            let _ = sender.lock().unwrap_or_else(PoisonError::into_inner).send(event);
        })
    }
    /// Starts `work`; a running job of the same kind is cancelled and its later news is stale.
    pub fn start(&mut self, kind: JobKind, work: impl FnOnce(&JobContext) -> Result<()> + Send + 'static) -> JobId {
        self.cancel_kind(kind);
        let id = JobId(NEXT.fetch_add(1, Ordering::Relaxed));
        let task = if kind.is_short() {
            self.aside.get_or_insert_with(|| self.task.apart()).fresh()
        } else {
            self.task.fresh()
        };
        let mouth = Arc::new(Mouth { id, kind, shut: Mutex::default(), send: Arc::clone(&self.send) });
        let (watch, started) = (Arc::clone(task.watch()), Instant::now());
        let job = Job { id, kind, state: JobState::Running, started, watch, mouth: Arc::clone(&mouth) };
        self.all.insert(id, job);
        self.current.insert(kind, id);
        let failed = Arc::clone(&mouth);
        let context = {
            let mouth = Arc::clone(&mouth);
            JobContext::new(task, move |product| {
                mouth.say(JobUpdate::Product(product));
            })
        };
        let run = move || {
            let update = match catch_unwind(AssertUnwindSafe(|| work(&context))) {
                Ok(Ok(())) => JobUpdate::Finished,
                Ok(Err(Error::Cancelled)) => JobUpdate::Cancelled,
                Ok(Err(error)) => JobUpdate::Failed(error.to_string()),
                Err(panic) => JobUpdate::Failed(format!("internal error: {}", panic_text(&*panic))),
            };
            mouth.say(update);
        };
        if let Err(error) = std::thread::Builder::new().name(format!("saescope-{}", kind.name())).spawn(run) {
            failed.say(JobUpdate::Failed(format!("cannot start a thread: {error}")));
        }
        id
    }
    /// Whether `event` belongs to the current job of its kind.
    pub fn is_current(&self, event: &JobEvent) -> bool {
        self.current.get(&event.kind) == Some(&event.id)
    }
    /// Notes what `event` says about its job.
    pub fn record(&mut self, event: &JobEvent) {
        let Some(job) = self.all.get_mut(&event.id) else { return };
        match &event.update {
            JobUpdate::Product(_) => {}
            JobUpdate::Finished => job.state = JobState::Finished(job.started.elapsed()),
            JobUpdate::Cancelled => job.state = JobState::Cancelled,
            JobUpdate::Failed(why) => job.state = JobState::Failed(why.clone()),
        }
    }
    /// Asks the running job of `kind` to stop; true if there was one.
    pub fn cancel_kind(&mut self, kind: JobKind) -> bool {
        let id = self.current.get(&kind).copied();
        id.is_some_and(|id| self.cancel(id))
    }
    /// Drops the job of `kind`: what it makes is not wanted any more, and nobody waits for news of its end.
    pub fn drop_kind(&mut self, kind: JobKind) {
        self.cancel_kind(kind);
        self.current.remove(&kind);
    }
    /// Asks one job to stop; true if it was running.
    pub fn cancel(&mut self, id: JobId) -> bool {
        let Some(job) = self.all.get_mut(&id) else { return false };
        let stops = job.cancel();
        if stops {
            job.state = JobState::Cancelled;
        }
        stops
    }
    /// The current job of `kind`.
    pub fn current(&self, kind: JobKind) -> Option<&Job> {
        self.all.get(self.current.get(&kind)?)
    }
    /// All jobs, oldest first.
    pub fn list(&self) -> impl DoubleEndedIterator<Item = &Job> {
        self.all.values()
    }
    /// The newest running job.
    pub fn running(&self) -> Option<&Job> {
        self.all.values().rev().find(|job| job.is_running())
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        for job in self.all.values() {
            job.cancel();
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    fn jobs() -> (Jobs, Receiver<JobEvent>) {
        let (sender, receiver) = channel();
        (Jobs::to_channel(Task::new(1).unwrap(), sender), receiver)
    }

    fn next(receiver: &Receiver<JobEvent>) -> JobEvent {
        receiver.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    #[test]
    fn a_panic_is_a_failed_job_and_nothing_more() {
        let (mut jobs, receiver) = jobs();
        let id = jobs.start(JobKind::Map, |_| panic!("out of cheese"));
        let event = next(&receiver);
        jobs.record(&event);
        assert_eq!(event.id, id);
        assert_eq!(jobs.current(JobKind::Map).unwrap().state, JobState::Failed("internal error: out of cheese".into()));
        jobs.start(JobKind::Map, |_| Ok(()));
        assert!(matches!(next(&receiver).update, JobUpdate::Finished));
    }

    #[test]
    fn a_newer_job_of_the_same_kind_cancels_the_older() {
        let (mut jobs, receiver) = jobs();
        let old = jobs.start(JobKind::Map, |context| {
            loop {
                context.task.check()?;
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let new = jobs.start(JobKind::Map, |context| {
            context.publish(Product::Norms(Arc::new(vec![1.0])));
            Ok(())
        });
        let mut fresh = 0;
        for _ in 0..3 {
            let event = next(&receiver);
            jobs.record(&event);
            assert_eq!(jobs.is_current(&event), event.id == new);
            fresh += usize::from(event.id == new);
            if event.id == old {
                assert!(matches!(event.update, JobUpdate::Cancelled));
            }
        }
        assert_eq!(fresh, 2);
        assert!(jobs.running().is_none());
    }

    #[test]
    fn what_was_told_to_stop_says_nothing_more_however_far_it_is() {
        let (mut jobs, receiver) = jobs();
        // A job that looks at its task no more: it publishes and ends well after it was cancelled.
        let late = |context: &JobContext| {
            while !context.task.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            context.publish(Product::Norms(Arc::new(vec![1.0])));
            Ok(())
        };
        for by_kind in [true, false] {
            let id = jobs.start(JobKind::Trust, late);
            assert!(if by_kind { jobs.cancel_kind(JobKind::Trust) } else { jobs.cancel(id) });
            let event = next(&receiver);
            jobs.record(&event);
            assert!(event.id == id && matches!(event.update, JobUpdate::Cancelled), "{event:?}");
            assert_eq!(jobs.current(JobKind::Trust).unwrap().state, JobState::Cancelled);
        }
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn short_jobs_wait_for_no_long_one_and_what_is_told_to_stop_has_ended() {
        let (mut jobs, receiver) = jobs();
        // It holds the only thread of the pool, and looks at nothing.
        let (go, wait) = channel::<()>();
        let map = jobs.start(JobKind::Map, move |context| {
            let _ = context.task.install(move || wait.recv());
            Ok(())
        });
        let near = jobs.start(JobKind::Neighbours, |context| {
            context.task.install(|| ());
            Ok(())
        });
        let event = next(&receiver);
        assert!(event.id == near && matches!(event.update, JobUpdate::Finished), "{event:?}");
        assert!(jobs.cancel(map) && !jobs.cancel(map), "once is enough");
        assert_eq!(jobs.running().map(|job| job.id), Some(near), "news of its end were not recorded yet");
        assert!(matches!(next(&receiver).update, JobUpdate::Cancelled));
        drop(go);
    }

    #[test]
    fn dropping_the_list_cancels_what_runs() {
        let (mut jobs, receiver) = jobs();
        jobs.start(JobKind::Trust, |context| {
            loop {
                context.task.check()?;
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        drop(jobs);
        assert!(matches!(next(&receiver).update, JobUpdate::Cancelled));
    }
}
