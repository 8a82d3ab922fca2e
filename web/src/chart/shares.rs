//! Shares in per cent with a line that none should pass, such as how often attackers are right.

use std::fmt::Write as _;

use super::{
    Shares,
    draw::{escape, truncated},
};

/// From one share to the next, in pixels.
const STEP_PX: usize = 34;
/// Height of the axis, in pixels.
const AXIS_PX: usize = 20;
/// Characters of a label that fit into a narrow chart.
const LABEL_CHARACTERS: usize = 44;
/// Share of the width that 100 per cent take: the number beside the longest bar has room on the narrowest screen.
const SPAN: f64 = 0.8;

/// The shares as an `<svg>` element, coloured by the classes of the other charts.
pub fn shares(chart: &Shares) -> String {
    let id: String = chart.id.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').collect();
    let bottom = chart.shares.len() * STEP_PX;
    let over = chart.shares.iter().filter(|share| share.percent > chart.limit_percent).count();
    let mut svg = format!(
        "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"{}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{}</title>\n\
         <desc id=\"{id}-desc\">{over} of {} are above {:.0} %.</desc>\n",
        bottom + AXIS_PX,
        escape(&chart.title),
        chart.shares.len(),
        chart.limit_percent,
    );
    for (index, share) in chart.shares.iter().enumerate() {
        let top = index * STEP_PX;
        let percent = if share.percent.is_finite() { share.percent.clamp(0.0, 100.0) } else { 0.0 };
        let series = usize::from(percent > chart.limit_percent);
        let _ = writeln!(
            svg,
            "<g><text class=\"label\" x=\"0\" y=\"{}\">{}</text>\
             <rect class=\"bar s{series}\" x=\"0\" y=\"{}\" width=\"{:.2}%\" height=\"10\"/>\
             <text class=\"quiet\" x=\"{:.2}%\" y=\"{}\">{percent:.1} %</text></g>",
            top + 12,
            escape(&truncated(&share.label, LABEL_CHARACTERS)),
            top + 17,
            percent * SPAN,
            percent * SPAN + 1.0,
            top + 26,
        );
    }
    let marks = [(0.0, "start"), (50.0, "end"), (chart.limit_percent, "middle"), (100.0, "middle")];
    for (percent, anchor) in marks {
        let x = percent * SPAN;
        let _ = writeln!(
            svg,
            "<line class=\"axis\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"{bottom}\"/>\
             <text class=\"quiet\" x=\"{x:.2}%\" y=\"{}\" text-anchor=\"{anchor}\">{percent:.0} %</text>",
            bottom + 14
        );
    }
    svg.push_str("</svg>");
    svg
}
