//! The one table of what a user can do: [`ACTIONS`].
//!
//! Keys, the bottom bar, the `?` help, the `:` palette and the key table of the README are all read from it. Adding a
//! command is one variant of [`Action`], one [`Row`], and the arm of `App::update` that carries it out; a test fails
//! if a variant has no row, if two rows of one context share a key, or if one key hides another.
//!
//! Keys are written as [`super::key::Key`] reads them. A number typed before a key is its count (`12j`).

use Action as A;
use Context::{
    Along, Cloud, Clusters, Confirm, Heatmap, Help, Histograms, Info, Jobs, Manifolds, Map, Neighbours, Passages,
    Picker, Prompt, Selections, Side, Table,
};

/// What a user can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is documented by its row in ACTIONS, for the user and the reader alike")]
pub enum Action {
    MoveLeft,
    MoveDown,
    MoveUp,
    MoveRight,
    HalfPageDown,
    HalfPageUp,
    PageDown,
    PageUp,
    First,
    Last,
    PanLeft,
    PanDown,
    PanUp,
    PanRight,
    ToggleCrosshair,
    ZoomIn,
    ZoomOut,
    Fit,
    Centre,
    TrueNeighbours,
    ColourBy,
    Glyphs,
    BoxSelect,
    Lasso,
    PreviousCluster,
    NextCluster,
    Open,
    Back,
    FocusNext,
    FocusPrevious,
    JumpBack,
    JumpForward,
    GoMap,
    GoFeature,
    GoNeighbours,
    GoClusters,
    GoManifolds,
    GoTable,
    GoSelections,
    GoHeatmap,
    GoHistograms,
    GoJobs,
    GoInfo,
    GoId,
    GoPicker,
    Search,
    NextMatch,
    PreviousMatch,
    NeighboursBy,
    SortBy,
    SortReverse,
    FilterManifolds,
    ManifoldOfMarks,
    Grow,
    Shrink,
    NextPlane,
    PreviousPlane,
    Turn,
    Tint,
    CloudWords,
    Chart,
    Arc,
    Filter,
    ClearFilters,
    OnlyMatches,
    OnlyCluster,
    WithoutCluster,
    ToggleNoise,
    AllClusters,
    Finer,
    Coarser,
    Regroup,
    LayOut,
    Mark,
    MarkShown,
    MarkNeighbours,
    MarkInvert,
    MarkMatches,
    OnlyMarked,
    ClearMarks,
    SaveMarks,
    TakeSelection,
    UniteSelection,
    IntersectSelection,
    SubtractSelection,
    OnlySelection,
    RenameSelection,
    RemoveSelection,
    ImportSelections,
    HeatBy,
    HeatOrder,
    HeatFeatures,
    BinSpan,
    Pin,
    YankId,
    YankRow,
    Export,
    ExportAll,
    Undo,
    CancelJob,
    RestartJob,
    Accept,
    Cancel,
    PreviousItem,
    NextItem,
    Complete,
    Yes,
    No,
    Help,
    CloseHelp,
    Tour,
    Palette,
    ToggleMouse,
    Redraw,
    Suspend,
    Interrupt,
    Quit,
}

/// What has the keys: the focused pane, or what lies above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// The map.
    Map,
    /// What stands beside the page: a feature in short, or the features of a cluster.
    Side,
    /// The passages on which a feature fires.
    Passages,
    /// The list of a feature's nearest neighbours.
    Neighbours,
    /// The list of clusters.
    Clusters,
    /// The list of groups of features.
    Manifolds,
    /// The cloud of one of them.
    Cloud,
    /// The tokens along it.
    Along,
    /// The table of features.
    Table,
    /// The list of selections.
    Selections,
    /// The pairs of a set of features.
    Heatmap,
    /// The histograms.
    Histograms,
    /// The list of jobs.
    Jobs,
    /// What is known about the dictionary.
    Info,
    /// The help.
    Help,
    /// The list of the dictionaries of a folder, before one is opened.
    Picker,
    /// A line being typed: search, filter, palette, file name.
    Prompt,
    /// A question that wants yes or no.
    Confirm,
}

impl Context {
    /// Every context.
    pub const ALL: [Self; 18] = [
        Map, Side, Passages, Neighbours, Clusters, Manifolds, Cloud, Along, Table, Selections, Heatmap, Histograms,
        Jobs, Info, Help, Picker, Prompt, Confirm,
    ];

    /// What the help calls it.
    pub fn name(self) -> &'static str {
        match self {
            Map => "map",
            Side => "side pane",
            Passages => "passages",
            Neighbours => "neighbours",
            Clusters => "clusters",
            Manifolds => "manifolds",
            Cloud => "cloud",
            Along => "along the manifold",
            Table => "table of features",
            Selections => "selections",
            Heatmap => "heatmap",
            Histograms => "histograms",
            Jobs => "jobs",
            Info => "dictionary",
            Help => "help",
            Picker => "dictionaries",
            Prompt => "typing",
            Confirm => "question",
        }
    }

    /// What the configuration calls it: the first word of its name.
    pub fn word(self) -> &'static str {
        self.name().split(' ').next().unwrap_or_default()
    }
}

/// One command.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What it does.
    pub action: Action,
    /// Its name in the palette, `group.verb`.
    pub name: &'static str,
    /// One line about it, in words a newcomer understands.
    pub doc: &'static str,
    /// The keys, the one to show first. Never empty: everything has a key.
    pub keys: &'static [&'static str],
    /// Where the keys work.
    pub contexts: &'static [Context],
    /// A word for the bottom bar; without one the row is not shown there.
    pub hint: Option<&'static str>,
}

/// Everywhere.
const ALL: &[Context] = &Context::ALL;
/// Wherever keys are commands rather than text or an answer.
const PANES: &[Context] = &[
    Map, Side, Passages, Neighbours, Clusters, Manifolds, Cloud, Along, Table, Selections, Heatmap, Histograms, Jobs,
    Info, Help,
];
/// Wherever there is a cursor to move.
const MOVES: &[Context] = &[
    Map, Side, Passages, Neighbours, Clusters, Manifolds, Cloud, Along, Table, Selections, Heatmap, Histograms, Jobs,
    Info, Help, Picker,
];
/// Where `/` searches features, dictionaries, or the help.
const SEARCHES: &[Context] = &[
    Map, Side, Passages, Neighbours, Clusters, Cloud, Along, Table, Selections, Heatmap, Histograms, Jobs, Info, Help,
    Picker,
];
/// Where there are rows or features to open.
const OPENS: &[Context] = &[
    Map, Side, Passages, Neighbours, Clusters, Manifolds, Cloud, Along, Table, Selections, Heatmap, Histograms, Picker,
];
/// Where `q` ends the program.
const QUITS: &[Context] = &[
    Map, Side, Passages, Neighbours, Clusters, Manifolds, Cloud, Along, Table, Selections, Heatmap, Histograms, Jobs,
    Info, Picker,
];
/// Wherever keys are about the study: all of these but the help, which searches itself and is ended by `q`.
const STUDY: &[Context] = &[
    Map, Side, Passages, Neighbours, Clusters, Manifolds, Cloud, Along, Table, Selections, Heatmap, Histograms, Jobs,
    Info,
];
/// Where there is a feature under the cursor.
const FEATURES: &[Context] = &[Map, Side, Passages, Neighbours, Clusters, Table, Heatmap, Histograms];
/// Where there are features under the cursor, one or many.
const MARKS: &[Context] =
    &[Map, Side, Passages, Neighbours, Clusters, Manifolds, Cloud, Along, Table, Selections, Heatmap, Histograms];
/// Tables that can be sorted.
const TABLES: &[Context] = &[Table, Manifolds];
/// The page of one group.
const GROUP: &[Context] = &[Cloud, Along];
const MAP: &[Context] = &[Map];
const SELECTIONS: &[Context] = &[Selections];
const PROMPT: &[Context] = &[Prompt];
const CONFIRM: &[Context] = &[Confirm];

const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    contexts: &'static [Context],
    hint: Option<&'static str>,
    doc: &'static str,
) -> Row {
    Row { action, name, doc, keys, contexts, hint }
}

/// Every command. The help groups them by the word before the dot; within a group, and in the bottom bar, they come in
/// this order, so the most useful stand first.
#[rustfmt::skip]
pub const ACTIONS: &[Row] = &[
    row(A::Accept, "typing.accept", &["Enter"], PROMPT, Some("accept"), "Take what is typed"),
    row(A::Cancel, "typing.cancel", &["Esc"], PROMPT, Some("cancel"), "Leave the line and go back to where it began"),
    row(A::NextItem, "typing.next", &["Down", "Ctrl-n"], PROMPT, Some("next"), "Next suggestion, or newer entry"),
    row(A::PreviousItem, "typing.previous", &["Up", "Ctrl-p"], PROMPT, None, "Previous suggestion, or older entry"),
    row(A::Complete, "typing.complete", &["Tab"], PROMPT, Some("complete"), "Complete from the suggestion"),
    row(A::Yes, "question.yes", &["y"], CONFIRM, Some("yes"), "Yes"),
    row(A::No, "question.no", &["n", "Esc", "q"], CONFIRM, Some("no"), "No"),

    row(A::CloseHelp, "help.close", &["q", "?"], &[Help], Some("close"), "Close the help"),
    row(A::CancelJob, "job.cancel", &["x", "Delete"], &[Jobs], Some("cancel job"), "Cancel the job under the cursor"),
    row(A::RestartJob, "job.restart", &["r"], &[Jobs], Some("run again"), "Run the job under the cursor again; by the palette from elsewhere, the map's"),

    row(A::Open, "go.open", &["Enter"], OPENS, Some("open"), "Open what is under the cursor: a feature, a cluster, a passage; on bars, filter by them"),
    row(A::NextPlane, "manifold.next-plane", &["p"], GROUP, Some("other plane"), "Look at the cloud in the next plane"),
    row(A::Turn, "manifold.turn", &["r"], GROUP, Some("turn"), "Turn the cloud in three dimensions with the arrows, or lie flat again"),
    row(A::Chart, "manifold.chart", &["d"], GROUP, Some("charts"), "Next chart: cloud, loops, diagram, capture, cosines, stability, why"),
    row(A::Tint, "manifold.colour-by", &["o"], GROUP, Some("colour"), "Colour the cloud by the next: type, place, strength, each feature"),
    row(A::Grow, "manifold.grow", &["+", "="], GROUP, Some("grow"), "Add the feature nearest to the group"),
    row(A::FilterManifolds, "manifold.filter", &["f", "/", "&"], &[Manifolds], Some("filter"), "List only groups with these words: in name, label, grouping or verdict"),
    row(A::NeighboursBy, "find.neighbours-by", &["b"], &[Neighbours], Some("other measure"), "Measure neighbours by the next: decoder, encoder, activation"),
    row(A::SortBy, "find.sort", &["s"], TABLES, Some("sort"), "Sort the table by the next column"),
    row(A::SortReverse, "find.sort-reverse", &["S"], TABLES, None, "Sort the table the other way round"),
    row(A::TakeSelection, "selection.mark", &["="], SELECTIONS, Some("mark it alone"), "Mark the features of this selection and no others"),
    row(A::UniteSelection, "selection.add", &["+"], SELECTIONS, Some("add"), "Mark the features of this selection as well: union"),
    row(A::IntersectSelection, "selection.common", &["&"], SELECTIONS, Some("common"), "Keep only those marks that are in this selection: intersection"),
    row(A::SubtractSelection, "selection.without", &["-"], SELECTIONS, Some("without"), "Unmark the features of this selection: difference"),
    row(A::OnlySelection, "selection.only", &["f"], SELECTIONS, Some("filter"), "Show only the features of this selection; again, take that filter off"),
    row(A::ImportSelections, "selection.read", &["o"], SELECTIONS, None, "Read selections from a file: what was exported, or any csv or json with a column feature"),
    row(A::RenameSelection, "selection.rename", &["r"], SELECTIONS, None, "Give this selection another name"),
    row(A::RemoveSelection, "selection.remove", &["x", "Delete"], SELECTIONS, None, "Take this selection away; undoing brings it back"),
    row(A::HeatBy, "heatmap.by", &["b"], &[Heatmap], Some("other measure"), "Measure pairs by the next: cosine of decoder, encoder, activations, then firing together"),
    row(A::HeatOrder, "heatmap.order", &["s"], &[Heatmap], Some("order"), "Order the features by the next: cluster, likeness, place on the map, number"),
    row(A::HeatFeatures, "heatmap.features", &["w"], &[Heatmap], Some("which features"), "Show the pairs of the next set: marked, shown, cluster, nearest"),
    row(A::BinSpan, "histogram.span", &["v"], &[Histograms], Some("span"), "Span several bars from this one; again, go back to one"),
    row(A::ZoomIn, "map.zoom-in", &["+", "="], MAP, Some("zoom in"), "Zoom in around the cursor"),
    row(A::Search, "find.search", &["/"], SEARCHES, Some("search"), "Search labels, tokens, numbers; 'exact ^begins ends$ !without; in the help, its text"),
    row(A::Filter, "filter.where", &["f", "&"], FEATURES, Some("filter"), "Show only features for which an expression holds: density < 0.01 and label ~ \"day\""),
    row(A::OnlyCluster, "filter.only-cluster", &["c c"], FEATURES, Some("only this cluster"), "Show only the cluster under the cursor"),
    row(A::Mark, "mark.toggle", &["Space"], MARKS, Some("mark"), "Mark or unmark the feature under the cursor; on a cluster, group or bar, all its features"),

    row(A::MoveLeft, "move.left", &["h", "Left"], MOVES, None, "Move left"),
    row(A::MoveDown, "move.down", &["j", "Down"], MOVES, None, "Move down"),
    row(A::MoveUp, "move.up", &["k", "Up"], MOVES, None, "Move up"),
    row(A::MoveRight, "move.right", &["l", "Right"], MOVES, None, "Move right"),
    row(A::HalfPageDown, "move.half-page-down", &["Ctrl-d"], MOVES, None, "Half a page down"),
    row(A::HalfPageUp, "move.half-page-up", &["Ctrl-u"], MOVES, None, "Half a page up"),
    row(A::PageDown, "move.page-down", &["PgDn", "Ctrl-f"], MOVES, None, "A page down"),
    row(A::PageUp, "move.page-up", &["PgUp"], MOVES, None, "A page up"),
    row(A::First, "move.first", &["g g", "Home"], MOVES, None, "First row; on the map, the first feature shown"),
    row(A::Last, "move.last", &["G", "End"], MOVES, None, "Last row, or the row of the count; on the map, the last feature shown or the one of the count"),

    row(A::ZoomOut, "map.zoom-out", &["-", "_"], MAP, None, "Zoom out around the cursor"),
    row(A::Fit, "map.fit", &["0"], MAP, Some("fit"), "Fit everything shown into view"),
    row(A::Centre, "map.centre", &["z"], MAP, None, "Centre on the selected feature"),
    row(A::ToggleCrosshair, "map.crosshair", &["x"], MAP, None, "Let the arrows move the crosshair, or the view under it"),
    row(A::PanLeft, "map.pan-left", &["Shift-Left"], MAP, None, "Move the view left, whatever the arrows do"),
    row(A::PanDown, "map.pan-down", &["Shift-Down"], MAP, None, "Move the view down"),
    row(A::PanUp, "map.pan-up", &["Shift-Up"], MAP, None, "Move the view up"),
    row(A::PanRight, "map.pan-right", &["Shift-Right"], MAP, None, "Move the view right"),
    row(A::BoxSelect, "map.box", &["v"], MAP, None, "Span a box from the crosshair, to mark all that is in it"),
    row(A::Lasso, "map.lasso", &["V"], MAP, None, "Begin a lasso at the crosshair, to mark all that is in it; again, set its next corner"),
    row(A::NextCluster, "map.next-cluster", &["]"], FEATURES, Some("next cluster"), "Go to the next cluster"),
    row(A::PreviousCluster, "map.previous-cluster", &["["], FEATURES, None, "Go to the previous cluster"),
    row(A::ColourBy, "map.colour-by", &["o"], FEATURES, None, "Colour the map by the next measure: cluster, density, and so on"),
    row(A::Glyphs, "map.glyphs", &["i"], MARKS, None, "Draw points with the next set of glyphs, from Braille to plain ASCII"),
    row(A::TrueNeighbours, "map.true-neighbours", &["t"], FEATURES, None, "Show on the map where the true nearest neighbours of the selected feature lie"),

    row(A::PreviousPlane, "manifold.previous-plane", &["P"], GROUP, None, "Look at the cloud in the plane before"),
    row(A::CloudWords, "manifold.words", &["w"], GROUP, None, "Write the token types on the cloud, or take them off"),
    row(A::Shrink, "manifold.shrink", &["-", "_"], GROUP, None, "Take the last feature that was added out of the group again"),
    row(A::Arc, "manifold.arc", &["v"], &[Along], None, "Begin an arc at this token; again, list only the tokens from there to here"),
    row(A::ManifoldOfMarks, "manifold.of-marks", &["m g"], MARKS, None, "Look at the marked features as one group"),

    row(A::GoMap, "go.map", &["g m"], PANES, None, "Go to the map"),
    row(A::GoFeature, "go.feature", &["g d"], PANES, None, "Go to the page of the selected feature (its details)"),
    row(A::GoNeighbours, "go.neighbours", &["g n"], PANES, None, "Go to the nearest neighbours of the selected feature"),
    row(A::GoClusters, "go.clusters", &["g c"], PANES, None, "Go to the clusters"),
    row(A::GoManifolds, "go.manifolds", &["g f"], PANES, Some("manifolds"), "Go to the groups of features that may trace a shape"),
    row(A::GoTable, "go.table", &["g t"], PANES, None, "Go to the table of the features that are shown"),
    row(A::GoSelections, "go.selections", &["g s"], PANES, None, "Go to the selections: what is marked, and what was kept under a name"),
    row(A::GoHeatmap, "go.heatmap", &["g h"], PANES, None, "Go to the similarities of a set of features, pair by pair"),
    row(A::GoHistograms, "go.histograms", &["g b"], PANES, None, "Go to the bars: how density, norm and activations are distributed"),
    row(A::GoJobs, "go.jobs", &["J", "g j"], PANES, None, "Go to the jobs: progress, time, errors, cancel"),
    row(A::GoInfo, "go.info", &["I"], PANES, None, "Go to what is known about the dictionary: files, norms, warnings"),
    row(A::GoId, "go.id", &["g i"], PANES, None, "Go to a feature by its number; a count is that number"),
    row(A::GoPicker, "go.dictionaries", &["g o"], STUDY, None, "Go to the other dictionaries of the folder"),
    row(A::JumpBack, "go.back", &["Ctrl-o"], FEATURES, None, "Back to the feature visited before"),
    row(A::JumpForward, "go.forward", &["Ctrl-n"], FEATURES, None, "Forward again through the features visited"),
    row(A::Pin, "go.pin", &["p"], FEATURES, None, "Pin this feature beside the selected one to compare them, or let it go"),
    row(A::FocusNext, "go.next-pane", &["Tab"], MARKS, Some("next pane"), "Move the focus to the next pane"),
    row(A::FocusPrevious, "go.previous-pane", &["Shift-Tab"], MARKS, None, "Move the focus to the previous pane"),
    row(A::Back, "go.out", &["Esc"], MOVES, Some("back"), "Step back: box, pane, page; then end the search, then take off the last filter; never quits"),

    row(A::NextMatch, "find.next", &["n"], STUDY, None, "Next match of the search"),
    row(A::PreviousMatch, "find.previous", &["N"], STUDY, None, "Previous match of the search"),

    row(A::ClearFilters, "filter.clear", &["F"], FEATURES, None, "Show every feature again"),
    row(A::OnlyMatches, "filter.matches", &["c /"], FEATURES, None, "Show only the matches of the search"),
    row(A::WithoutCluster, "filter.without-cluster", &["c x"], FEATURES, None, "Hide the cluster under the cursor"),
    row(A::ToggleNoise, "filter.noise", &["c n"], FEATURES, None, "Hide or show features that belong to no cluster"),
    row(A::AllClusters, "filter.all-clusters", &["c a"], FEATURES, None, "Show all clusters again"),

    row(A::Finer, "map.finer", &["c +", "c ="], FEATURES, None, "Group the map into more, smaller clusters"),
    row(A::Coarser, "map.coarser", &["c -"], FEATURES, None, "Group the map into fewer, larger clusters"),
    row(A::Regroup, "map.regroup", &["c s"], FEATURES, None, "Group the map anew: smallest cluster, and neighbours that make a place dense"),
    row(A::LayOut, "map.lay-out", &["L"], FEATURES, None, "Make the map anew with other parameters: neighbours, least distance, seed"),

    row(A::MarkShown, "mark.shown", &["m a"], FEATURES, None, "Mark every feature that is shown"),
    row(A::MarkNeighbours, "mark.neighbours", &["m n"], FEATURES, None, "Mark the nearest neighbours of the feature; a count is how many"),
    row(A::MarkInvert, "mark.invert", &["m i"], FEATURES, None, "Mark of what is shown all that is not marked, and unmark the rest of it"),
    row(A::SaveMarks, "mark.keep", &["m s"], MARKS, None, "Keep what is marked as a selection with a name"),
    row(A::MarkMatches, "mark.matches", &["m /"], FEATURES, None, "Mark every match of the search that is shown"),
    row(A::OnlyMarked, "mark.only", &["m o"], FEATURES, None, "Show only marked features, or all again"),
    row(A::ClearMarks, "mark.clear", &["m c"], MARKS, None, "Unmark every feature"),
    row(A::YankId, "copy.id", &["y"], FEATURES, None, "Copy the number of the feature to the clipboard of your own machine"),
    row(A::YankRow, "copy.row", &["Y"], FEATURES, None, "Copy the row of the feature, tab separated, to the clipboard; with a count, also those below it"),
    row(A::Export, "export.shown", &["e"], MARKS, None, "Write what is shown to a file: csv, json, npz; svg, png, txt for a picture, html for a browser"),
    row(A::ExportAll, "export.all", &["E"], FEATURES, None, "Write all features to a file"),
    row(A::Undo, "view.undo", &["u"], MARKS, None, "Undo the last change of view, filter, marks or selections"),

    row(A::Help, "app.help", &["?"], STUDY, Some("help"), "Show the keys, those that work here first"),
    row(A::Tour, "app.tour", &["T"], PANES, None, "Take a tour of a few minutes; during it, go on to the next step"),
    row(A::Palette, "app.palette", &[":"], PANES, None, "Run any command by its name or by words about it"),
    row(A::ToggleMouse, "app.mouse", &["M"], MOVES, None, "Let the mouse select, zoom and mark a box (right button: move), or leave it free for copying"),
    row(A::Redraw, "app.redraw", &["Ctrl-l"], ALL, None, "Draw the whole screen again"),
    row(A::Suspend, "app.suspend", &["Ctrl-z"], ALL, None, "Go to the background; `fg` comes back. Running jobs stop meanwhile"),
    row(A::Interrupt, "app.interrupt", &["Ctrl-c"], ALL, None, "Cancel what is typed, the tour, or the running job; with nothing to cancel, quit"),
    row(A::Quit, "app.quit", &["q"], QUITS, Some("quit"), "Quit; asks only if a running job would be lost"),
];

/// The groups of the help, in order: the word before the dot of a name, and its title.
pub const GROUPS: &[(&str, &str)] = &[
    ("move", "Moving"),
    ("map", "Map"),
    ("manifold", "Manifolds"),
    ("go", "Going places"),
    ("find", "Finding"),
    ("filter", "Filtering"),
    ("mark", "Marking"),
    ("selection", "Selections"),
    ("heatmap", "Heatmap"),
    ("histogram", "Histograms"),
    ("copy", "Copying"),
    ("export", "Exporting"),
    ("view", "Undoing"),
    ("job", "Jobs"),
    ("app", "Program"),
    ("help", "In the help"),
    ("typing", "While typing"),
    ("question", "Questions"),
];

impl Row {
    /// The row of an action.
    pub fn of(action: Action) -> &'static Self {
        // Every variant has a row; a test holds it. The first row stands in rather than a panic on screen.
        ACTIONS.iter().find(|row| row.action == action).unwrap_or(&ACTIONS[0])
    }

    /// The row of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|row| row.name == name)
    }

    /// The group it belongs to: the word before the dot.
    pub fn group(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(group, _)| group)
    }

    /// Whether its keys work in a context.
    pub fn works_in(&self, context: Context) -> bool {
        self.contexts.contains(&context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_has_exactly_one_row() {
        let rows: BTreeSet<usize> = ACTIONS.iter().map(|row| row.action as usize).collect();
        assert_eq!(rows.len(), ACTIONS.len(), "an action has two rows");
        // Quit is the last variant, so the numbers up to it are all the variants there are.
        assert_eq!(rows, (0..=Action::Quit as usize).collect());
        for row in ACTIONS {
            assert_eq!(Row::of(row.action).name, row.name);
        }
    }

    #[test]
    fn names_and_docs_are_fit_to_be_read() {
        let mut names = BTreeSet::new();
        for row in ACTIONS {
            assert!(names.insert(row.name), "{} twice", row.name);
            assert!(row.name.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '-'), "{}", row.name);
            assert_eq!(row.name.matches('.').count(), 1, "{}", row.name);
            assert!(GROUPS.iter().any(|(group, _)| *group == row.group()), "{}", row.name);
            assert!(!row.keys.is_empty() && !row.contexts.is_empty(), "{}", row.name);
            assert!(
                !row.doc.is_empty() && !row.doc.ends_with('.') && row.doc.len() <= 100,
                "{}: {}",
                row.name,
                row.doc
            );
            assert!(row.hint.is_none_or(|hint| hint.len() <= 20), "{}", row.name);
            assert_eq!(Row::named(row.name).map(|found| found.action), Some(row.action));
        }
        for (group, _) in GROUPS {
            assert!(ACTIONS.iter().any(|row| row.group() == *group), "no command in group {group}");
        }
    }

    #[test]
    fn no_key_is_one_that_terminals_or_multiplexers_take() {
        for row in ACTIONS {
            for key in row.keys {
                for taken in ["Ctrl-b", "Ctrl-a", "Ctrl-s", "Ctrl-q", "Ctrl-h", "Ctrl-i", "Ctrl-m", "Ctrl-j", "Alt-"] {
                    assert!(!key.starts_with(taken), "{}: {key}", row.name);
                }
            }
        }
    }

    #[test]
    fn a_word_tells_a_context() {
        let words: BTreeSet<&str> = Context::ALL.iter().map(|context| context.word()).collect();
        assert_eq!(words.len(), Context::ALL.len());
        assert!(words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase())), "{words:?}");
    }

    #[test]
    fn every_context_has_hints_and_a_way_out() {
        for context in Context::ALL {
            assert!(ACTIONS.iter().any(|row| row.works_in(context) && row.hint.is_some()), "{}", context.name());
            assert!(ACTIONS.iter().any(|row| row.works_in(context) && row.keys.contains(&"Esc")), "{}", context.name());
        }
    }
}
