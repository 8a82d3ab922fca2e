//! Patterns: PostgreSQL's regular expressions and SIMILAR TO in the engine's (RE2) words.
//!
//! What must stay true: a pattern that RE2 would read otherwise is not translated. Absent: lookaround and back
//! references, which RE2 has not; its matching time is linear, so a pattern cannot stall the engine.

/// The regular expression for RE2, or what stands in its way.
pub(crate) fn regular(pattern: &str) -> Result<String, &'static str> {
    if pattern.starts_with("***") || (pattern.starts_with("(?") && !pattern.starts_with("(?:")) {
        return Err("options at the beginning of a pattern");
    }
    let mut written = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '(' if rest.starts_with('?') && !rest.starts_with("?:") => {
                return Err("lookahead and lookbehind");
            }
            '\\' => {
                let letter = rest.chars().next().ok_or("a backslash at the end")?;
                rest = &rest[letter.len_utf8()..];
                written.push_str(&escape(letter)?);
            }
            '[' => rest = set(rest, &mut written)?,
            other => written.push(other),
        }
    }
    Ok(written)
}

/// What a letter after a backslash means outside of a set. PostgreSQL's classes hold the letters of all alphabets.
fn escape(letter: char) -> Result<String, &'static str> {
    Ok(match letter {
        'y' | 'm' | 'M' => "\\b".to_owned(),
        'Y' => "\\B".to_owned(),
        'Z' => "\\z".to_owned(),
        '1'..='9' => return Err("back references"),
        'w' => format!("[{WORD}]"),
        'W' => format!("[^{WORD}]"),
        's' => "[[:space:]]".to_owned(),
        'S' => "[^[:space:]]".to_owned(),
        'd' | 'D' | 'A' | 'n' | 't' | 'r' => format!("\\{letter}"),
        letter if letter.is_alphanumeric() => return Err("this escape"),
        other => format!("\\{other}"),
    })
}

/// Letters, marks, digits and the underscore.
const WORD: &str = "\\pL\\pM\\pN_";

/// PostgreSQL's named classes as they stand in a set of RE2, whose own hold ASCII alone.
const CLASSES: &[(&str, &str)] = &[
    ("alnum", "\\pL\\pM\\pN"),
    ("alpha", "\\pL\\pM"),
    ("digit", "[:digit:]"),
    ("lower", "\\p{Ll}"),
    ("punct", "\\pP\\pS"),
    ("space", "[:space:]"),
    ("upper", "\\p{Lu}"),
    ("xdigit", "[:xdigit:]"),
];

/// Writes a set, after its opening bracket; gives what follows it.
fn set<'p>(pattern: &'p str, written: &mut String) -> Result<&'p str, &'static str> {
    written.push('[');
    let mut rest = pattern;
    if let Some(after) = rest.strip_prefix('^') {
        written.push('^');
        rest = after;
    }
    // A bracket that comes first is a member.
    if let Some(after) = rest.strip_prefix(']') {
        written.push_str("\\]");
        rest = after;
    }
    loop {
        let first = rest.chars().next().ok_or("a set without its end")?;
        rest = &rest[first.len_utf8()..];
        match first {
            ']' => {
                written.push(']');
                return Ok(rest);
            }
            '[' if rest.starts_with(':') => {
                let (name, after) = rest[1..].split_once(":]").ok_or("a set without its end")?;
                let (_, class) = CLASSES
                    .iter()
                    .find(|(known, _)| *known == name)
                    .ok_or("this class of characters; for bounds of words use \\m and \\M")?;
                written.push_str(class);
                rest = after;
            }
            '[' if rest.starts_with(['.', '=']) => return Err("collating elements"),
            '[' => written.push_str("\\["),
            '\\' => {
                let letter = rest.chars().next().ok_or("a backslash at the end")?;
                rest = &rest[letter.len_utf8()..];
                match letter {
                    'w' => written.push_str(WORD),
                    's' => written.push_str("[:space:]"),
                    'd' | 'n' | 't' | 'r' => written.extend(['\\', letter]),
                    letter if letter.is_alphanumeric() => return Err("this escape in a set"),
                    other => written.extend(['\\', other]),
                }
            }
            other => written.push(other),
        }
    }
}

/// The replacement text of regexp_replace, if its groups are the pattern's.
pub(crate) fn replacement(text: &str, pattern: &str) -> Option<String> {
    let groups = pattern.matches('(').count();
    let mut written = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        written.push(character);
        if character == '\\' {
            match characters.next()? {
                '&' => written.push('0'),
                '\\' => written.push('\\'),
                group => {
                    let number = group.to_digit(10)?;
                    (1..=groups).contains(&usize::try_from(number).ok()?).then_some(())?;
                    written.push(group);
                }
            }
        }
    }
    Some(written)
}

/// The pattern of SIMILAR TO as a regular expression that matches the whole text.
pub(crate) fn similar(pattern: &str) -> Option<String> {
    let mut written = String::from("(?s)");
    let mut characters = pattern.chars();
    let mut in_set = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let escaped = characters.next()?;
                if !escaped.is_alphanumeric() {
                    written.push('\\');
                }
                written.push(escaped);
            }
            '[' if !in_set => {
                in_set = true;
                written.push('[');
            }
            ']' if in_set => {
                in_set = false;
                written.push(']');
            }
            other if in_set => written.push(other),
            '%' => written.push_str(".*"),
            '_' => written.push('.'),
            '.' | '^' | '$' => {
                written.push('\\');
                written.push(character);
            }
            other => written.push(other),
        }
    }
    (!in_set).then_some(written)
}

#[cfg(test)]
mod tests {
    use super::{regular, replacement, similar};

    #[test]
    fn words_keep_their_bounds() {
        assert_eq!(regular(r"\mlung\M (?:a|b)\d+").unwrap(), r"\blung\b (?:a|b)\d+");
        assert_eq!(regular(r"[]a[:alpha:]\w-]\s").unwrap(), r"[\]a\pL\pM\pL\pM\pN_-][[:space:]]");
        for refused in [r"(a)\1", "a(?=b)", "a(?!b)", "(?i)a", r"a\", "[a", "[[:<:]]a", r"[\W]", "[[.a.]]"] {
            assert!(regular(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn replacements_name_groups_that_exist() {
        assert_eq!(replacement(r"<\1\&>", "(a)b").unwrap(), r"<\1\0>");
        assert_eq!(replacement(r"\2", "(a)b"), None);
        assert_eq!(replacement(r"a\", "(a)b"), None);
    }

    #[test]
    fn sql_wildcards_become_regular() {
        assert_eq!(similar("%(b|d)_.").unwrap(), r"(?s).*(b|d).\.");
        assert_eq!(similar("[a-c]%").unwrap(), "(?s)[a-c].*");
        assert_eq!(similar("[a"), None);
    }
}
