//! Ranges on one number line, such as the years that tables are of.

use std::fmt::Write as _;

use super::{
    Ranges,
    draw::{escape, truncated},
    scale::{Stretch, Tick},
};
use crate::words::plural;

/// From one range to the next, in pixels.
const STEP_PX: usize = 34;
/// Height of the axis, in pixels.
const AXIS_PX: usize = 20;
/// Characters of a label that fit into a narrow chart.
const LABEL_CHARACTERS: usize = 44;
/// Share of the width that the axis takes, in per cent: the last number's half has room.
const SPAN_PERCENT: f64 = 94.0;

/// The ranges as an `<svg>` element, coloured by the classes of the other charts.
pub fn ranges(chart: &Ranges) -> String {
    let id: String = chart.id.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').collect();
    let stretch =
        Stretch::over(chart.ranges.iter().flat_map(|range| [range.low, range.high])).widened(0.0, 1.0);
    let bottom = chart.ranges.len() * STEP_PX;
    let description = format!("Ranges of {}.", plural(chart.ranges.len() as u64, "row", None));
    let mut svg = format!(
        "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"{}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{}</title>\n\
         <desc id=\"{id}-desc\">{description}</desc>\n",
        bottom + AXIS_PX,
        escape(&chart.title),
    );
    for Tick { share, label } in stretch.ticks(1.0, 0.5) {
        let x = share * SPAN_PERCENT;
        put(
            &mut svg,
            format_args!(
                "<line class=\"axis\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"{bottom}\"/>\
                 <text class=\"quiet\" x=\"{x:.2}%\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
                bottom + 14
            ),
        );
    }
    for (index, range) in chart.ranges.iter().enumerate() {
        let top = index * STEP_PX;
        let (x, end) =
            (stretch.share(range.low) * SPAN_PERCENT, stretch.share(range.high + 1.0) * SPAN_PERCENT);
        let label = escape(&truncated(&range.label, LABEL_CHARACTERS));
        put(
            &mut svg,
            format_args!(
                "<g><title>{}: {} to {}</title><text class=\"label\" x=\"0\" y=\"{}\">{label}</text>\
                 <rect class=\"bar s0\" x=\"{x:.2}%\" y=\"{}\" width=\"{:.2}%\" height=\"10\"/></g>\n",
                escape(&range.label),
                range.low,
                range.high,
                top + 12,
                top + 17,
                (end - x).max(0.0),
            ),
        );
    }
    svg.push_str("</svg>");
    svg
}

fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    svg.write_fmt(text).expect("writing to a string does not fail");
}
