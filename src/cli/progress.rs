//! Progress of a verb on stderr, and what interrupts it: Ctrl-C, SIGTERM.

use super::shared::Common;
use crate::error::Result;
use crate::task::{Progress, Task};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs `work` with a task as `common` asks, which an interrupt cancels; shows progress on a terminal.
///
/// What `work` gives is the last word: it looks whether it was cancelled before it puts a result in place, and what is in
/// place is done, however late an interrupt came.
///
/// # Errors
/// As `work`; [`Error::Cancelled`](crate::Error::Cancelled) if an interrupt stopped it.
pub(super) fn with_task<T>(common: &Common, work: impl FnOnce(&Task) -> Result<T>) -> Result<T> {
    let task = Task::new(common.threads)?;
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let _ = signal_hook::flag::register(signal, task.watch().flag());
    }
    let finished = AtomicBool::new(false);
    let show = !common.quiet && io::stderr().is_terminal();
    std::thread::scope(|scope| {
        let watcher = show.then(|| scope.spawn(|| watch(&task, &finished)));
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&task)));
        finished.store(true, Ordering::Relaxed);
        if let Some(watcher) = watcher {
            watcher.thread().unpark();
            let _ = watcher.join();
        }
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn watch(task: &Task, finished: &AtomicBool) {
    let mut shown = false;
    loop {
        std::thread::park_timeout(Duration::from_millis(250));
        // What is done at once shows nothing.
        if finished.load(Ordering::Relaxed) {
            break;
        }
        if let Some(progress) = task.watch().progress() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K{}", line(&progress));
            shown = true;
        }
    }
    if shown {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}

/// `neighbours 40 % · 1.2 s left`.
fn line(progress: &Progress) -> String {
    let mut text = progress.stage.to_string();
    if let Some(percent) = progress.percent() {
        text.push_str(&format!(" {percent} %"));
    }
    if let Some(left) = progress.eta() {
        text.push_str(&format!(" · {:.0} s left", left.as_secs_f64().ceil()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_never_says_all_before_all_is_done() {
        let progress = Progress { stage: "layout", done: 200, total: 200, elapsed: Duration::from_secs(1) };
        assert_eq!(line(&progress), "layout 99 %");
        let progress = Progress { stage: "layout", done: 50, total: 200, elapsed: Duration::from_secs(4) };
        assert_eq!(line(&progress), "layout 25 % · 12 s left");
    }
}
