//! Lines of Python that somebody should look at, and what to write instead. Not a verdict: source is made to be run, and
//! can hide anything.

mod code;

use crate::bounds;

/// A line, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its number, from one.
    pub line: usize,
    /// What deserves a look, and what to write instead where there is something.
    pub why: &'static str,
}

const AWAY: &str = "speaks to other machines: nothing of a Trust's records may leave by it";
const CODE_FROM_DATA: &str =
    "loads code from data: safetensors and NumPy without allow_pickle hold data alone";
const FILES: &str = "reads or writes files: take records from FLIP's client, and leave none behind";
const HIDES: &str = "gets at what is only known as it runs, which nobody can read here: name it";
const PROGRAMS: &str = "starts programs: what they do cannot be read here; do it in Python";
const TEXT_AS_CODE: &str = "runs text as code, which nobody can read here: write the code out";
const UNREADABLE: &str = "holds what nobody can read here: bring data as a file of its own";
const FETCHES_CODE: &str = "fetches code of others and runs it: bring the code and the weights as files";

/// Modules, and why to look where one is imported.
const IMPORTS: &[(&[&str], &str)] = &[
    (
        &["ctypes", "cffi"],
        "calls the system's own libraries, where Python's rules end: use a package that does it",
    ),
    (
        &[
            "aiohttp",
            "ftplib",
            "grpc",
            "http",
            "httpx",
            "paramiko",
            "requests",
            "smtplib",
            "socket",
            "urllib",
            "urllib3",
            "websockets",
        ],
        AWAY,
    ),
    (&["cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"], CODE_FROM_DATA),
    (&["imp", "importlib", "runpy"], HIDES),
    (&["multiprocessing", "pty", "subprocess"], PROGRAMS),
    (
        &["os", "shutil", "sys"],
        "reaches the machine it runs on: files, settings, programs; say why in a comment",
    ),
    (&["pip"], FETCHES_CODE),
];

/// What stands in a line, and why to look. What begins with a letter is a name of its own there: `eval(` is not in
/// `model.eval()`.
const PARTS: &[(&str, &str)] = &[
    ("__import__(", HIDES),
    ("__builtins__", HIDES),
    (".__globals__", HIDES),
    (".__subclasses__", HIDES),
    ("allow_pickle=True", CODE_FROM_DATA),
    ("base64.", UNREADABLE),
    ("bytes.fromhex(", UNREADABLE),
    ("codecs.decode(", UNREADABLE),
    ("compile(", TEXT_AS_CODE),
    ("eval(", TEXT_AS_CODE),
    ("exec(", TEXT_AS_CODE),
    ("open(", FILES),
    ("os.popen(", PROGRAMS),
    ("os.system(", PROGRAMS),
    (".to_csv(", FILES),
    (".to_parquet(", FILES),
    (".to_pickle(", FILES),
    ("torch.hub.", FETCHES_CODE),
    ("trust_remote_code=True", FETCHES_CODE),
    ("yaml.load(", "can make any object of a text: yaml.safe_load makes data alone"),
];

const LOADS: &str = "loads code from data, unless weights_only=True is set";
const ROWS_PRINTED: &str =
    "prints rows: logs are read by people who may not see records; print counts or losses";
/// What shows rows of a frame.
const ROWS: &[&str] = &[".head(", ".iloc[", ".loc[", ".sample(", ".tail(", ".to_string("];

/// How far behind `getattr(` its second argument is looked for.
const ARGUMENT_CHARACTERS: usize = 200;

/// At most [`bounds::SCAN_NOTES`] of them, in order.
pub fn notes(text: &str) -> Vec<Note> {
    let lines = code::lines(text).enumerate();
    let noted = lines.filter_map(|(at, line)| Some(Note { line: at + 1, why: why(&line)? }));
    noted.take(bounds::SCAN_NOTES).collect()
}

/// Of a line without its comments and what its texts say.
fn why(line: &str) -> Option<&'static str> {
    if let Some(why) = line.split(';').find_map(imported) {
        return Some(why);
    }
    if let Some((_, why)) = PARTS.iter().find(|(part, _)| has(line, part)) {
        return Some(why);
    }
    if has(line, "torch.load(") && !line.contains("weights_only=True") {
        return Some(LOADS);
    }
    if has(line, "print(") && ROWS.iter().any(|rows| line.contains(rows)) {
        return Some(ROWS_PRINTED);
    }
    // With a name that is written out it is as readable as a dot.
    let made_up = line.match_indices("getattr(").any(|(at, _)| {
        // Near by: a line of a million of them would be read a million times.
        let near: String = line[at..].chars().take(ARGUMENT_CHARACTERS).collect();
        let second = near.split(',').nth(1).unwrap_or_default().trim_start();
        !second.starts_with(['"', '\''])
    });
    (made_up && has(line, "getattr(")).then_some(HIDES)
}

/// Why to look at an import; none of those that begin with a dot, which are of the model's own files.
fn imported(statement: &str) -> Option<&'static str> {
    let mut words = statement.trim().split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    let modules: Vec<&str> = match words.next()? {
        "from" => words.find(|word| !word.is_empty()).into_iter().collect(),
        // What comes after `as` is a name of their own.
        "import" => {
            let rest = statement.trim().strip_prefix("import")?;
            rest.split(',').filter_map(|one| one.split_whitespace().next()).collect()
        }
        _ => return None,
    };
    let tops: Vec<&str> = modules.iter().filter_map(|module| module.split('.').next()).collect();
    let listed = IMPORTS.iter().find(|(names, _)| tops.iter().any(|top| names.contains(top)));
    listed.map(|(_, why)| *why)
}

/// Whether a part stands in a line, not as the end of a longer name.
fn has(line: &str, part: &str) -> bool {
    let begins_a_name = part.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    line.match_indices(part).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !begins_a_name || !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        notes(text).iter().map(|note| note.line).collect()
    }

    #[test]
    fn a_line_is_pointed_at_for_what_it_imports_or_does_and_not_for_what_looks_alike() {
        let text =
            "import numpy\nfrom os import path\n# import socket\nmodel.eval()\nx = eval(y)\nreopen(z)\n";
        assert_eq!(lines(text), [2, 5]);
        for looked_at in [
            "import numpy as np, requests",
            "import os.path as p",
            "x = 1; import socket",
            "    from urllib.request import urlopen",
            "w = torch.load(path)",
            "a = numpy.load(path, allow_pickle=True)",
            "frame.to_csv(name)",
            "print(frame.head())",
            "f = getattr(module, name)",
            "t = f\"{eval(x)}\"",
            "().__class__.__base__.__subclasses__()",
        ] {
            assert_eq!(lines(looked_at), [1], "{looked_at}");
        }
        for not in [
            "import torch as os",
            "from .socket import connect",
            "w = torch.load(path, weights_only=True)",
            "rate = getattr(settings, \"rate\", 0.1)",
            "print(loss)",
            "words = \"import os; eval(x)\"",
            "'''\nimport socket\nexec(x)\n'''",
            "x = 1  # eval(x)",
            "optimizer = compiled(model)",
            "import osmium",
        ] {
            assert_eq!(lines(not), [0_usize; 0], "{not}");
        }
    }

    #[test]
    fn each_reason_says_what_it_is_and_what_to_do() {
        let all = IMPORTS.iter().map(|(_, why)| *why).chain(PARTS.iter().map(|(_, why)| *why));
        for why in all.chain([LOADS, ROWS_PRINTED]) {
            assert!(why.contains(": ") || why.contains(", unless "), "{why}");
            assert!(why.len() <= 120, "{why}");
        }
    }
}
