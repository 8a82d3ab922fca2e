//! What people may type where others will read it: names and longer texts.
//!
//! What must stay true: no text shows other than it is. Characters that nobody sees, or that turn the direction of
//! what stands beside them, let one name look like another.

use flip_protocol::bounds as wire;

use crate::bounds;

/// Checks a name: what is wrong with it, if anything.
pub fn name(text: &str) -> Result<&str, &'static str> {
    let name = text.trim();
    if name.is_empty() {
        return Err("the name is empty");
    }
    if name.chars().count() > wire::NAME_CHARACTERS {
        return Err("the name is longer than 120 characters");
    }
    if name.chars().any(char::is_control) {
        return Err("the name has control characters in it");
    }
    if name.contains(char::REPLACEMENT_CHARACTER) {
        return Err("the name has characters in it that could not be read; type it again");
    }
    if name.chars().any(unseen) {
        return Err("the name has characters in it that nobody sees, or that turn the direction of the text");
    }
    Ok(name)
}

/// A name that came with a file, as far as it can be shown: within bounds, without characters that would show it other
/// than it is. `None` where nothing is left.
pub fn name_from_elsewhere(text: &str) -> Option<String> {
    let shown = text.chars().filter(|&c| !c.is_control() && !unseen(c)).take(wire::NAME_CHARACTERS);
    let shown: String = shown.collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

/// Checks a text of lines: what is wrong with it, if anything. Line ends of any system become `\n`.
pub fn lines(text: &str) -> Result<String, &'static str> {
    let text = text.trim().replace("\r\n", "\n").replace('\r', "\n");
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("has control characters in it");
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err("has characters in it that could not be read; type it again");
    }
    if text.chars().any(unseen) {
        return Err("has characters in it that nobody sees, or that turn the direction of the text");
    }
    Ok(text)
}

/// The name of the project of a person's own questions. A name like any other: short enough, whoever's it is.
pub fn own_project(person: &str) -> String {
    let whole = format!("{person}{}", bounds::OWN_PROJECT);
    if whole.chars().count() <= wire::NAME_CHARACTERS {
        return whole;
    }
    let room = wire::NAME_CHARACTERS - bounds::OWN_PROJECT.chars().count() - 1;
    format!("{}…{}", person.chars().take(room).collect::<String>(), bounds::OWN_PROJECT)
}

/// Unicode's format characters (general category Cf) of zero width or direction, its separators of lines and
/// paragraphs, and letters that are blank.
fn unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_shows_as_it_is() {
        for fine in ["Zoë O’Neill-Śmith", "王小明", "محمد", "St Elsewhere (North)", "👩 Lungs"] {
            assert_eq!(name(&format!("  {fine} ")), Ok(fine));
        }
        for hidden in
            ["ad\u{200b}min", "\u{202e}nimda", "ad\u{ad}min", "\u{2066}a\u{2069}", "\u{3164}", "a\u{e0041}"]
        {
            assert!(name(hidden).is_err_and(|why| why.contains("nobody sees")), "{hidden:?}");
        }
        // What a form's bytes that are no UTF-8 are read as.
        assert!(name("\u{fffd}\u{fffd}").is_err_and(|why| why.contains("could not be read")));
        assert!(lines("a \u{fffd}").is_err_and(|why| why.contains("could not be read")));
        assert!(name("a\u{1b}[2Jb").is_err_and(|why| why.contains("control")));
        assert!(name(" \t ").is_err_and(|why| why.contains("empty")));
        assert!(name(&"é".repeat(120)).is_ok() && name(&"é".repeat(121)).is_err());
    }

    #[test]
    fn a_name_from_elsewhere_is_shown_as_far_as_it_can_be() {
        let shown = |text: &str| name_from_elsewhere(text);
        assert_eq!(shown("north gate.flip").as_deref(), Some("north gate.flip"));
        assert_eq!(shown(" a\u{1b}[2J\n\u{202e}b ").as_deref(), Some("a[2Jb"));
        assert_eq!(shown(" \u{0}\u{3164} "), None);
        assert_eq!(shown(&"é".repeat(121)), Some("é".repeat(120)));
    }

    #[test]
    fn lines_may_break_and_nothing_more() {
        assert_eq!(lines(" one\r\ntwo\rthree\n").as_deref(), Ok("one\ntwo\nthree"));
        assert!(lines("a\u{0}b").is_err() && lines("a\u{202e}b").is_err());
    }

    #[test]
    fn an_own_projects_name_is_one_that_may_be_typed() {
        assert_eq!(own_project("ada"), "ada: own questions");
        for length in [104, 105, 106, 120] {
            let made = own_project(&"é".repeat(length));
            assert!(name(&made).is_ok() && made.ends_with(": own questions"), "{length}: {made}");
        }
    }
}
