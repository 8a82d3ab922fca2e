//! Which texts are values of which kind: pure functions over bytes.
//!
//! What must stay true: whatever is accepted as [`Form::Plain`] is read by DuckDB's own CSV reader as exactly that
//! value. DuckDB alone is too kind: it rounds `1.5` to a whole number, reads `0x10`, `1_000`, `infinity` and `nan`,
//! and drops a time of day from a date.

use flip_gate::cdm::Kind;

use super::problem::Fault;

/// How an accepted value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As DuckDB reads it.
    Plain,
    /// A date as YYYYMMDD, as OHDSI's vocabulary files write it.
    Compact,
    /// Otherwise; [`canonical`] says it as DuckDB reads it.
    Other,
    /// A date with time and an offset from UTC. The CDM has no offsets; the local time is kept.
    Offset,
}

/// True for the forms that nearly all values have: digits, a day, a day and a second. Decides nothing that
/// [`examine`] would not; it is only quicker.
pub(super) fn is_common(kind: Kind, raw: &[u8]) -> bool {
    match kind {
        Kind::Text(_) => true,
        Kind::Integer => raw.len() <= 18 && all_digits(raw),
        Kind::Float => raw.len() <= 15 && all_digits(raw),
        Kind::Date => day(raw).is_some(),
        Kind::DateTime => match raw.split_at_checked(10) {
            Some((date, b"" | b" 00:00:00")) => day(date).is_some(),
            Some((date, [b' ', time @ ..])) => day(date).is_some() && is_time(time),
            Some(_) | None => false,
        },
    }
}

/// The value of a common whole number.
pub(super) fn digits(raw: &[u8]) -> i64 {
    raw.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}

fn all_digits(raw: &[u8]) -> bool {
    for byte in raw {
        if !byte.is_ascii_digit() {
            return false;
        }
    }
    !raw.is_empty()
}

/// Checks one non-empty value. Text is anything.
pub(super) fn examine(kind: Kind, raw: &[u8]) -> Result<Form, Fault> {
    form_of(kind, raw).map_err(|fault| match kind {
        _ if is_null_word(raw) => Fault::NullWord,
        Kind::Float if has_comma(raw) => Fault::CommaInNumber,
        Kind::Integer | Kind::Float | Kind::Text(_) | Kind::Date | Kind::DateTime => fault,
    })
}

/// True for what exports of databases and R write where there is no value.
pub(super) fn is_null_word(raw: &[u8]) -> bool {
    let text = raw.trim_ascii();
    text.eq_ignore_ascii_case(b"null") || matches!(text, b"\\N" | b"NA")
}

/// The same in SQL.
pub(super) fn null_word_sql(value: &str) -> String {
    format!("(upper(trim({value})) = 'NULL' OR trim({value}) IN ('\\N', 'NA'))")
}

/// True for a number but for its commas, whatever they stand for.
fn has_comma(raw: &[u8]) -> bool {
    let without: Vec<u8> = raw.iter().copied().filter(|byte| *byte != b',').collect();
    without.len() < raw.len() && is_number(&without)
}

fn form_of(kind: Kind, raw: &[u8]) -> Result<Form, Fault> {
    match kind {
        Kind::Text(_) => Ok(Form::Plain),
        Kind::Integer => whole(raw).map(|_| Form::Plain).ok_or(Fault::NotWhole),
        Kind::Float => is_number(raw).then_some(Form::Plain).ok_or(Fault::NotNumber),
        Kind::Date => examine_date(raw.trim_ascii()).map(|form| padded(raw, form)),
        Kind::DateTime => {
            let found = moment(raw.trim_ascii()).ok_or(Fault::NotDateTime)?;
            Ok(padded(raw, found.form))
        }
    }
}

/// DuckDB takes spaces around dates, but not around dates with time.
fn padded(raw: &[u8], form: Form) -> Form {
    match form {
        Form::Plain | Form::Compact if raw.trim_ascii().len() < raw.len() => Form::Other,
        Form::Plain | Form::Compact | Form::Other | Form::Offset => form,
    }
}

/// An accepted value as DuckDB reads it; text unchanged.
pub(super) fn canonical(kind: Kind, raw: &[u8]) -> Vec<u8> {
    let text = raw.trim_ascii();
    let said = match kind {
        Kind::Text(_) => None,
        Kind::Float => Some(text.to_vec()),
        Kind::Integer => whole(text).map(|number| number.to_string().into_bytes()),
        Kind::Date => moment(text).map(|found| found.day.to_vec()),
        Kind::DateTime => moment(text).map(|found| [&found.day, b" ".as_slice(), found.time].concat()),
    };
    said.unwrap_or_else(|| raw.to_vec())
}

/// The whole number that the text says. A fraction of zeros is fine: pandas writes `12.0` in columns with gaps.
pub(super) fn whole(raw: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(raw.trim_ascii()).ok()?;
    let (number, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte == b'0') {
        return None;
    }
    number.parse().ok()
}

fn is_number(raw: &[u8]) -> bool {
    let text = raw.trim_ascii();
    let plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    text.iter().all(plain)
        && std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<f64>().ok())
            .is_some_and(f64::is_finite)
}

fn examine_date(text: &[u8]) -> Result<Form, Fault> {
    if text.len() == 10 {
        return day(text).map(|_| Form::Plain).ok_or(Fault::NotDate);
    }
    if let Some(dashed) = dashed(text) {
        return day(&dashed).map(|_| Form::Compact).ok_or(Fault::NotDate);
    }
    let found = moment(text).ok_or(Fault::NotDate)?;
    let midnight = found.time.iter().all(|byte| matches!(byte, b'0' | b':' | b'.'));
    match found.form {
        _ if !midnight => Err(Fault::NotMidnight),
        Form::Plain => Ok(Form::Plain),
        Form::Compact | Form::Other | Form::Offset => Ok(Form::Other),
    }
}

struct Moment<'a> {
    day: [u8; 10],
    time: &'a [u8],
    form: Form,
}

/// `YYYY-MM-DD` or `YYYYMMDD`, then perhaps a space or T, HH:MM, :SS, a fraction, and an offset.
fn moment(text: &[u8]) -> Option<Moment<'_>> {
    const MIDNIGHT: &[u8] = b"00:00:00";
    if let Some(dashed) = dashed(text) {
        return Some(Moment { day: day(&dashed)?, time: MIDNIGHT, form: Form::Other });
    }
    let (date, rest) = text.split_at_checked(10)?;
    let day = day(date)?;
    let Some((separator, clock)) = rest.split_first() else {
        return Some(Moment { day, time: MIDNIGHT, form: Form::Plain });
    };
    if !matches!(separator, b' ' | b'T') {
        return None;
    }
    let end = clock.iter().position(|byte| matches!(byte, b'+' | b'-' | b'Z')).unwrap_or(clock.len());
    let (time, offset) = clock.split_at(end);
    let form = match (is_time(time), is_offset(offset)) {
        (true, true) if offset.is_empty() => Form::Plain,
        (true, true) => Form::Offset,
        (false, _) | (_, false) => return None,
    };
    Some(Moment { day, time, form })
}

/// YYYYMMDD as YYYY-MM-DD, whatever its bytes are.
fn dashed(text: &[u8]) -> Option<[u8; 10]> {
    let &[y1, y2, y3, y4, m1, m2, d1, d2] = text else { return None };
    Some([y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2])
}

/// The ten bytes of a day that exists in the years 1 to 9999.
fn day(text: &[u8]) -> Option<[u8; 10]> {
    let whole: [u8; 10] = text.try_into().ok()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = whole else { return None };
    let year = i32::from(pair(y1, y2)?) * 100 + i32::from(pair(y3, y4)?);
    let (month, day) = (pair(m1, m2)?, pair(d1, d2)?);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => return None,
    };
    (year >= 1 && (1..=last).contains(&day)).then_some(whole)
}

/// HH:MM, HH:MM:SS or HH:MM:SS.f with up to nine digits.
fn is_time(text: &[u8]) -> bool {
    let (clock, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let fraction_fits = fraction.is_none_or(|digits| {
        (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) && clock.len() == 8
    });
    let below = |tens: u8, ones: u8, limit: u8| pair(tens, ones).is_some_and(|number| number < limit);
    let clock_fits = match *clock {
        [h1, h2, b':', m1, m2] => below(h1, h2, 24) && below(m1, m2, 60),
        [h1, h2, b':', m1, m2, b':', s1, s2] => below(h1, h2, 24) && below(m1, m2, 60) && below(s1, s2, 60),
        _ => false,
    };
    fraction_fits && clock_fits
}

/// Nothing, Z, or a sign and HH, HHMM or HH:MM.
fn is_offset(text: &[u8]) -> bool {
    match *text {
        [] | [b'Z'] => true,
        [b'+' | b'-', h1, h2] => pair(h1, h2).is_some(),
        [b'+' | b'-', h1, h2, m1, m2] | [b'+' | b'-', h1, h2, b':', m1, m2] => {
            pair(h1, h2).is_some() && pair(m1, m2).is_some()
        }
        _ => false,
    }
}

fn pair(tens: u8, ones: u8) -> Option<u8> {
    let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
    digits.then(|| (tens - b'0') * 10 + (ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for text in ["0", "-5", "+7", " 12 ", "12.0", "9223372036854775807", "007"] {
            assert_eq!(examine(Kind::Integer, text.as_bytes()), Ok(Form::Plain), "{text}");
        }
        for text in
            ["1.5", "1e3", "0x10", "1_000", "19x4", "9223372036854775808", "1.", ".0", "-", " ", "NULLS"]
        {
            assert_eq!(examine(Kind::Integer, text.as_bytes()), Err(Fault::NotWhole), "{text}");
        }
    }

    #[test]
    fn numbers() {
        for text in ["1", "-1.5", ".5", "5.", "1e-3", "+2", " 3 "] {
            assert_eq!(examine(Kind::Float, text.as_bytes()), Ok(Form::Plain), "{text}");
        }
        for text in ["nan", "inf", "1e400", "0x1", "1_0", "e", "", "--1"] {
            assert_eq!(examine(Kind::Float, text.as_bytes()), Err(Fault::NotNumber), "{text}");
        }
        for text in ["1,5", " -0,25", "1,000", "1,000,000.5"] {
            assert_eq!(examine(Kind::Float, text.as_bytes()), Err(Fault::CommaInNumber), "{text}");
        }
    }

    #[test]
    fn dates() {
        let of = |text: &str| examine(Kind::Date, text.as_bytes());
        assert_eq!(of("2016-02-29"), Ok(Form::Plain));
        assert_eq!(of("20160826"), Ok(Form::Compact));
        assert_eq!(of(" 20160826"), Ok(Form::Other));
        assert_eq!(of("2016-08-26 00:00:00"), Ok(Form::Plain));
        assert_eq!(of("2016-08-26T00:00:00.000Z"), Ok(Form::Other));
        assert_eq!(of("2016-08-26 10:00:00"), Err(Fault::NotMidnight));
        let bad = [
            "2015-02-29",
            "0000-01-01",
            "2016-13-01",
            "26/08/2016",
            "infinity",
            "epoch",
            "2016-8-6",
            "20161301",
        ];
        for text in bad {
            assert_eq!(of(text), Err(Fault::NotDate), "{text}");
        }
    }

    #[test]
    fn dates_with_time() {
        let of = |text: &str| examine(Kind::DateTime, text.as_bytes());
        for text in ["2016-08-26", "2016-08-26 10:00", "2016-08-26T10:00:00", "2016-08-26 10:00:00.123456"] {
            assert_eq!(of(text), Ok(Form::Plain), "{text}");
        }
        assert_eq!(of("20160826"), Ok(Form::Other));
        for text in ["2016-08-26T10:00:00Z", "2016-08-26 10:00:00+01", "2016-08-26 10:00:00.5+01:00"] {
            assert_eq!(of(text), Ok(Form::Offset), "{text}");
        }
        for text in
            ["2016-08-26 24:00:00", "2016-08-26 10:60", "2016-08-26 10:00:00 UTC", "2016-08-26T", "10:00"]
        {
            assert_eq!(of(text), Err(Fault::NotDateTime), "{text}");
        }
    }

    #[test]
    fn words_for_no_value_are_named_as_such() {
        for kind in [Kind::Integer, Kind::Float, Kind::Date, Kind::DateTime] {
            for text in ["NULL", " null ", "\\N", "NA"] {
                assert_eq!(examine(kind, text.as_bytes()), Err(Fault::NullWord), "{kind:?} {text}");
            }
        }
        assert_eq!(examine(Kind::Text(None), b"NULL"), Ok(Form::Plain));
    }

    #[test]
    fn what_is_common_is_plain() {
        let texts = [
            "1",
            "",
            "-1",
            "1.0",
            "999999999999999999",
            "9999999999999999999",
            "2016-08-26",
            "2016-02-30",
            "20160826",
            "2016-08-26 00:00:00",
            "2016-08-26 10:11:12",
            "2016-08-26 10:11:12Z",
            "2016-08-26 25:00:00",
            " 1",
            "x",
            "2016-08-26 ",
            "2016-08-26x",
        ];
        for kind in [Kind::Integer, Kind::Float, Kind::Date, Kind::DateTime] {
            for text in texts.map(str::as_bytes) {
                let common = is_common(kind, text);
                assert!(!common || examine(kind, text) == Ok(Form::Plain), "{kind:?} {text:?}");
                if common && kind == Kind::Integer {
                    assert_eq!(Some(digits(text)), whole(text));
                }
            }
        }
        assert!(is_common(Kind::Integer, b"12") && is_common(Kind::DateTime, b"2016-08-26 10:11:12"));
    }

    #[test]
    fn other_forms_become_plain() {
        assert_eq!(canonical(Kind::Date, b"2016-08-26 00:00:00"), b"2016-08-26");
        assert_eq!(canonical(Kind::Date, b"20160826"), b"2016-08-26");
        assert_eq!(canonical(Kind::DateTime, b"20160826"), b"2016-08-26 00:00:00");
        assert_eq!(canonical(Kind::DateTime, b"2016-08-26T10:00:00+01:00"), b"2016-08-26 10:00:00");
        assert_eq!(canonical(Kind::Integer, b" 0012.0 "), b"12");
        assert_eq!(canonical(Kind::Text(None), b" a "), b" a ");
    }
}
