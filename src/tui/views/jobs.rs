//! The jobs, newest first: what runs, how far it is, what went wrong.

use crate::analysis::jobs::{Job, JobState};
use crate::tui::app::{App, Pane as Focus};
use crate::tui::widgets::pane::Pane;
use crate::tui::widgets::table::{Cell, Column, Table, scroll};
use crate::tui::widgets::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(super) fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let theme = &look.theme;
    let jobs: Vec<&Job> = app.jobs().list().rev().collect();
    let running = jobs.iter().filter(|job| job.is_running()).count();
    let remark = format!("{running} running");
    let focused = app.focus() == Focus::Jobs;
    let inside = Pane { title: "jobs", remark: &remark, focused, ..Pane::default() }.render(look, area, buf);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if jobs.is_empty() {
        text::put(buf, inside, inside.x, inside.y, "no jobs yet", theme.muted());
        return;
    }
    // The whole reason of a failure is told below the table: a row is too short for it.
    let list = app.list(Focus::Jobs);
    let why = jobs.get(list.cursor).and_then(|job| match &job.state {
        JobState::Failed(why) => Some(text::wrap(&text::clean(why, look.ascii), inside.width.into())),
        _ => None,
    });
    let below = why.as_ref().map_or(0, |lines| (lines.len() as u16 + 1).min(inside.height / 2));
    let columns = [
        Column::words("job", 23),
        Column::words("state", 9),
        Column::number("time", 11),
        Column::words("", 12).growing(1),
    ];
    let row = |i: usize| {
        let job = jobs[i];
        let (state, style) = match &job.state {
            JobState::Running => ("running", theme.strong()),
            JobState::Finished(_) => ("done", theme.text()),
            JobState::Cancelled => ("cancelled", theme.muted()),
            JobState::Failed(_) => ("failed", theme.error()),
        };
        let time = match job.state {
            JobState::Running | JobState::Finished(_) => text::duration(job.elapsed()),
            _ => String::new(),
        };
        vec![
            Cell::from(job.kind.name()),
            Cell::styled(state, style),
            Cell::from(time),
            Cell::from(text::clean(&about(job), look.ascii)),
        ]
    };
    let table = Rect { height: inside.height - below, ..inside };
    let selected = Some(list.cursor);
    // The reason takes rows that the app counted on when it scrolled.
    let offset = scroll(list.offset, list.cursor, jobs.len(), usize::from(table.height.saturating_sub(1)), 0);
    Table { columns: &columns, rows: jobs.len(), row: &row, offset, selected, header: true }.render(look, table, buf);
    for (y, line) in (table.bottom() + 1..inside.bottom()).zip(why.unwrap_or_default()) {
        text::put(buf, inside, inside.x, y, &line, theme.error());
    }
}

/// How far a running job is, or why it failed.
fn about(job: &Job) -> String {
    match (&job.state, job.progress()) {
        (JobState::Failed(why), _) => why.clone(),
        (JobState::Running, Some(progress)) => {
            let percent = progress.percent().map_or_else(String::new, |percent| format!(" {percent} %"));
            let counted = format!("{}{percent}", progress.stage);
            match progress.eta() {
                Some(left) => format!("{counted}, {} left", text::duration(left)),
                None => counted,
            }
        }
        _ => String::new(),
    }
}
