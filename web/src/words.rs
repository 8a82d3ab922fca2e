//! Numbers, times and places in words: the filters that templates use.

use serde::Serialize;

use crate::pages::Place;

/// `1234567` as `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 person`, `2,000 persons`; `many` where adding an `s` is wrong.
pub fn plural(number: u64, one: &str, many: Option<&str>) -> String {
    match (number, many) {
        (1, _) => format!("1 {one}"),
        (_, Some(many)) => format!("{} {many}", thousands(number)),
        (_, None) => format!("{} {one}s", thousands(number)),
    }
}

/// A number of a column with three digits that count: `54.2`, `0.0312`, `-2.50`, `12,400`, `6.02e23`. Four digits stand
/// as they are, since the number may be a year.
pub(crate) fn three_digits(number: f64) -> String {
    let size = number.abs();
    let sign = if number < 0.0 { "−" } else { "" };
    let magnitude = size.log10().floor();
    let places = [(2.0, 0_usize), (1.0, 1), (0.0, 2), (-1.0, 3), (-2.0, 4)];
    if size == 0.0 {
        "0".to_owned()
    } else if !number.is_finite() || !(-2.0..7.0).contains(&magnitude) {
        format!("{sign}{size:.2e}")
    } else if let Some((_, places)) =
        places.iter().find(|(least, _)| magnitude >= *least).filter(|(_, p)| *p > 0)
    {
        format!("{sign}{size:.places$}")
    } else {
        let number = whole(size);
        if number < 10_000 { format!("{sign}{number}") } else { format!("{sign}{}", thousands(number)) }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and ten million"
)]
fn whole(size: f64) -> u64 {
    size.round() as u64
}

/// An ISO 8601 instant to the minute, as people read it: `2026-07-21T08:12:03Z` as `2026-07-21 08:12 UTC`.
pub(crate) fn absolute(iso: &str) -> String {
    match (iso.get(..10), iso.get(10..11), iso.get(11..16)) {
        (Some(day), Some("T"), Some(minute)) if iso.ends_with('Z') => format!("{day} {minute} UTC"),
        _ => iso.to_owned(),
    }
}

/// A length of time in seconds as people read it.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => plural(seconds, "second", None),
        120..7_200 => plural(seconds / 60, "minute", None),
        7_200..172_800 => plural(seconds / 3_600, "hour", None),
        172_800.. => plural(seconds / 86_400, "day", None),
    }
}

/// A size in bytes as people read it: `512.0 GiB`.
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if size < 1_024 {
        return plural(size, "byte", None);
    }
    let (mut whole, mut rest, mut unit) = (size / 1_024, size % 1_024, 0);
    while whole >= 1_024 && unit + 1 < UNITS.len() {
        (whole, rest, unit) = (whole / 1_024, whole % 1_024, unit + 1);
    }
    format!("{}.{} {}", thousands(whole), rest * 10 / 1_024, UNITS[unit])
}

/// Browsers, by what tells them from those that they are made of, which they name too; the first that is named counts.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "headless Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];

/// Systems, likewise: Android names Linux, and an iPhone macOS.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
    ("BSD", "BSD"),
];

/// Characters of a program's name that are shown.
const PROGRAM_CHARACTERS: usize = 40;

/// A browser or program by what it calls itself (RFC 9110 §10.1.5): `Firefox on Linux`, `curl`; empty for one that calls
/// itself nothing.
pub(crate) fn browser(agent: &str) -> String {
    let named = |list: &[(&str, &'static str)]| {
        list.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name)
    };
    if !agent.starts_with("Mozilla/") {
        let name = agent.split(['/', ' ']).next().unwrap_or_default();
        return name.chars().take(PROGRAM_CHARACTERS).collect();
    }
    let browser = named(BROWSERS).unwrap_or("a browser");
    named(SYSTEMS).map_or_else(|| browser.to_owned(), |system| format!("{browser} on {system}"))
}

/// A clock's distance from the hub's, in milliseconds and positive when ahead, as people read it.
pub(crate) fn skew(milliseconds: i64) -> String {
    let direction = if milliseconds < 0 { "behind" } else { "ahead of" };
    let size = milliseconds.unsigned_abs();
    match size {
        0 => "in step with the hub".to_owned(),
        1..1_000 => format!("{size} ms {direction} the hub"),
        1_000..120_000 => format!("{}.{} s {direction} the hub", size / 1_000, size % 1_000 / 100),
        120_000..7_200_000 => format!("{} min {direction} the hub", size / 60_000),
        7_200_000.. => format!("{} h {direction} the hub", thousands(size / 3_600_000)),
    }
}

/// A line of a text, cut at the character that a message points at.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Spot {
    /// What stands before the character.
    before: String,
    /// The character, or nothing past the line's end.
    at: String,
    /// What stands after it.
    after: String,
    /// As wide as `before` in a monospaced font: its tabs kept, all else as spaces.
    indent: String,
}

/// Characters shown on either side of a spot: questions are often pasted as one long line.
const SPOT_CHARACTERS: usize = 60;

/// The line that `place` points into, or as much of it as fits; `None` where the text has no such line.
pub(crate) fn spot(text: &str, place: Place) -> Option<Spot> {
    let index = usize::try_from(place.line.checked_sub(1)?).ok()?;
    let line = text.lines().nth(index)?;
    let column = usize::try_from(place.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut rest = line.chars();
    let mut before: Vec<char> = rest.by_ref().take(column).collect();
    if before.len() > SPOT_CHARACTERS {
        before.drain(..before.len() - SPOT_CHARACTERS);
        before.insert(0, '…');
    }
    let at: String = rest.by_ref().take(1).collect();
    let mut after: String = rest.by_ref().take(SPOT_CHARACTERS).collect();
    if rest.next().is_some() {
        after.push('…');
    }
    let indent = before.iter().map(|character| if *character == '\t' { '\t' } else { ' ' }).collect();
    Some(Spot { before: before.into_iter().collect(), at, after, indent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_said_in_the_unit_that_people_use() {
        let said: Vec<String> = [0, 1, 1_023, 1_024, 1_536, 5 << 30, u64::MAX].map(bytes).to_vec();
        assert_eq!(
            said,
            ["0 bytes", "1 byte", "1,023 bytes", "1.0 KiB", "1.5 KiB", "5.0 GiB", "16,383.9 PiB"]
        );
        let said: Vec<String> = [1, 119, 120, 7_200, 172_800].map(duration).to_vec();
        assert_eq!(said, ["1 second", "119 seconds", "2 minutes", "2 hours", "2 days"]);
    }

    #[test]
    fn browsers_and_programs_are_called_what_people_call_them() {
        let of = |system: &str, rest: &str| browser(&format!("Mozilla/5.0 ({system}) {rest}"));
        let (gecko, blink) =
            ("Gecko/20100101 Firefox/140.0", "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0");
        let webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15";
        assert_eq!(of("X11; Linux x86_64; rv:140.0", gecko), "Firefox on Linux");
        assert_eq!(of("Windows NT 10.0; Win64; x64", &format!("{blink} Safari/537.36")), "Chrome on Windows");
        assert_eq!(of("Windows NT 10.0", &format!("{blink} Safari/537.36 Edg/140.0.0.0")), "Edge on Windows");
        assert_eq!(of("Linux; Android 10; K", &format!("{blink} Mobile Safari/537.36")), "Chrome on Android");
        assert_eq!(of("Macintosh; Intel Mac OS X 10_15_7", webkit), "Safari on macOS");
        assert_eq!(of("iPhone; CPU iPhone OS 18_5 like Mac OS X", webkit), "Safari on an iPhone");
        assert_eq!(of("X11; CrOS x86_64 14541.0.0", &format!("{blink} Safari/537.36")), "Chrome on ChromeOS");
        assert_eq!(
            (of("one of its own", ""), of("X11; FreeBSD", "")),
            ("a browser".into(), "a browser on BSD".into())
        );
        let programs = ["curl/8.14.1", "python-requests/2.32.4", "Wget", ""].map(browser);
        assert_eq!(programs, ["curl", "python-requests", "Wget", ""]);
        assert_eq!(browser(&"é".repeat(200)), "é".repeat(PROGRAM_CHARACTERS));
    }

    #[test]
    fn thousands_are_separated() {
        let written = [0, 7, 999, 1_000, 1_234_567, u64::MAX].map(thousands);
        assert_eq!(written, ["0", "7", "999", "1,000", "1,234,567", "18,446,744,073,709,551,615"]);
    }

    #[test]
    fn numbers_of_columns_have_three_digits_that_count() {
        let said = [54.234, 1_956.4, 12_400.0, 0.031_24, -2.5, 0.0, 6.022e23, 9_999_999.4, f64::NAN]
            .map(three_digits);
        let expected = ["54.2", "1956", "12,400", "0.0312", "−2.50", "0", "6.02e23", "9,999,999", "NaN"];
        assert_eq!(said, expected);
    }

    #[test]
    fn one_is_singular_and_zero_is_plural() {
        assert_eq!(plural(1, "person", None), "1 person");
        assert_eq!(plural(0, "person", None), "0 persons");
        assert_eq!(plural(2_000, "query", Some("queries")), "2,000 queries");
    }

    #[test]
    fn instants_are_cut_to_the_minute_and_other_text_is_kept() {
        assert_eq!(absolute("2026-07-21T08:12:03Z"), "2026-07-21 08:12 UTC");
        assert_eq!(absolute("2026-07-21T08:12:03.123456Z"), "2026-07-21 08:12 UTC");
        assert_eq!(absolute("2026-07-21T08:12:03+01:00"), "2026-07-21T08:12:03+01:00");
        assert_eq!(absolute("äöü"), "äöü");
    }

    #[test]
    fn skew_has_a_size_and_a_direction() {
        let said = [0, 40, -1_250, 3 * 60_000, i64::MIN].map(skew);
        assert_eq!(said[0], "in step with the hub");
        assert_eq!(said[1], "40 ms ahead of the hub");
        assert_eq!(said[2], "1.2 s behind the hub");
        assert_eq!(said[3], "3 min ahead of the hub");
        assert!(said[4].ends_with(" h behind the hub"));
    }

    #[test]
    fn a_spot_is_cut_at_its_character() {
        let spot = spot("select 1\n\tfröm x", Place { line: 2, column: 4 }).unwrap();
        let expected = Spot {
            before: "\tfr".to_owned(),
            at: "ö".to_owned(),
            after: "m x".to_owned(),
            indent: "\t  ".to_owned(),
        };
        assert_eq!(spot, expected);
    }

    #[test]
    fn a_spot_in_a_long_line_is_shown_with_its_surroundings() {
        let line = format!("{}x{}", "a".repeat(500), "b".repeat(500));
        let spot = spot(&line, Place { line: 1, column: 501 }).unwrap();
        assert_eq!(spot.at, "x");
        assert_eq!(spot.before, format!("…{}", "a".repeat(60)));
        assert_eq!(spot.after, format!("{}…", "b".repeat(60)));
        assert_eq!(spot.indent.len(), 61);
    }

    #[test]
    fn a_spot_outside_the_text_is_none_and_past_a_line_is_its_end() {
        assert_eq!(spot("select 1", Place { line: 0, column: 1 }), None);
        assert_eq!(spot("select 1", Place { line: 2, column: 1 }), None);
        let end = spot("ab", Place { line: 1, column: u64::MAX }).unwrap();
        assert_eq!((end.before.as_str(), end.at.as_str(), end.after.as_str()), ("ab", "", ""));
    }
}
