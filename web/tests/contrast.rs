//! The style sheet's colours can be read: WCAG 2.2, 1.4.3 (text, 4.5 to 1) and 1.4.11 (graphics, 3 to 1), in light
//! and in dark.

use std::collections::BTreeMap;

use flip_web::asset;

const TEXT: f64 = 4.5;
const GRAPHICS: f64 = 3.0;

/// Foreground, background, least contrast.
const PAIRS: &[(&str, &str, f64)] = &[
    ("ink", "ground", TEXT),
    ("ink", "surface", TEXT),
    ("ink", "sunken", TEXT),
    ("ink", "bad-ground", TEXT),
    ("ink", "warn-ground", TEXT),
    ("quiet", "ground", TEXT),
    ("quiet", "surface", TEXT),
    ("quiet", "sunken", TEXT),
    ("quiet", "bad-ground", TEXT),
    ("accent", "ground", TEXT),
    ("accent", "surface", TEXT),
    ("accent-strong", "ground", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("good", "good-ground", TEXT),
    ("wait", "wait-ground", TEXT),
    ("warn", "warn-ground", TEXT),
    ("bad", "bad-ground", TEXT),
    ("bad", "sunken", TEXT),
    ("edge", "surface", GRAPHICS),
    ("edge", "ground", GRAPHICS),
    ("s0", "surface", GRAPHICS),
    ("s1", "surface", GRAPHICS),
    ("s2", "surface", GRAPHICS),
    ("s3", "surface", GRAPHICS),
    ("s4", "surface", GRAPHICS),
    ("s5", "surface", GRAPHICS),
    ("s6", "surface", GRAPHICS),
    ("s7", "surface", GRAPHICS),
];

#[test]
fn colours_contrast_in_light_and_in_dark() {
    let css = std::str::from_utf8(asset("app.css").unwrap().bytes).unwrap();
    let (light, rest) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let dark = rest.split_once("* {").unwrap().0;
    for (scheme, colours) in [("light", colours(light)), ("dark", colours(dark))] {
        for (front, back, least) in PAIRS {
            let contrast = contrast(colours[*front], colours[*back]);
            assert!(contrast >= *least, "{scheme}: {front} on {back} is {contrast:.2} to 1, not {least}");
        }
    }
}

fn colours(block: &str) -> BTreeMap<&str, [u8; 3]> {
    let declarations = block.lines().filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
    declarations.map(|(name, value)| (name, rgb(value.trim_end_matches(';')))).collect()
}

fn rgb(hex: &str) -> [u8; 3] {
    let wide: String =
        if hex.len() == 3 { hex.chars().flat_map(|digit| [digit, digit]).collect() } else { hex.into() };
    [0, 2, 4].map(|at| u8::from_str_radix(&wide[at..at + 2], 16).unwrap())
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance, as WCAG 2.2 defines it.
fn luminance(colour: [u8; 3]) -> f64 {
    let linear = colour.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

#[test]
fn the_measure_is_the_standards() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast(rgb("777"), rgb("fff")) - 4.48).abs() < 0.01);
}
