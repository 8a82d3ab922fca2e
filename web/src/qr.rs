//! QR codes (ISO/IEC 18004) as inline SVG.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code, as the standard asks.
const QUIET: i32 = 4;

/// The text as a QR code, a path of squares; empty where it is longer than a code can hold (2,331 bytes).
pub fn svg(text: &str) -> String {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return String::new() };
    let side = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET).expect("a String takes it all");
        }
    }
    format!(
        "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" width=\"224\" height=\"224\" role=\"img\" \
         aria-label=\"QR code of the secret beneath\" shape-rendering=\"crispEdges\"><path d=\"{path}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture's side, and which of its squares are dark.
    fn drawn(svg: &str) -> (i32, Vec<(i32, i32)>) {
        let between = |before: &str, after: &str| {
            svg.split_once(before).unwrap().1.split_once(after).unwrap().0.to_owned()
        };
        let squares = between("d=\"", "\"");
        let squares = squares.split("h1v1h-1z").filter(|square| !square.is_empty()).map(|square| {
            let (x, y) = square.trim_start_matches('M').split_once(' ').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        });
        (between("viewBox=\"0 0 ", " ").parse().unwrap(), squares.collect())
    }

    #[test]
    fn a_code_is_drawn_square_by_square_with_a_quiet_edge() {
        let long = "long ".repeat(200);
        for text in ["otpauth://totp/FLIP%20Edge:Astrid?secret=GEZDGNBVGY3TQOJQ", "short", &long] {
            let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
            let (side, dark) = drawn(&svg(text));
            assert_eq!(side, code.size() + 8);
            for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))) {
                // Outside of the code every module is light.
                assert_eq!(dark.contains(&(x, y)), code.get_module(x - 4, y - 4), "{x} {y} of {text}");
            }
        }
        assert_eq!(svg(&"x".repeat(3_000)), "");
    }
}
