//! Columns along a number line.
//!
//! A column's area stands for its count, so that wide bins do not look like many persons; where all are of one width,
//! as mostly, its height does.

use std::fmt::Write;

use super::{
    Bar, Column, Marks, NumberLine, PANELS_MAX, Panel, SERIES_COLOURED_MAX, Summary,
    draw::{escape, truncated},
    scale::{Scale, Stretch, Tick},
};
use crate::words::{plural, thousands, three_digits};

/// Height of a panel's columns, in pixels.
const PLOT_PX: f64 = 88.0;
/// Height of a panel's heading, in pixels.
const HEAD_PX: f64 = 24.0;
/// Height of a second line of it, in pixels.
const SECOND_PX: f64 = 15.0;
/// Height below a panel's columns with a mean, in pixels: its mark, and the numbers of the axis.
const FOOT_MEAN_PX: f64 = 30.0;
/// The same without a mean, in pixels.
const FOOT_PX: f64 = 20.0;
/// Between two panels, in pixels.
const GAP_PX: f64 = 12.0;
/// Height of the hatched block that stands for a withheld count, in pixels.
const WITHHELD_PX: f64 = 16.0;
/// Width for the counts beside a panel, in pixels.
const COUNTS_PX: f64 = 40.0;
/// Share of the width that the axis takes, in per cent: with the counts beside it, all of a narrow drawing.
const SPAN_PERCENT: f64 = 85.0;
/// Characters of a series' name that fit into a narrow chart.
const NAME_CHARACTERS: usize = 40;

/// The number line as an `<svg>` element, coloured by classes: `bin` and `withheld`, each with `s0` to `s7` for its
/// series, and `axis`, `label`, `quiet`, `mean`, `spread`, `hatch`, `hatch-ground`.
pub fn columns(line: &NumberLine) -> String {
    let shown = &line.panels[..line.panels.len().min(PANELS_MAX)];
    let mut drawing = Drawing {
        line,
        id: line.id.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').collect(),
        stretch: stretch(&line.panels),
        width: usual_width(&line.panels),
        svg: String::new(),
    };
    let mut top = 0.0;
    let mut body = Vec::new();
    for (index, panel) in shown.iter().enumerate() {
        body.push((index, panel, top));
        top += panel_px(panel) + GAP_PX;
    }
    let omitted = line.panels.len() - shown.len();
    drawing.head(if omitted > 0 { top + 18.0 } else { (top - GAP_PX).max(1.0) });
    for (index, panel, top) in body {
        drawing.panel(index, panel, top);
    }
    if omitted > 0 {
        let more = plural(omitted as u64, "more", Some("more"));
        drawing.put(format_args!(
            "<text class=\"quiet\" x=\"0\" y=\"{}\">and {more} in the table</text>\n",
            top + 12.0
        ));
    }
    drawing.put(format_args!("</svg>"));
    drawing.svg
}

fn head_px(panel: &Panel) -> f64 {
    HEAD_PX + if summary(panel).is_some() || panel.beside.is_some() { SECOND_PX } else { 0.0 }
}

fn panel_px(panel: &Panel) -> f64 {
    head_px(panel) + PLOT_PX + if summary(panel).is_some() { FOOT_MEAN_PX } else { FOOT_PX }
}

/// From the first column's begin to the last one's end, with room for open ones.
fn stretch(panels: &[Panel]) -> Stretch {
    let all = || panels.iter().flat_map(|panel| &panel.columns);
    let ends = Stretch::over(all().flat_map(|column| [column.from, column.to]).flatten());
    let room = |open: bool| if open { usual_width(panels).min(ends.length()) } else { 0.0 };
    ends.widened(
        room(all().any(|column| column.from.is_none())),
        room(all().any(|column| column.to.is_none())),
    )
}

/// The width of the narrowest closed column: that of an open one, and the measure of heights.
fn usual_width(panels: &[Panel]) -> f64 {
    let widths =
        panels.iter().flat_map(|panel| &panel.columns).filter_map(|column| Some(column.to? - column.from?));
    let narrowest = widths.filter(|width| width.is_finite() && *width > 0.0).reduce(f64::min);
    narrowest.unwrap_or(1.0)
}

struct Drawing<'a> {
    line: &'a NumberLine,
    id: String,
    stretch: Stretch,
    width: f64,
    svg: String,
}

impl Drawing<'_> {
    fn head(&mut self, height: f64) {
        let id = self.id.clone();
        let (title, description) = (escape(&self.line.title), escape(&self.description()));
        self.put(format_args!(
            "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"{height}\" \
             role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{title}</title>\n\
             <desc id=\"{id}-desc\">{description}</desc>\n\
             <defs><pattern id=\"{id}-hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect class=\"hatch-ground\" width=\"6\" height=\"6\"/>\
             <path class=\"hatch\" d=\"M0 0V6\"/></pattern></defs>\n",
        ));
    }

    fn panel(&mut self, index: usize, panel: &Panel, top: f64) {
        let colour = if self.line.panels.len() > SERIES_COLOURED_MAX { 0 } else { index };
        let name = escape(&truncated(&panel.series, NAME_CHARACTERS));
        let full = escape(&panel.series);
        let words = [summary(panel).map(said), panel.beside.clone()];
        let words = escape(&words.into_iter().flatten().collect::<Vec<_>>().join(" · "));
        self.put(format_args!(
            "<text class=\"label\" x=\"0\" y=\"{}\"><title>{full}</title>{name}</text>\
             <text class=\"quiet\" x=\"0\" y=\"{}\">{words}</text>\n<g transform=\"translate({COUNTS_PX} {})\">\n",
            top + 11.0,
            top + 26.0,
            top + head_px(panel),
        ));
        let heights = panel.columns.iter().filter_map(|column| match column.bar {
            Bar::Count(count) => Some(self.height(column, count)),
            Bar::Withheld | Bar::Absent => None,
        });
        let scale = Scale::new(ceiling(heights.fold(0.0, f64::max)));
        self.counts(&scale);
        for column in &panel.columns {
            self.column(colour, &panel.series, column, &scale);
        }
        self.numbers(if summary(panel).is_some() { FOOT_MEAN_PX } else { FOOT_PX });
        if let Some(summary) = summary(panel) {
            self.mean(summary);
        }
        self.put(format_args!("</g>\n"));
    }

    /// A count over a column as wide as the narrowest one.
    fn height(&self, column: &Column, count: u64) -> f64 {
        let (from, to) = self.sides(column);
        let count = super::scale::float(count);
        let ratio = (to - from) / self.width;
        if ratio.is_finite() && ratio > 1.0 { count / ratio } else { count }
    }

    fn sides(&self, column: &Column) -> (f64, f64) {
        let from = column.from.or_else(|| column.to.map(|to| to - self.width)).unwrap_or(0.0);
        (from, column.to.unwrap_or(from + self.width))
    }

    fn counts(&mut self, scale: &Scale) {
        let ticks = scale.ticks();
        let last = ticks.len() - 1;
        for (index, Tick { share, label }) in ticks.into_iter().enumerate() {
            let y = PLOT_PX * (1.0 - share);
            self.put(format_args!(
                "<line class=\"axis\" x1=\"0\" x2=\"{SPAN_PERCENT}%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            ));
            if index == 0 || index == last {
                self.put(format_args!(
                    "<text class=\"quiet\" x=\"-6\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                    y + 4.0
                ));
            }
        }
        self.put(format_args!("\n"));
    }

    fn column(&mut self, colour: usize, series: &str, column: &Column, scale: &Scale) {
        let (from, to) = self.sides(column);
        let (x, end) = (self.percent(from), self.percent(to));
        let width = (end - x).max(0.0);
        let (label, series) = (escape(&column.label), escape(series));
        let id = self.id.clone();
        match column.bar {
            Bar::Count(count) => {
                let height = PLOT_PX * scale.share_of(self.height(column, count));
                let (value, unit) = (thousands(count), escape(&self.line.unit));
                self.put(format_args!(
                    "<rect class=\"bin s{colour}\" x=\"{x:.2}%\" y=\"{:.1}\" width=\"{width:.2}%\" \
                     height=\"{height:.1}\"><title>{label}, {series}: {value} {unit}</title></rect>\n",
                    PLOT_PX - height,
                ));
            }
            Bar::Withheld => self.put(format_args!(
                "<rect class=\"withheld s{colour}\" x=\"{x:.2}%\" y=\"{:.1}\" width=\"{width:.2}%\" \
                 height=\"{WITHHELD_PX:.1}\" fill=\"url(#{id}-hatch)\"><title>{label}, {series}: withheld</title>\
                 </rect>\n",
                PLOT_PX - WITHHELD_PX,
            )),
            Bar::Absent => {}
        }
    }

    fn numbers(&mut self, foot: f64) {
        let (step_min, shift) = match self.line.marks {
            Marks::Edges => (0.0, 0.0),
            Marks::Middles => (1.0, 0.5),
        };
        for Tick { share, label } in self.stretch.ticks(step_min, shift) {
            let x = share * SPAN_PERCENT;
            let y = PLOT_PX + foot - 6.0;
            self.put(format_args!(
                "<line class=\"tick\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{PLOT_PX}\" y2=\"{}\"/>\
                 <text class=\"quiet\" x=\"{x:.2}%\" y=\"{y}\" text-anchor=\"middle\">{label}</text>",
                PLOT_PX + 4.0,
            ));
        }
        self.put(format_args!("\n"));
    }

    /// The mean through the columns, and the spread to either side below them.
    fn mean(&mut self, Summary { mean, spread }: Summary) {
        let (x, low, high) = (self.percent(mean), self.percent(mean - spread), self.percent(mean + spread));
        let y = PLOT_PX + 9.0;
        let words = escape(&said(Summary { mean, spread }));
        self.put(format_args!(
            "<g><title>{words}</title><line class=\"mean\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"{y}\"/>\
             <line class=\"spread\" x1=\"{low:.2}%\" x2=\"{high:.2}%\" y1=\"{y}\" y2=\"{y}\"/>\
             <circle class=\"middle\" cx=\"{x:.2}%\" cy=\"{y}\" r=\"3.5\"/></g>\n",
        ));
    }

    fn percent(&self, number: f64) -> f64 {
        self.stretch.share(number) * SPAN_PERCENT
    }

    fn description(&self) -> String {
        let panels = plural(self.line.panels.len() as u64, "series", Some("series"));
        let each = self.line.panels.iter().take(PANELS_MAX).map(|panel| {
            let largest = panel.columns.iter().filter_map(|column| match column.bar {
                Bar::Count(count) => Some((count, column.label.as_str())),
                Bar::Withheld | Bar::Absent => None,
            });
            let largest = largest.reduce(|best, next| if next.0 > best.0 { next } else { best });
            let most = largest.map_or_else(
                || "no count to show".to_owned(),
                |(count, label)| format!("most at {label}: {}", thousands(count)),
            );
            let summary = summary(panel).map(|summary| format!("; {}", said(summary))).unwrap_or_default();
            format!(" {}: {most}{summary}.", panel.series)
        });
        format!("Columns of {} along a number line for {panels}.{}", self.line.unit, each.collect::<String>())
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.svg.write_fmt(text).expect("writing to a string does not fail");
    }
}

/// Mean and spread, where they can be drawn.
fn summary(panel: &Panel) -> Option<Summary> {
    panel.summary.filter(|summary| summary.mean.is_finite() && summary.spread.is_finite())
}

fn said(summary: Summary) -> String {
    format!("mean {}, spread {}", three_digits(summary.mean), three_digits(summary.spread))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float to int cast saturates")]
fn ceiling(height: f64) -> u64 {
    height.ceil() as u64
}
