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
    ("ink", "good-ground", TEXT),
    ("accent", "bad-ground", TEXT),
    ("accent", "warn-ground", TEXT),
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
    for (scheme, colours) in schemes() {
        for (front, back, least) in PAIRS {
            let contrast = contrast(colours[*front], colours[*back]);
            assert!(contrast >= *least, "{scheme}: {front} on {back} is {contrast:.2} to 1, not {least}");
        }
    }
}

#[test]
fn series_differ_in_every_kind_of_colour_vision() {
    for (scheme, colours) in schemes() {
        for (vision, matrix) in VISIONS {
            let seen: Vec<_> =
                (0..8).map(|series| lab(matrix, colours[format!("s{series}").as_str()])).collect();
            for (first, second) in (0..8).flat_map(|first| (0..first).map(move |second| (first, second))) {
                let squares: f64 = (0..3).map(|axis| (seen[first][axis] - seen[second][axis]).powi(2)).sum();
                let distance = squares.sqrt();
                assert!(
                    distance > 18.0,
                    "{scheme}, {vision}: s{first} and s{second} are {distance:.1} apart"
                );
            }
        }
    }
}

/// How linear red, green and blue are seen: Machado, Oliveira and Fernandes 2009, full deficiency.
const VISIONS: [(&str, [[f64; 3]; 3]); 4] = [
    ("full", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "deuteranopia",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
    ),
    (
        "protanopia",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ),
];

/// A colour as seen, in CIE L*a*b*, where distances are roughly those that people see.
fn lab(vision: [[f64; 3]; 3], colour: [u8; 3]) -> [f64; 3] {
    let linear = linear(colour);
    let mix = |row: [f64; 3]| row.iter().zip(linear).map(|(weight, channel)| weight * channel).sum::<f64>();
    let [red, green, blue] = vision.map(|row| mix(row).clamp(0.0, 1.0));
    let root = |value: f64| if value > 0.008_856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 };
    let x = root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505);
    let y = root(0.2126 * red + 0.7152 * green + 0.0722 * blue);
    let z = root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn schemes() -> [(&'static str, BTreeMap<&'static str, [u8; 3]>); 2] {
    let css = std::str::from_utf8(asset("app.css").expect("it is there").bytes).expect("it is UTF-8");
    let (light, rest) =
        css.split_once("@media screen and (prefers-color-scheme: dark)").expect("there is a dark scheme");
    let dark = rest.split_once("\n}\n").expect("it ends").0;
    [("light", colours(light)), ("dark", colours(dark))]
}

fn colours(block: &str) -> BTreeMap<&str, [u8; 3]> {
    let declarations = block.lines().filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
    declarations.map(|(name, value)| (name, rgb(value.trim_end_matches(';')))).collect()
}

fn rgb(hex: &str) -> [u8; 3] {
    let wide: String =
        if hex.len() == 3 { hex.chars().flat_map(|digit| [digit, digit]).collect() } else { hex.into() };
    [0, 2, 4].map(|at| u8::from_str_radix(&wide[at..at + 2], 16).expect("hexadecimal digits"))
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance, as WCAG 2.2 defines it.
fn luminance(colour: [u8; 3]) -> f64 {
    let linear = linear(colour);
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn linear(colour: [u8; 3]) -> [f64; 3] {
    colour.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    })
}

#[test]
fn the_measure_is_the_standards() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast(rgb("777"), rgb("fff")) - 4.48).abs() < 0.01);
}
