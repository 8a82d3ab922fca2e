//! The drawing itself.

use std::fmt::Write;

use super::{
    BARS_MAX, Bar, Category, Chart,
    scale::{Scale, Tick},
};
use crate::words::{plural, thousands};

/// Height of a bar, in pixels.
const BAR_PX: usize = 14;
/// From the top of one bar to the next, in pixels.
const BAR_STEP_PX: usize = 17;
/// Between two groups, in pixels.
const GROUP_GAP_PX: usize = 11;
/// Height of a label above its group, in pixels.
const LABEL_PX: usize = 18;
/// Height of the axis below the groups, in pixels.
const AXIS_PX: usize = 22;
/// Width of the hatched block that stands for a withheld count, in pixels.
const WITHHELD_PX: usize = 28;
/// Labels up to this long, in characters, stand beside their group, longer ones above it.
const BESIDE_CHARACTERS: usize = 8;
/// Width for labels beside their group, in pixels: that many characters at 12 px.
const BESIDE_PX: usize = 66;
/// Characters of a label that fit into a narrow chart.
const LABEL_CHARACTERS: usize = 44;
/// Characters of a series' name that fit behind a bar.
pub(super) const SERIES_CHARACTERS: usize = 22;
/// Width of the narrowest drawing that must hold its values, in pixels: a phone's, less the page's margins.
const NARROW_PX: usize = 290;
/// Width of a value's character at 12 px, in pixels.
const VALUE_CHARACTER_PX: usize = 7;
/// Between a bar and its value, with a little air after it, in pixels.
const VALUE_GAP_PX: usize = 8;
/// Share of the width that the axis takes at least.
const SPAN_PERCENT_MIN: usize = 25;

/// The chart as an `<svg>` element, coloured by classes: `bar` and `withheld`, each with `s0` to `s7` for its
/// series, and `axis`, `label`, `value`, `quiet`, `hatch`, `hatch-ground`.
pub fn bars(chart: &Chart) -> String {
    let mut drawing = Drawing::new(chart);
    drawing.write();
    drawing.svg
}

struct Drawing<'a> {
    chart: &'a Chart,
    shown: &'a [Category],
    id: String,
    scale: Scale,
    /// Labels stand beside their groups.
    beside: bool,
    /// Share of the width that the axis takes: the rest is for labels and values, even where the chart is narrow.
    span_percent: usize,
    svg: String,
}

impl<'a> Drawing<'a> {
    fn new(chart: &'a Chart) -> Self {
        let groups = (BARS_MAX / chart.series.len().max(1)).max(1);
        let beside =
            chart.categories.iter().all(|category| category.label.chars().count() <= BESIDE_CHARACTERS);
        let value = chart.largest().map_or(0, |(largest, _, _)| thousands(largest).len());
        let behind = if chart.labelled_directly() { SERIES_CHARACTERS } else { 0 };
        let taken = VALUE_GAP_PX + VALUE_CHARACTER_PX * (value + behind) + if beside { BESIDE_PX } else { 0 };
        Self {
            chart,
            shown: &chart.categories[..chart.categories.len().min(groups)],
            id: chart.id.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').collect(),
            scale: Scale::new(chart.largest().map_or(0, |(count, _, _)| count)),
            beside,
            span_percent: (100 * NARROW_PX.saturating_sub(taken) / NARROW_PX).max(SPAN_PERCENT_MIN),
            svg: String::new(),
        }
    }

    fn write(&mut self) {
        let group = self.group_height_px();
        let bottom = self.shown.len() * (group + GROUP_GAP_PX);
        let omitted = self.chart.categories.len() - self.shown.len();
        let height = bottom + AXIS_PX + if omitted > 0 { LABEL_PX } else { 0 };
        let id = self.id.clone();
        self.put(format_args!(
            "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"{height}\" \
             role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{}</title>\n\
             <desc id=\"{id}-desc\">{}</desc>\n\
             <defs><pattern id=\"{id}-hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect class=\"hatch-ground\" width=\"6\" height=\"6\"/>\
             <path class=\"hatch\" d=\"M0 0V6\"/></pattern></defs>\n",
            escape(&self.chart.title),
            escape(&self.description()),
        ));
        let offset = if self.beside { BESIDE_PX } else { 0 };
        self.put(format_args!("<g transform=\"translate({offset} 0)\">\n"));
        self.axis(bottom);
        for (index, category) in self.shown.iter().enumerate() {
            self.group(category, index * (group + GROUP_GAP_PX));
        }
        self.put(format_args!("</g>\n"));
        if omitted > 0 {
            let y = bottom + AXIS_PX + 12;
            let more = plural(count(omitted), "more category", Some("more categories"));
            self.put(format_args!(
                "<text class=\"quiet\" x=\"0\" y=\"{y}\">and {more} in the table</text>\n"
            ));
        }
        self.put(format_args!("</svg>"));
    }

    fn group_height_px(&self) -> usize {
        let bars = self.chart.series.len().max(1) * BAR_STEP_PX;
        if self.beside { bars } else { bars + LABEL_PX }
    }

    fn axis(&mut self, bottom: usize) {
        for (index, Tick { share, label }) in self.scale.ticks().into_iter().enumerate() {
            let x = self.percent(share);
            let anchor = if index == 0 { "start" } else { "middle" };
            let y = bottom + 14;
            self.put(format_args!(
                "<line class=\"axis\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"{bottom}\"/>\
                 <text class=\"quiet\" x=\"{x:.2}%\" y=\"{y}\" text-anchor=\"{anchor}\">{label}</text>\n"
            ));
        }
    }

    fn group(&mut self, category: &Category, top: usize) {
        let full = escape(&category.label);
        let label = escape(&truncated(&category.label, LABEL_CHARACTERS));
        let first = if self.beside {
            let y = top + self.chart.series.len().max(1) * BAR_STEP_PX / 2 + 3;
            self.put(format_args!(
                "<text class=\"label\" x=\"-8\" y=\"{y}\" text-anchor=\"end\">{label}</text>\n"
            ));
            top
        } else {
            let y = top + 12;
            self.put(format_args!(
                "<text class=\"label\" x=\"0\" y=\"{y}\"><title>{full}</title>{label}</text>\n"
            ));
            top + LABEL_PX
        };
        for series in 0..self.chart.series.len() {
            self.bar(category, series, first + series * BAR_STEP_PX);
        }
    }

    fn bar(&mut self, category: &Category, series: usize, y: usize) {
        let name = &self.chart.series[series];
        let (category_name, series_name) = (escape(&category.label), escape(name));
        let colour = if self.chart.labelled_directly() { 0 } else { series };
        let behind = if self.chart.labelled_directly() {
            format!(" · {}", escape(&truncated(name, SERIES_CHARACTERS)))
        } else {
            String::new()
        };
        let baseline = y + 11;
        match Chart::bar(category, series) {
            Bar::Count(count) => {
                let width = self.percent(self.scale.share(count));
                let value = thousands(count);
                self.put(format_args!(
                    "<g><title>{category_name}, {series_name}: {value} {}</title>\
                     <rect class=\"bar s{colour}\" y=\"{y}\" width=\"{width:.2}%\" height=\"{BAR_PX}\"/>\
                     <text class=\"value\" x=\"{width:.2}%\" dx=\"5\" y=\"{baseline}\">{value}{behind}</text></g>\n",
                    escape(&self.chart.unit),
                ));
            }
            Bar::Withheld => {
                let id = self.id.clone();
                self.put(format_args!(
                    "<g><title>{category_name}, {series_name}: withheld</title>\
                     <rect class=\"withheld s{colour}\" y=\"{y}\" width=\"{WITHHELD_PX}\" height=\"{BAR_PX}\" \
                     fill=\"url(#{id}-hatch)\"/><text class=\"quiet\" x=\"{WITHHELD_PX}\" dx=\"5\" \
                     y=\"{baseline}\">withheld{behind}</text></g>\n"
                ));
            }
            Bar::Absent => self.put(format_args!(
                "<g><title>{category_name}, {series_name}: not reported</title>\
                 <text class=\"quiet\" x=\"0\" dx=\"5\" y=\"{baseline}\">not reported{behind}</text></g>\n"
            )),
        }
    }

    /// A share of the axis as per cent of the drawing's width.
    fn percent(&self, share: f64) -> f64 {
        share * f64::from(u8::try_from(self.span_percent).unwrap_or(100))
    }

    fn description(&self) -> String {
        let Chart { unit, series, categories, .. } = self.chart;
        let size = format!(
            "Bars of {unit} for {} and {}",
            plural(count(categories.len()), "category", Some("categories")),
            plural(count(series.len()), "series", Some("series")),
        );
        match self.chart.largest() {
            Some((largest, category, series)) => {
                format!("{size}. Largest: {} {unit} for {category}, {series}.", thousands(largest))
            }
            None => format!("{size}. There is no count to show."),
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.svg.write_fmt(text).expect("writing to a string does not fail");
    }
}

/// Text for element content or a quoted attribute. Control characters, which XML cannot carry, become `�`.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

pub(super) fn truncated(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(characters_max - 1).collect();
    format!("{}…", kept.trim_end())
}

pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
