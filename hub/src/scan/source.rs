//! Lines of Python that somebody should look at. Not a verdict: source is made to be run, and can hide anything.

use crate::bounds;

/// A line, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its number, from one.
    pub line: usize,
    /// What deserves a look.
    pub why: &'static str,
}

const IMPORTS: &[(&str, &str)] = &[
    ("ctypes", "calls the system's own libraries"),
    ("ftplib", "speaks to other machines"),
    ("http", "speaks to other machines"),
    ("importlib", "imports what is only known as it runs"),
    ("marshal", "loads code from data"),
    ("multiprocessing", "starts processes"),
    ("os", "reaches the system"),
    ("paramiko", "speaks to other machines"),
    ("pickle", "loads code from data"),
    ("requests", "speaks to other machines"),
    ("shutil", "copies and deletes files"),
    ("socket", "speaks to other machines"),
    ("subprocess", "starts processes"),
    ("urllib", "speaks to other machines"),
];

const CALLS: &[(&str, &str)] = &[
    ("__import__(", "imports what is only known as it runs"),
    ("compile(", "runs text as code"),
    ("eval(", "runs text as code"),
    ("exec(", "runs text as code"),
    ("getattr(", "takes what is only known as it runs"),
    ("open(", "opens files"),
    ("torch.load(", "loads code from data, unless weights_only is set"),
];

/// At most [`bounds::SCAN_NOTES`] of them, in order.
pub fn notes(text: &str) -> Vec<Note> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    lines
        .filter_map(|(at, line)| Some(Note { line: at + 1, why: why(line)? }))
        .take(bounds::SCAN_NOTES)
        .collect()
}

fn why(line: &str) -> Option<&'static str> {
    let mut words = line.trim().split(|c: char| !(c.is_alphanumeric() || c == '_'));
    if matches!(words.next(), Some("import" | "from")) {
        let imported = IMPORTS.iter().find(|(module, _)| words.clone().any(|word| word == *module));
        return imported.map(|(_, why)| *why);
    }
    let called = |call: &str| {
        line.match_indices(call).any(|(at, _)| {
            !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
        })
    };
    CALLS.iter().find(|(call, _)| called(call)).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_pointed_at_for_what_it_imports_or_calls_and_not_for_what_looks_alike() {
        let text =
            "import numpy\nfrom os import path\n# import socket\nmodel.eval()\nx = eval(y)\nreopen(z)\n";
        let lines: Vec<usize> = notes(text).iter().map(|note| note.line).collect();
        assert_eq!(lines, [2, 5]);
    }
}
