//! Python's lines without comments and without what its texts say, so that words about code are not taken for code.
//!
//! Texts with `f` before them keep what they say: expressions stand in them. A text that does not end ends with its line,
//! and with the file where it has three quotes. (Python's language reference, section 2.)

/// The lines, as many as there are, each made when it is asked for.
pub fn lines(text: &str) -> impl Iterator<Item = String> {
    let mut open = None;
    text.lines().map(move |line| code_of(line, &mut open))
}

/// A text that goes on in the next line.
#[derive(Clone, Copy)]
struct Long {
    quote: char,
    raw: bool,
    kept: bool,
}

fn code_of(line: &str, open: &mut Option<Long>) -> String {
    let mut code = String::new();
    let mut rest = line;
    if let Some(long) = *open {
        let (said, after) = until_end(rest, long.quote, 3, long.raw);
        if long.kept {
            code.push_str(said);
        }
        let Some(after) = after else { return code };
        *open = None;
        code.push(long.quote);
        rest = after;
    }
    while let Some(at) = rest.find(['#', '"', '\'']) {
        let (before, from) = rest.split_at(at);
        code.push_str(before);
        let Some(quote) = from.chars().next().filter(|mark| *mark != '#') else { return code };
        let name = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        let prefix = if name.len() <= 2 { name.to_ascii_lowercase() } else { String::new() };
        let (raw, kept) = (prefix.contains('r'), prefix.contains('f'));
        let quotes = if from[1..].starts_with([quote]) && from[2..].starts_with([quote]) { 3 } else { 1 };
        let (said, after) = until_end(&from[quotes..], quote, quotes, raw);
        code.push(quote);
        if kept {
            code.push_str(said);
        }
        let Some(after) = after else {
            if quotes == 3 {
                *open = Some(Long { quote, raw, kept });
            }
            return code;
        };
        code.push(quote);
        rest = after;
    }
    code.push_str(rest);
    code
}

/// What a text says, and what stands behind its end, where it ends here.
fn until_end(rest: &str, quote: char, quotes: usize, raw: bool) -> (&str, Option<&str>) {
    let end = if quotes == 3 { [quote; 3].iter().collect() } else { quote.to_string() };
    let mut from = 0;
    while let Some(at) = rest[from..].find([quote, '\\']) {
        let at = from + at;
        if rest[at..].starts_with('\\') {
            // Also in a raw text a quote behind one does not end it.
            let escaped = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
            from = at + 1 + if raw && !rest[at + 1..].starts_with(quote) { 0 } else { escaped };
        } else if rest[at..].starts_with(&end) {
            return (&rest[..at], Some(&rest[at + end.len()..]));
        } else {
            from = at + quote.len_utf8();
        }
    }
    (rest, None)
}

#[cfg(test)]
mod tests {
    fn lines(text: &str) -> Vec<String> {
        super::lines(text).collect()
    }

    #[test]
    fn comments_and_texts_are_taken_out_and_code_stays() {
        for (line, code) in [
            ("a = 'x' + b", "a = '' + b"),
            ("a = \"it's # no comment\"  # one", "a = \"\"  "),
            ("a = 'it\\'s' + b", "a = '' + b"),
            ("a = r'\\' + b", "a = r'"),
            ("a = r'\\d' + b", "a = r'' + b"),
            ("a = f'{b}' + rf\"{c}\"", "a = f'{b}' + rf\"{c}\""),
            ("a = '' + b", "a = '' + b"),
            ("a = 'no end", "a = '"),
            ("é = 'ü' + ö", "é = '' + ö"),
            ("prof'x'", "prof''"),
        ] {
            assert_eq!(lines(line), [code], "{line}");
        }
        let long = "a = '''one\ntwo 'x' \"y\"\nthree''' + b\nc";
        assert_eq!(lines(long), ["a = '", "", "' + b", "c"]);
        assert_eq!(lines("\"\"\"no end\nimport os"), ["\"", ""]);
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        let marks = ["'", "\"", "\\", "#", "f", "r", "\n", "é", "'''", "\"\"\""];
        for at in 0..marks.len().pow(4) {
            let text: String = (0..4).map(|place| marks[at / marks.len().pow(place) % marks.len()]).collect();
            assert_eq!(lines(&text).len(), text.lines().count(), "{text:?}");
        }
    }
}
