//! Date formats: PostgreSQL's templates (`to_char`, `to_date`) in strftime's letters, and the fields of a date.
//!
//! Source: PostgreSQL's table of template patterns (documentation, "Data Type Formatting Functions"). What must stay
//! true: a template that would print otherwise in the engine is not translated. Absent: numbers, and the templates
//! that pad with blanks.

/// The template in strftime's letters, or the first piece that has none.
pub(crate) fn strftime(template: &str) -> Result<String, String> {
    let mut written = String::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let Some((text, after)) = quoted.split_once('"') else { return Err(rest.to_owned()) };
            written.push_str(&text.replace('%', "%%"));
            rest = after;
        } else if first.is_ascii_alphabetic() {
            let known = TEMPLATES.iter().find(|(pattern, exact, _)| {
                rest.get(..pattern.len()).is_some_and(|start| {
                    if *exact { start == *pattern } else { start.eq_ignore_ascii_case(pattern) }
                })
            });
            let known = known.filter(|(_, _, letters)| *letters != PADDED);
            let Some((pattern, _, letters)) = known else {
                let end = rest.find(|each: char| !each.is_ascii_alphanumeric()).unwrap_or(rest.len());
                return Err(rest[..end].to_owned());
            };
            written.push_str(letters);
            rest = &rest[pattern.len()..];
        } else {
            if first == '%' {
                written.push('%');
            }
            written.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(written)
}

/// Stands where PostgreSQL pads with blanks.
const PADDED: &str = "";

/// Template, whether its case matters, and strftime's letters. Longer templates stand before their beginnings.
const TEMPLATES: &[(&str, bool, &str)] = &[
    ("FMMonth", true, "%B"),
    ("FMDay", true, "%A"),
    ("FMDD", false, "%-d"),
    ("FMMM", false, "%-m"),
    ("FMHH24", false, "%-H"),
    ("IYYY", false, "%G"),
    ("YYYY", false, "%Y"),
    ("YY", false, "%y"),
    ("Month", false, PADDED),
    ("Mon", true, "%b"),
    ("MM", false, "%m"),
    ("MI", false, "%M"),
    ("IW", false, "%V"),
    ("ID", false, "%u"),
    ("DDD", false, "%j"),
    ("DD", false, "%d"),
    ("Dy", true, "%a"),
    ("HH24", false, "%H"),
    ("HH12", false, "%I"),
    ("HH", false, "%I"),
    ("SS", false, "%S"),
    ("US", false, "%f"),
    ("AM", true, "%p"),
    ("PM", true, "%p"),
];

/// The fields that EXTRACT, date_part and date_trunc know.
pub(crate) const FIELDS: &[&str] = &[
    "century",
    "day",
    "decade",
    "dow",
    "doy",
    "epoch",
    "hour",
    "isodow",
    "isoyear",
    "millennium",
    "minute",
    "month",
    "quarter",
    "second",
    "week",
    "year",
];

/// Those of an interval.
pub(crate) const INTERVAL_FIELDS: &[&str] = &[
    "century",
    "day",
    "decade",
    "epoch",
    "hour",
    "millennium",
    "minute",
    "month",
    "quarter",
    "second",
    "year",
];

/// Those of a time of day.
pub(crate) const TIME_FIELDS: &[&str] = &["epoch", "hour", "minute", "second"];

/// The fields that date_trunc cuts to. Centuries begin with another year in the engine.
pub(crate) const UNITS: &[&str] =
    &["day", "decade", "hour", "minute", "month", "quarter", "second", "week", "year"];

#[cfg(test)]
mod tests {
    use super::strftime;

    #[test]
    fn the_usual_templates() {
        assert_eq!(strftime("YYYY-MM-DD HH24:MI:SS").unwrap(), "%Y-%m-%d %H:%M:%S");
        assert_eq!(strftime("yyyy\"w\"IW").unwrap(), "%Yw%V");
        assert_eq!(strftime("DD Mon YYYY 100%").unwrap(), "%d %b %Y 100%%");
    }

    #[test]
    fn what_pads_or_is_unknown_is_named() {
        assert_eq!(strftime("YYYY Month").unwrap_err(), "Month");
        assert_eq!(strftime("Q").unwrap_err(), "Q");
        assert_eq!(strftime("\"open").unwrap_err(), "\"open");
    }
}
