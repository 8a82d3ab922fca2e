//! The Trusts around their hub: who reaches it and who does not.

use std::f64::consts::{FRAC_PI_2, TAU};
use std::fmt::Write as _;

use super::draw::{escape, truncated};
use super::{NODES_MAX, Reach, Topology};

/// Height of the drawing, in pixels.
const HEIGHT_PX: f64 = 280.0;
/// From the middle to the outermost Trust: in per cent of the width, and in pixels of the height. The names beside the
/// outermost ones have room.
const ACROSS_PERCENT: f64 = 28.0;
const DOWN_PX: f64 = 105.0;
/// Trusts whose names can be read beside each other.
const NAMED_MAX: usize = 16;
/// Trusts whose names can be read beneath them where there is little room: of more they are left out there.
const FEW: usize = 6;
/// The same on the narrowest screens.
const VERY_FEW: usize = 2;
/// Characters of a name that fit beside it.
const NAME_CHARACTERS: usize = 22;

impl Reach {
    /// The class that colours it, and the word for it.
    fn class_and_word(self) -> (&'static str, &'static str) {
        match self {
            Self::Good => ("good", "online"),
            Self::Troubled => ("troubled", "online, to be looked at"),
            Self::Away => ("away", "offline"),
            Self::Never => ("never", "never seen"),
            Self::Cut => ("cut", "keys void"),
        }
    }
}

/// The picture as an `<svg>` element; empty where there is no Trust.
pub fn topology(of: &Topology) -> String {
    if of.nodes.is_empty() {
        return String::new();
    }
    let reached = of.nodes.iter().filter(|node| matches!(node.reach, Reach::Good | Reach::Troubled)).count();
    let drawn = of.nodes.len().min(NODES_MAX);
    let many = if drawn > FEW {
        " several many"
    } else if drawn > VERY_FEW {
        " several"
    } else {
        ""
    };
    let mut svg = format!(
        "<svg class=\"chart topology{many}\" xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"{HEIGHT_PX}\" \
         role=\"img\" aria-labelledby=\"topology-title topology-desc\">\n\
         <title id=\"topology-title\">The hub and its Trusts</title>\n\
         <desc id=\"topology-desc\">{reached} of {} reach the hub. The table below has each.</desc>\n",
        of.nodes.len()
    );
    let (mut lines, mut marks) = (String::new(), String::new());
    let middle = HEIGHT_PX / 2.0;
    for (index, node) in of.nodes.iter().take(drawn).enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "at most NODES_MAX")]
        let angle = index as f64 / drawn as f64 * TAU - FRAC_PI_2;
        let (x, y) = (50.0 + ACROSS_PERCENT * angle.cos(), middle + DOWN_PX * angle.sin());
        let (class, word) = node.reach.class_and_word();
        let name = escape(&truncated(&node.name, NAME_CHARACTERS));
        let _ = writeln!(
            lines,
            "<line class=\"{class}\" x1=\"50%\" y1=\"{middle}\" x2=\"{x:.2}%\" y2=\"{y:.1}\"/>"
        );
        let _ = writeln!(
            marks,
            "<g><title>{}: {word}</title><circle class=\"{class}\" cx=\"{x:.2}%\" cy=\"{y:.1}\" r=\"8\"/>",
            escape(&node.name)
        );
        if drawn <= NAMED_MAX {
            // Beside it on its own side, above or below at the top and the bottom.
            let (side, anchor, dx, dy) = match angle.cos() {
                right if right > 0.2 => ("right", "start", 13, 4),
                left if left < -0.2 => ("left", "end", -13, 4),
                _ if angle.sin() < 0.0 => ("above", "middle", 0, -14),
                _ => ("below", "middle", 0, 22),
            };
            let _ = write!(
                marks,
                "<text class=\"{side}\" x=\"{x:.2}%\" y=\"{y:.1}\" dx=\"{dx}\" dy=\"{dy}\" text-anchor=\"{anchor}\">{name}</text>"
            );
        }
        marks.push_str("</g>\n");
    }
    let _ = write!(
        svg,
        "{lines}{marks}<circle class=\"hub\" cx=\"50%\" cy=\"{middle}\" r=\"22\"/>\
         <text class=\"hub-name\" x=\"50%\" y=\"{middle}\" dy=\"4\" text-anchor=\"middle\">hub</text>"
    );
    if drawn < of.nodes.len() {
        let _ = write!(
            svg,
            "<text class=\"quiet\" x=\"0\" y=\"14\">The first {drawn} of {}.</text>",
            of.nodes.len()
        );
    }
    svg.push_str("</svg>");
    svg
}
