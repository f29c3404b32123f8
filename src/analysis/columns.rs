//! The columns of a feature: one table that filters, exports, sorts and completions share.

use super::selections::Selections;
use super::study::Study;
use super::words::Words;
use crate::rows::Points;
use std::borrow::Cow;

/// A property of features that can be filtered on, exported and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Column {
    Feature,
    X,
    Y,
    Cluster,
    Label,
    TopTokens,
    Density,
    MaxActivation,
    MeanActivation,
    Norm,
    Selection,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A number, or nothing.
    Number,
    /// A cluster: a number, on screen also a letter.
    Cluster,
    /// Words.
    Text,
    /// Names of sets, of which a feature may be in several.
    Names,
}

/// One row of the table of columns.
pub struct ColumnRow {
    /// The column.
    pub column: Column,
    /// Its name in files, filters and flags.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it needs activations.
    pub needs_activations: bool,
    /// One line for people, with the unit.
    pub doc: &'static str,
}

/// Every column there is.
pub const COLUMNS: &[ColumnRow] = &[
    row(Column::Feature, "feature", ColumnKind::Number, false, "index of the feature in its dictionary, from 0"),
    row(Column::X, "x", ColumnKind::Number, false, "horizontal place on the map; map distances are not geometry"),
    row(Column::Y, "y", ColumnKind::Number, false, "vertical place on the map"),
    row(Column::Cluster, "cluster", ColumnKind::Cluster, false, "cluster on the map, -1 for none; A is 0 on screen"),
    row(Column::Label, "label", ColumnKind::Text, false, "first label of the feature"),
    row(
        Column::TopTokens,
        "top_tokens",
        ColumnKind::Text,
        true,
        "the five strings that carry most of its activation, joined by ;",
    ),
    row(Column::Density, "density", ColumnKind::Number, true, "share of the tokens on which it fires"),
    row(
        Column::MaxActivation,
        "max_activation",
        ColumnKind::Number,
        true,
        "largest activation, if it fires on the tokens at hand",
    ),
    row(
        Column::MeanActivation,
        "mean_activation",
        ColumnKind::Number,
        true,
        "mean activation where it fires, if it does",
    ),
    row(Column::Norm, "norm", ColumnKind::Number, false, "length of the decoder direction"),
    row(Column::Selection, "selection", ColumnKind::Names, false, "named selections that it is in, joined by ;"),
];

/// The columns that `export` writes when none are named.
pub const DEFAULT_COLUMNS: &[Column] = &[
    Column::Feature,
    Column::X,
    Column::Y,
    Column::Cluster,
    Column::Label,
    Column::Density,
    Column::MaxActivation,
    Column::Norm,
];

const fn row(
    column: Column,
    name: &'static str,
    kind: ColumnKind,
    needs_activations: bool,
    doc: &'static str,
) -> ColumnRow {
    ColumnRow { column, name, kind, needs_activations, doc }
}

impl Column {
    /// The column called `name`.
    pub fn parse(name: &str) -> Option<Self> {
        COLUMNS.iter().find(|row| row.name == name).map(|row| row.column)
    }
    /// Its row in the table.
    pub fn row(self) -> &'static ColumnRow {
        COLUMNS.iter().find(|row| row.column == self).expect("every column has a row")
    }
    /// Which parts of the evidence it is made from, by their flags.
    pub fn evidence(self) -> &'static [&'static str] {
        match self {
            Self::Label => &["labels"],
            Self::TopTokens => &["acts", "tokens"],
            Self::Density | Self::MaxActivation | Self::MeanActivation => &["acts"],
            Self::Feature | Self::X | Self::Y | Self::Cluster | Self::Norm | Self::Selection => &[],
        }
    }
    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

/// A value of a column for one feature.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A number.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// Words.
    Text(Cow<'a, str>),
    /// Not known, or not there.
    None,
}

impl Value<'_> {
    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(x) => Some(*x),
            Self::Integer(i) => Some(*i as f64),
            _ => None,
        }
    }
}

/// Columns of a study's features, with a map and clusters where they exist.
#[derive(Clone, Copy)]
pub struct FeatureTable<'a> {
    /// The study.
    pub study: &'a Study,
    /// Coordinates `[features, 2]`.
    pub coordinates: Option<&'a Points>,
    /// The cluster of each feature, -1 for none.
    pub clusters: Option<&'a [i32]>,
    /// What the features are about, if it was gathered; else it is gathered feature by feature.
    pub words: Option<&'a Words>,
    /// The named selections, once they are read.
    pub selections: Option<&'a Selections>,
}

impl<'a> FeatureTable<'a> {
    /// The columns that `study` alone can tell.
    pub fn of(study: &'a Study) -> Self {
        Self { study, coordinates: None, clusters: None, words: None, selections: None }
    }
    /// Number of features.
    pub fn len(&self) -> usize {
        self.study.features()
    }
    /// Whether there are no features.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Whether `column` can be told for this study as it stands.
    pub fn has(&self, column: Column) -> bool {
        match column {
            Column::Feature => true,
            Column::X | Column::Y => self.coordinates.is_some(),
            Column::Cluster => self.clusters.is_some(),
            Column::Label => self.study.labels().is_some(),
            Column::TopTokens => self.study.activations().is_some() && self.study.tokens().is_some(),
            Column::Density | Column::MaxActivation | Column::MeanActivation => self.study.activations().is_some(),
            Column::Norm => self.study.known_norms().is_some(),
            Column::Selection => self.selections.is_some(),
        }
    }
    /// The numbers of `column`, where they are known and finite.
    pub fn numbers(&self, column: Column) -> Vec<Option<f64>> {
        let number = |feature| self.value(column, feature).number().filter(|value: &f64| value.is_finite());
        (0..self.len()).map(number).collect()
    }
    /// The value of `column` for `feature`.
    pub fn value(&self, column: Column, feature: usize) -> Value<'a> {
        let number = |x: Option<f64>| x.map_or(Value::None, Value::Number);
        match column {
            Column::Feature => Value::Integer(feature as i64),
            Column::X => number(self.coordinates.map(|points| points.row(feature)[0].into())),
            Column::Y => number(self.coordinates.and_then(|points| points.row(feature).get(1).map(|&y| y.into()))),
            Column::Cluster => self.clusters.map_or(Value::None, |clusters| Value::Integer(clusters[feature].into())),
            Column::Label => self.study.label(feature).map_or(Value::None, |label| Value::Text(label.into())),
            Column::TopTokens if !self.has(column) => Value::None,
            Column::TopTokens => {
                let about: Vec<String> = match (self.words, self.study.evidence()) {
                    (Some(words), _) => words.about(feature).map(str::to_string).collect(),
                    (None, Some(evidence)) => Words::of_feature(evidence, feature),
                    (None, None) => Vec::new(),
                };
                Value::Text(about.join(";").into())
            }
            Column::Density => number(self.study.activations().map(|a| a.density(feature))),
            // What never fires has neither.
            Column::MaxActivation | Column::MeanActivation => number(self.study.activations().and_then(|a| {
                let values = a.by_feature.row(feature).1;
                let mean = || values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
                let value = || if column == Column::MaxActivation { a.max(feature).into() } else { mean() };
                (!values.is_empty()).then(value)
            })),
            Column::Norm => number(self.study.known_norms().map(|norms| norms[feature].into())),
            Column::Selection => self.selections.map_or(Value::None, |all| {
                let names: Vec<&str> = all.of(feature as u32).collect();
                if names.is_empty() { Value::None } else { Value::Text(names.join(";").into()) }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, Column};

    #[test]
    fn names_are_unique_and_find_their_column() {
        for row in COLUMNS {
            assert_eq!(Column::parse(row.name), Some(row.column));
        }
        assert_eq!(Column::parse("dencity"), None);
    }
}
