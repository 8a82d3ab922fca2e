//! Patterns: PostgreSQL's regular expressions and SIMILAR TO in the engine's (RE2) words.
//!
//! What must stay true: a pattern that RE2 would read otherwise is not translated. Absent: lookaround and back
//! references, which RE2 has not; its matching time is linear, so a pattern cannot stall the engine.

/// The regular expression for RE2, or what stands in its way.
pub(crate) fn regular(pattern: &str) -> Result<String, &'static str> {
    if pattern.starts_with("***") || pattern.starts_with("(?") {
        return Err("options at the beginning of a pattern");
    }
    let mut written = String::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '(' if characters.peek() == Some(&'?') => {
                let mut ahead = characters.clone();
                ahead.next();
                if ahead.next() != Some(':') {
                    return Err("lookahead and lookbehind");
                }
                written.push('(');
            }
            '\\' => match characters.next() {
                None => return Err("a backslash at the end"),
                Some('y' | 'm' | 'M') => written.push_str("\\b"),
                Some('Y') => written.push_str("\\B"),
                Some('Z') => written.push_str("\\z"),
                Some('1'..='9') => return Err("back references"),
                Some(class @ ('d' | 'w' | 's' | 'D' | 'W' | 'S' | 'A' | 'n' | 't' | 'r')) => {
                    written.push('\\');
                    written.push(class);
                }
                Some(letter) if letter.is_alphanumeric() => return Err("this escape"),
                Some(other) => {
                    written.push('\\');
                    written.push(other);
                }
            },
            '[' if characters.peek() == Some(&'[') && pattern.contains("[[:<:]]") => {
                return Err("[[:<:]]; use \\m");
            }
            '[' if characters.peek() == Some(&'[') && pattern.contains("[[:>:]]") => {
                return Err("[[:>:]]; use \\M");
            }
            other => written.push(other),
        }
    }
    Ok(written)
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
        for refused in [r"(a)\1", "a(?=b)", "a(?!b)", "(?i)a", r"a\"] {
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
