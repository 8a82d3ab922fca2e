//! Configuration files as both programs read them: TOML of which every setting is taken once, by its name.
//!
//! What must stay true: everything that is wrong with a file is told at once, each with its line; what nobody takes is
//! refused by name. Deliberately absent: what a setting means, and what it is where the file says nothing.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, Deserializer};
use toml::{Table, Value};

/// The text of a file of settings; none where there is no file.
///
/// # Errors
/// When it cannot be read, or is not UTF-8: that with the line in which it is not.
pub fn text(file: &Path) -> io::Result<Option<String>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = sound.split(|byte| *byte == b'\n').count();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("line {line} is not UTF-8; save the file as UTF-8"),
        )
    })
}

/// The settings of a file that were not taken yet, and what was wrong with those that were. A setting within a part,
/// such as `memory_mb` under `[engine]`, goes by `engine.memory_mb`.
#[derive(Debug)]
pub struct Lines {
    file: PathBuf,
    left: Table,
    /// Where each setting and part stands, from 1.
    places: BTreeMap<String, usize>,
    known: Vec<String>,
    problems: Vec<Problem>,
    /// Lines that are no TOML. What could not be read there is not missed elsewhere.
    unread: Vec<usize>,
}

/// Everything that is wrong with a file; its text has one line for each.
#[derive(Debug, thiserror::Error)]
#[error("{}", told(file, problems))]
pub struct Wrong {
    file: PathBuf,
    problems: Vec<Problem>,
}

#[derive(Debug)]
struct Problem {
    /// None where it is about what is not in the file.
    line: Option<usize>,
    text: String,
}

fn told(file: &Path, problems: &[Problem]) -> String {
    let told = problems.iter().map(|Problem { line, text }| match line {
        Some(line) => format!("{} line {line}: {text}", file.display()),
        None => format!("{}: {text}", file.display()),
    });
    told.collect::<Vec<_>>().join("\n")
}

impl Lines {
    /// Of a file's text. What is no TOML in it is a problem like others, and the rest is read all the same.
    pub fn of(file: &Path, text: &str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let line_of = |byte: usize| text[..byte.min(text.len())].matches('\n').count() + 1;
        let mut places = BTreeMap::new();
        note_places(table.get_ref(), "", &line_of, &mut places);
        let problems = errors.iter().map(|error| Problem {
            line: Some(error.span().map_or(1, |span| line_of(span.start))),
            text: format!("this is not TOML: {}", error.message()),
        });
        let mut problems: Vec<Problem> = problems.collect();
        // A number that is too large is found only here, and nothing of the file is had then.
        let left = Table::deserialize(Deserializer::from(table)).unwrap_or_else(|error| {
            let line = Some(error.span().map_or(1, |span| line_of(span.start)));
            let text =
                format!("this cannot be read: {}; nothing else in the file was looked at", error.message());
            problems.push(Problem { line, text });
            places.clear();
            Table::new()
        });
        let unread = problems.iter().filter_map(|problem| problem.line).collect();
        Self { file: file.to_owned(), left, places, known: Vec::new(), problems, unread }
    }

    /// True where the file has this setting or part and it was not taken.
    pub fn has(&self, name: &str) -> bool {
        let (part, name) = name.split_once('.').map_or((None, name), |(part, name)| (Some(part), name));
        let table = match part {
            Some(part) => self.left.get(part).and_then(Value::as_table),
            None => Some(&self.left),
        };
        table.is_some_and(|table| table.contains_key(name))
    }

    /// Takes a setting.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.known.push(name.to_owned());
        self.take_untold(name)
    }

    /// Takes a setting by a name that is not among those that are told where an unknown one is refused.
    pub fn take_untold(&mut self, name: &str) -> Option<Value> {
        match name.split_once('.') {
            Some((part, name)) => self.left.get_mut(part)?.as_table_mut()?.remove(name),
            None => self.left.remove(name),
        }
    }

    /// Takes a whole part, such as `[mail]`, whose settings are told apart elsewhere; the error is what is wrong with
    /// them.
    pub fn part<T: DeserializeOwned>(&mut self, name: &str) -> Option<Result<T, Vec<String>>> {
        self.known.push(format!("[{name}]"));
        let part = self.left.remove(name)?;
        // Its text names the setting in a line of its own.
        let said = |error: toml::de::Error| vec![error.to_string().trim().replace('\n', " ")];
        Some(part.try_into().map_err(said))
    }

    /// Takes a text in quotes.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.typed(name, "a text in quotes", |value| value.as_str().map(str::to_owned))
    }

    /// Takes a yes or no.
    pub fn yes(&mut self, name: &str) -> Option<bool> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// Takes a whole number within a range; `by_itself` where there is none.
    pub fn whole(&mut self, name: &str, by_itself: u64, range: RangeInclusive<u64>) -> u64 {
        let expected = format!("{} to {}", range.start(), range.end());
        let of = |value: &Value| {
            let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
            number.filter(|number| range.contains(number))
        };
        self.typed(name, &expected, of).unwrap_or(by_itself)
    }

    /// Takes a setting of one kind; a problem where it is of another.
    fn typed<T>(&mut self, name: &str, expected: &str, of: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.take(name)?;
        let found = of(&value);
        if found.is_none() {
            self.unexpected(name, &value, expected);
        }
        found
    }

    /// A setting whose value is of another kind than expected, or beyond what is.
    pub fn unexpected(&mut self, name: &str, value: &Value, expected: &str) {
        let quotes = if value.is_str() { ", without quotes" } else { "" };
        self.wrong(name, value, &format!("expected {expected}{quotes}"));
    }

    /// A setting whose value is not right.
    pub fn wrong(&mut self, name: &str, value: &dyn Display, why: &str) {
        self.problem(name, format!("{name} = {value} is not right: {why}"));
    }

    /// Any other problem with a setting or part; without a line where the file does not have it.
    pub fn problem(&mut self, name: &str, text: impl Into<String>) {
        let line = self.places.get(name).copied();
        if line.map_or(self.unread.is_empty(), |line| !self.unread.contains(&line)) {
            self.problems.push(Problem { line, text: text.into() });
        }
    }

    /// A problem with what is in a part that was taken whole: on the line of the setting that the text begins with, else on
    /// that of the part.
    pub fn problem_in(&mut self, part: &str, text: &str) {
        let setting = format!("{part}.{}", text.split([' ', ':']).next().unwrap_or_default());
        let name = if self.places.contains_key(&setting) { &setting } else { part };
        self.problem(name, format!("[{part}]: {text}"));
    }

    /// True while nothing was wrong.
    pub fn are_right(&self) -> bool {
        self.problems.is_empty()
    }

    /// Refuses what nobody took.
    ///
    /// # Errors
    /// With everything that is wrong with the file, by line.
    pub fn end(mut self) -> Result<(), Wrong> {
        let top = self.at_the_top();
        for (name, value) in std::mem::take(&mut self.left) {
            let within = format!("{name}.");
            let of_part: Vec<&str> =
                self.known.iter().filter_map(|known| known.strip_prefix(&within)).collect();
            let there = of_part.join(", ");
            if there.is_empty() {
                self.unknown(&name, &top);
            } else if let Some(rest) = value.as_table() {
                for name in rest.keys() {
                    self.unknown(&format!("{within}{name}"), &there);
                }
            } else {
                self.wrong(&name, &value, &format!("expected a part, [{name}]"));
            }
        }
        let Self { file, mut problems, .. } = self;
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        if problems.is_empty() { Ok(()) } else { Err(Wrong { file, problems }) }
    }

    fn unknown(&mut self, name: &str, there: &str) {
        self.problem(name, format!("unknown field `{name}`; there are {there}"));
    }

    /// What may stand outside of every part, and the parts.
    fn at_the_top(&self) -> String {
        let mut told: Vec<String> = Vec::new();
        for known in &self.known {
            let name = known.split_once('.').map_or_else(|| known.clone(), |(part, _)| format!("[{part}]"));
            if !told.contains(&name) {
                told.push(name);
            }
        }
        told.join(", ")
    }
}

fn note_places(
    table: &DeTable<'_>,
    above: &str,
    line_of: &impl Fn(usize) -> usize,
    places: &mut BTreeMap<String, usize>,
) {
    for (key, value) in table {
        let name = format!("{above}{}", key.get_ref());
        if let Some(inner) = value.get_ref().as_table() {
            note_places(inner, &format!("{name}."), line_of, places);
        }
        places.insert(name, line_of(key.span().start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a text of which these settings are taken: a text, a number up to 9, and a part of both.
    fn wrong(text: &str) -> Vec<String> {
        let mut lines = Lines::of(Path::new("a.toml"), text);
        lines.text("name");
        lines.whole("number", 1, 1..=9);
        lines.text("part.name");
        lines.whole("part.number", 1, 1..=9);
        lines.part::<Table>("free");
        if lines.text("needed").is_none() {
            lines.problem("needed", "needed is missing");
        }
        let told = lines.end().err().map(|error| error.to_string()).unwrap_or_default();
        told.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_number_that_is_too_large_loses_no_setting_silently() {
        for number in ["9223372036854775808", "99999999999999999999999999", "1e999"] {
            let told = wrong(&format!("needed = \"x\"\nname = \"x\"\nnumber = {number}\n"));
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with("a.toml line 3: this cannot be read: "), "{told:?}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_by_line() {
        let text =
            "# Ours.\nnumber = 10\nnmae = \"x\"\n\n[part]\nname = 3\nnumer = 2\n[prat]\nname = \"x\"\n";
        assert_eq!(
            wrong(text),
            [
                "a.toml line 2: number = 10 is not right: expected 1 to 9",
                "a.toml line 3: unknown field `nmae`; there are name, number, [part], [free], needed",
                "a.toml line 6: part.name = 3 is not right: expected a text in quotes",
                "a.toml line 7: unknown field `part.numer`; there are name, number",
                "a.toml line 8: unknown field `prat`; there are name, number, [part], [free], needed",
                "a.toml: needed is missing",
            ]
        );
        assert_eq!(
            wrong("part = 5\nneeded = \"x\""),
            ["a.toml line 1: part = 5 is not right: expected a part, [part]"]
        );
        assert_eq!(
            wrong("needed = \"x\"\nnumber = \"5\""),
            ["a.toml line 2: number = \"5\" is not right: expected 1 to 9, without quotes"]
        );
        assert!(wrong("needed = \"x\"\npart.number = 9\n[free]\nanything = 1").is_empty());
    }

    #[test]
    fn what_is_no_toml_is_told_beside_what_else_is_wrong_and_hides_nothing() {
        let told = wrong("number = 10\nname = \"open\nnmae = 1\n[part]\nname = 3\nnumber = \n[free\n");
        let lines: Vec<&str> = told.iter().map(|told| told.split(':').next().unwrap()).collect();
        assert_eq!(lines, [1, 2, 3, 5, 6, 7].map(|line| format!("a.toml line {line}")), "{told:#?}");
        let told = wrong("number = 1\nnumber = 2\n");
        assert!(
            told.len() == 1 && told[0].starts_with("a.toml line 2: this is not TOML: duplicate key"),
            "{told:?}"
        );
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        assert_eq!(text(&file).unwrap(), None);
        std::fs::write(&file, b"a = 1\n# caf\xe9\nb = 2\n").unwrap();
        assert_eq!(text(&file).unwrap_err().to_string(), "line 2 is not UTF-8; save the file as UTF-8");
        std::fs::write(&file, "a = 1").unwrap();
        assert_eq!(text(&file).unwrap().as_deref(), Some("a = 1"));
    }
}
