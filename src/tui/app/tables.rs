//! Tables of features: which rows, in which order.

use super::{App, Pane};
use crate::analysis::{Column, columns::Value};
use std::cmp::Ordering;

/// The order of a table of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By which column.
    pub column: Column,
    /// Largest first.
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { column: Column::Feature, descending: false }
    }
}

impl Sort {
    /// The columns to sort by, in the order of the key.
    const COLUMNS: [Column; 7] = [
        Column::Feature,
        Column::Density,
        Column::MaxActivation,
        Column::MeanActivation,
        Column::Norm,
        Column::Cluster,
        Column::Label,
    ];

    /// The order in words.
    pub fn words(self) -> &'static str {
        match (self.column, self.descending) {
            (Column::Label, false) => "from A",
            (Column::Label, true) => "from Z",
            (_, false) => "smallest first",
            (_, true) => "largest first",
        }
    }

    /// The next column that can be told; numbers that measure something begin with the largest.
    fn next(self, known: impl Fn(Column) -> bool) -> Self {
        let all = Self::COLUMNS;
        let at = all.iter().position(|column| *column == self.column).unwrap_or(0);
        let next = (1..=all.len()).map(|by| all[(at + by) % all.len()]).find(|column| known(*column));
        let column = next.unwrap_or(self.column);
        Self { column, descending: !matches!(column, Column::Feature | Column::Cluster | Column::Label) }
    }
}

/// Values that are not known stand last, whatever the order.
fn compare(a: &Value<'_>, b: &Value<'_>, descending: bool) -> Ordering {
    let turned = |order: Ordering| if descending { order.reverse() } else { order };
    match (a, b) {
        (Value::None, Value::None) => Ordering::Equal,
        (Value::None, _) => Ordering::Greater,
        (_, Value::None) => Ordering::Less,
        (Value::Text(a), Value::Text(b)) => turned(a.cmp(b)),
        (a, b) => turned(a.number().unwrap_or(f64::NAN).total_cmp(&b.number().unwrap_or(f64::NAN))),
    }
}

impl App {
    /// Makes the rows of the open table anew if something they depend on has changed; the cursor stays on its
    /// feature.
    pub(super) fn list_features(&mut self) {
        let pane = Pane::of(self.page)[0];
        if pane != Pane::Table || !self.unlisted {
            return;
        }
        self.unlisted = false;
        let mut features: Vec<u32> =
            (0u32..).zip(&self.shown).filter(|(_, shown)| **shown).map(|(feature, _)| feature).collect();
        let Sort { column, descending } = self.sort;
        if column == Column::Feature {
            if descending {
                features.reverse();
            }
        } else {
            let table = self.table();
            let mut keyed: Vec<(Value<'_>, u32)> =
                features.into_iter().map(|feature| (table.value(column, feature as usize), feature)).collect();
            keyed.sort_by(|(a, i), (b, j)| compare(a, b, descending).then(i.cmp(j)));
            features = keyed.into_iter().map(|(_, feature)| feature).collect();
        }
        self.listed = features;
        let row = self.selected.and_then(|feature| self.listed.iter().position(|other| *other == feature));
        let cursor = &mut self.lists[pane as usize].cursor;
        *cursor = row.unwrap_or(*cursor).min(self.listed.len().saturating_sub(1));
        if row.is_none() {
            // The selected feature is not in the table: the one under the cursor is, and no other is shown beside it.
            self.follow_list(pane);
            self.come_to_rest();
        }
    }

    /// Sorts tables of features by the next column.
    pub(super) fn sort_by_next(&mut self) {
        self.sort = self.sort.next(|column| self.table().has(column));
        self.resort();
    }

    /// Sorts tables of features the other way round.
    pub(super) fn sort_reverse(&mut self) {
        self.sort.descending = !self.sort.descending;
        self.resort();
    }

    /// A new order is read from its top.
    fn resort(&mut self) {
        self.unlisted = true;
        self.list_features();
        self.lists[self.focus as usize].cursor = 0;
        self.follow_list(self.focus);
        self.say(format!("sorted by {}, {}", self.sort.column.name(), self.sort.words()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_stand_last_in_both_orders() {
        for descending in [false, true] {
            assert_eq!(compare(&Value::None, &Value::Number(1.0), descending), Ordering::Greater);
            assert_eq!(compare(&Value::Number(1.0), &Value::None, descending), Ordering::Less);
        }
        assert_eq!(compare(&Value::Number(1.0), &Value::Number(2.0), true), Ordering::Greater);
        assert_eq!(compare(&Value::Text("a".into()), &Value::Text("b".into()), false), Ordering::Less);
    }

    #[test]
    fn the_key_goes_round_the_columns_that_are_known() {
        let mut sort = Sort::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            sort = sort.next(|column| matches!(column, Column::Feature | Column::Norm | Column::Label));
            seen.push((sort.column, sort.descending));
        }
        let expected = [(Column::Norm, true), (Column::Label, false), (Column::Feature, false), (Column::Norm, true)];
        assert_eq!(seen, expected);
    }
}
