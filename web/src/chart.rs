//! Charts as SVG, pure functions from counts to text: [`bars`] for groups beside each other, [`columns`] along a number
//! line, [`ranges`] of years, [`shares`] with a limit, the
//! [`topology`] of Trusts around their hub.
//!
//! What must stay true: a withheld or unreported cell is never drawn as a count; every label is escaped; no number
//! in the output is infinite or NaN, whatever the counts; nothing is inline style, so that colours come from the
//! page's style sheet, in light, in dark and on paper.
//!
//! The drawing has no view box: bars are percentages of the width and text keeps its size, so one drawing is
//! readable from 300 pixels up.

mod columns;
mod draw;
mod ranges;
mod scale;
mod shares;
mod topology;

use serde::{Deserialize, Serialize};

pub use columns::columns;
pub use draw::bars;
pub use ranges::ranges;
pub use shares::shares;
pub use topology::topology;

/// Series that can be told apart by colour; with more, each bar is labelled with its series.
pub const SERIES_COLOURED_MAX: usize = 8;
/// Bars that are drawn at most, to keep a page light: the table beside the chart has them all.
pub const BARS_MAX: usize = 120;

/// Panels that are drawn at most, one for each series; the table beside the chart has them all.
pub const PANELS_MAX: usize = 12;

/// Trusts that are drawn around a hub at most; the table beside has them all.
pub const NODES_MAX: usize = 48;

/// The hub and the Trusts that reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// The Trusts, in the order they are to be drawn, clockwise from the top.
    pub nodes: Vec<Node>,
}

/// One Trust of a [`Topology`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Whether it reaches the hub.
    pub reach: Reach,
}

/// Whether a Trust reaches the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It does, and nothing is wrong there.
    Good,
    /// It does, and somebody should look at it.
    Troubled,
    /// It does not any more.
    Away,
    /// It has not yet.
    Never,
    /// It may not: its keys are void.
    Cut,
}

/// Counts by category, side by side for each series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// Unique on its page. Only ASCII letters, digits and hyphens are used of it.
    pub id: String,
    /// What is shown, for example `Age Distribution`.
    pub title: String,
    /// What the counts count, in the plural, for example `persons`.
    pub unit: String,
    /// The series' names, for example one Trust each.
    pub series: Vec<String>,
    /// The categories, in the order they are to be shown.
    pub categories: Vec<Category>,
}

/// One group of bars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its label.
    pub label: String,
    /// One per series, in the order of the series; missing ones are [`Bar::Absent`].
    pub bars: Vec<Bar>,
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "count", rename_all = "snake_case")]
pub enum Bar {
    /// A count that may be shown.
    Count(u64),
    /// Too small to be shown, or it would give away one that is.
    Withheld,
    /// The series does not report this category.
    Absent,
}

/// Counts along a number line: a histogram, or years. One panel for each series, one axis for all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberLine {
    /// Unique on its page. Only ASCII letters, digits and hyphens are used of it.
    pub id: String,
    /// What is shown.
    pub title: String,
    /// What the counts count, in the plural.
    pub unit: String,
    /// Where the axis has its numbers.
    pub marks: Marks,
    /// One per series, in the order they are to be shown.
    pub panels: Vec<Panel>,
}

/// Where a number line has its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marks {
    /// At the edges of columns: a histogram.
    Edges,
    /// In the middle of columns that are one wide: years.
    Middles,
}

/// One series of a number line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// The series' name.
    pub series: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Mean and spread of the numbers, where known.
    pub summary: Option<Summary>,
    /// What has no place on the line, in words, for example `Other: 26`.
    pub beside: Option<String>,
}

/// One column: `from <= number < to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its label.
    pub label: String,
    /// Where it begins; `None` where it is open.
    pub from: Option<f64>,
    /// Where it ends; `None` where it is open.
    pub to: Option<f64>,
    /// Its count.
    pub bar: Bar,
}

/// Mean and spread of a numeric column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub spread: f64,
}

/// Ranges of years on one line, the ends included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranges {
    /// Unique on its page. Only ASCII letters, digits and hyphens are used of it.
    pub id: String,
    /// What is shown.
    pub title: String,
    /// In the order they are to be shown.
    pub ranges: Vec<Range>,
}

/// One range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Its label.
    pub label: String,
    /// Its first year.
    pub low: f64,
    /// Its last year.
    pub high: f64,
}

/// Shares with a limit that none should pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Unique on its page. Only ASCII letters, digits and hyphens are used of it.
    pub id: String,
    /// What is shown.
    pub title: String,
    /// The limit, in per cent.
    pub limit_percent: f64,
    /// In the order they are to be shown.
    pub shares: Vec<Share>,
}

/// One share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Its label.
    pub label: String,
    /// The share, in per cent.
    pub percent: f64,
}

impl Chart {
    /// True where bars carry their series' name, because there are too many series for colours.
    pub fn labelled_directly(&self) -> bool {
        self.series.len() > SERIES_COLOURED_MAX
    }

    /// The cell of a category and a series.
    fn bar(category: &Category, series: usize) -> Bar {
        category.bars.get(series).copied().unwrap_or(Bar::Absent)
    }

    /// The largest count, with its category and series.
    fn largest(&self) -> Option<(u64, &str, &str)> {
        let cells = self.categories.iter().flat_map(|category| {
            self.series.iter().enumerate().filter_map(|(index, series)| match Self::bar(category, index) {
                Bar::Count(count) => Some((count, category.label.as_str(), series.as_str())),
                Bar::Withheld | Bar::Absent => None,
            })
        });
        cells.reduce(|best, cell| if cell.0 > best.0 { cell } else { best })
    }
}
