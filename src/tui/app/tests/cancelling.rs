//! Whatever job is cancelled, what was found before stays on screen.

use super::work::{await_jobs, patient};
use super::*;

/// Every kind of job.
fn kinds() -> Vec<JobKind> {
    let after = |kind: Option<JobKind>| match kind {
        None => Some(JobKind::Evidence),
        Some(JobKind::Evidence) => Some(JobKind::Map),
        Some(JobKind::Map) => Some(JobKind::Clusters),
        Some(JobKind::Clusters) => Some(JobKind::Trust),
        Some(JobKind::Trust) => Some(JobKind::Neighbours),
        Some(JobKind::Neighbours) => Some(JobKind::Manifolds),
        Some(JobKind::Manifolds) => Some(JobKind::Manifold),
        Some(JobKind::Manifold) => Some(JobKind::Pairs),
        Some(JobKind::Pairs) => Some(JobKind::Selections),
        Some(JobKind::Selections) => Some(JobKind::Export),
        Some(JobKind::Export) => None,
    };
    std::iter::successors(after(None), |kind| after(Some(*kind))).collect()
}

/// The page as it is drawn, without the line of messages.
fn page(app: &App) -> Vec<String> {
    let area = Rect::new(0, 0, 100, 30);
    let mut buffer = Buffer::empty(area);
    app.draw(area, &mut buffer);
    let status = app.areas().status.y;
    let text = crate::tui::frame::frame_text(&buffer);
    text.lines().enumerate().filter(|(y, _)| *y != usize::from(status)).map(|(_, line)| line.to_string()).collect()
}

#[test]
fn what_was_found_before_stays_whatever_is_cancelled() {
    for kind in kinds() {
        let (mut app, jobs) = ready();
        play(&mut app, "1 2 g i");
        let pages = ["g m", "g d", "g c", "g t", "g s", "I"];
        let look =
            |app: &mut App| -> Vec<Vec<String>> { pages.iter().map(|keys| (play(app, keys), page(app)).1).collect() };
        let before = look(&mut app);
        let (found, clusters) = (app.detail().cloned(), app.clusters().cloned());
        assert!(found.is_some() && clusters.is_some());
        for cancel in ["J x", "g m Ctrl-c"] {
            assert_eq!(app.wants_tick(), None, "nothing moves");
            app.jobs.start(kind, patient);
            assert!(app.wants_tick() >= Some(Duration::from_millis(250)), "its progress, four times a second at most");
            // While it runs as well.
            assert_eq!(look(&mut app), before, "{kind:?} runs");
            play(&mut app, cancel);
            await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
            assert_eq!(look(&mut app), before, "{kind:?} was cancelled by {cancel}");
            assert_eq!((app.detail(), app.clusters()), (found.as_ref(), clusters.as_ref()));
        }
        // What it still made after that is not shown.
        let coordinates = Arc::new(Points::new(vec![7.0; 2 * FEATURES], 2));
        app.jobs.start(kind, move |context| {
            while !context.task.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            context.publish(Product::Layout { epoch: 1, epochs: 2, coordinates });
            Ok(())
        });
        play(&mut app, "J x");
        std::thread::sleep(Duration::from_millis(20));
        await_jobs(&mut app, &jobs, |app| app.jobs().running().is_none());
        assert_eq!(look(&mut app), before, "{kind:?} went on after it was cancelled");
    }
}
