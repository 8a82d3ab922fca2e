//! Lines of Python that somebody should look at, and what to write instead. Not a verdict: source is made to be run, and
//! can hide anything.

mod code;

use std::collections::BTreeMap;

use crate::bounds;
use code::{Piece, Reading};

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
const ENCODED: &str = "says that it is read in other letters: Python runs what is not seen here; use UTF-8";
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

/// What stands in a statement, and why to look. What begins with a letter is a name of its own there: `eval(` is not in
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

/// The first lines, in which Python looks for a file's letters.
const LINES_OF_ENCODING: usize = 2;
/// How far behind `getattr(` its second argument is looked for.
const ARGUMENT_CHARACTERS: usize = 200;

/// At most [`bounds::SCAN_NOTES`] of them, in order.
pub fn notes(text: &str) -> Vec<Note> {
    let text = code::with_ends(text);
    let mut noted = BTreeMap::new();
    for (at, line) in text.split('\n').take(LINES_OF_ENCODING).enumerate() {
        if is_encoded_otherwise(line) {
            noted.insert(at + 1, ENCODED);
        }
    }
    for reading in [Reading::FirstQuote, Reading::AfterExpressions] {
        let mut read = BTreeMap::new();
        for piece in code::statements(&text, reading) {
            note(&piece, &mut read);
            if read.len() >= bounds::SCAN_NOTES {
                break;
            }
        }
        for (line, why) in read {
            noted.entry(line).or_insert(why);
        }
    }
    noted.into_iter().map(|(line, why)| Note { line, why }).take(bounds::SCAN_NOTES).collect()
}

/// Notes the lines of a piece, each with the first reason.
fn note(piece: &Piece, noted: &mut BTreeMap<usize, &'static str>) {
    let code = piece.code.as_str();
    let mut look = |at, why| {
        noted.entry(piece.line(at)).or_insert(why);
    };
    for (at, why) in statements(code).filter_map(|(at, statement)| Some((at, imported(statement)?))) {
        look(at, why);
    }
    for (part, why) in PARTS {
        places(code, part).for_each(|at| look(at, why));
    }
    let unless = |statement: &str| !statement.contains("weights_only=True");
    places_where(code, "torch.load(", unless).for_each(|at| look(at, LOADS));
    let shows = |statement: &str| ROWS.iter().any(|rows| statement.contains(rows));
    places_where(code, "print(", shows).for_each(|at| look(at, ROWS_PRINTED));
    places(code, "getattr(").filter(|at| is_made_up(&code[*at..])).for_each(|at| look(at, HIDES));
}

/// The statements of a piece, and where each begins.
fn statements(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    code.split_inclusive('\n').map(move |statement| {
        let at = next;
        next += statement.len();
        (at, statement)
    })
}

/// Where a part stands in those statements that are so.
fn places_where<'a>(
    code: &'a str,
    part: &'a str,
    are_so: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = usize> + 'a {
    let found = statements(code).filter(move |(_, statement)| statement.contains(part) && are_so(statement));
    found.flat_map(move |(from, statement)| places(statement, part).map(move |at| from + at))
}

/// Whether what `getattr(` gets at is worked out: with a name that is written out it is as readable as a dot.
fn is_made_up(call: &str) -> bool {
    // Near by: a statement of a million of them would be read a million times.
    let near: String = call.chars().take(ARGUMENT_CHARACTERS).take_while(|c| *c != '\n').collect();
    !near.split(',').nth(1).unwrap_or_default().starts_with('"')
}

/// Why to look at an import; none of those that begin with a dot, which are of the model's own files.
fn imported(statement: &str) -> Option<&'static str> {
    let mut words = statement.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    let modules: Vec<&str> = match words.next()? {
        "from" => words.find(|word| !word.is_empty()).into_iter().collect(),
        // What comes after `as` is a name of their own.
        "import" => {
            let rest = statement.strip_prefix("import")?.trim_end();
            rest.split(',').filter_map(|one| one.split_whitespace().next()).collect()
        }
        _ => return None,
    };
    let tops: Vec<&str> = modules.iter().filter_map(|module| module.split('.').next()).collect();
    let listed = IMPORTS.iter().find(|(names, _)| tops.iter().any(|top| names.contains(top)));
    listed.map(|(_, why)| *why)
}

/// Where a part stands, but as the end of a longer name.
fn places<'a>(code: &'a str, part: &'a str) -> impl Iterator<Item = usize> + 'a {
    let begins_a_name = part.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    code.match_indices(part).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back();
        !begins_a_name || !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
    })
}

/// Whether a line says that the file is to be read in letters other than UTF-8. (PEP 263.)
fn is_encoded_otherwise(line: &str) -> bool {
    let Some(comment) = line.trim_start().strip_prefix('#') else { return false };
    let named = comment.find("coding=").or_else(|| comment.find("coding:")).map(|at| &comment[at + 7..]);
    named.is_some_and(|name| {
        let name =
            name.trim_start().split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).next();
        let name = name.unwrap_or_default().to_ascii_lowercase().replace('_', "-");
        !["", "ascii", "us-ascii", "utf-8", "utf8", "utf-8-sig"].contains(&name.as_str())
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
    fn code_is_pointed_at_however_it_is_laid_out_or_quoted() {
        for (text, looked_at) in HIDDEN {
            assert_eq!(lines(text), *looked_at, "{text}");
        }
    }

    /// Python that hides its code from who reads it line by line and quote by quote. The last are of 3.12 and later.
    const HIDDEN: &[(&str, &[usize])] = &[
        ("x = 'a\\\nb'; exec(y)\n", &[2]),
        ("x = 'a\\\n'; exec(y)  # '\n", &[2]),
        ("x = ('a' 'b'\n     'c'); exec(y)\n", &[2]),
        ("x = r'\\\\'; exec(y)  # '\n", &[1]),
        ("import \\\n  socket\n", &[1]),
        ("import numpy, \\\n  socket\n", &[1]),
        ("from os \\\n  import path\n", &[1]),
        ("if x: import socket\n", &[1]),
        ("x = 1\nexec \\\n  (y)\n", &[2]),
        ("x = (eval\n  (y))\n", &[1]),
        ("x = [\n  0,\n  eval(y),\n]\n", &[3]),
        ("os . system (x)\n", &[1]),
        ("numpy.load(x,\n  allow_pickle = True)\n", &[2]),
        ("torch.load(x,\n  weights_only=True)\n", &[]),
        ("print(\n  frame.head())\n", &[1]),
        ("getattr(x,\n  'a' 'b')\n", &[]),
        ("# one\rexec(y)\r# '''\r", &[2]),
        ("x = '''\r'''\r\nexec(y)\n", &[3]),
        ("x = f'''{\nexec(y)\n}'''\n", &[2]),
        ("x = f'{y:{exec(z)}}'\n", &[1]),
        ("x = f'{{exec(y)}}'\n", &[]),
        ("# vim: set fileencoding=utf-7 :\nx = 1\n", &[1]),
        ("# -*- coding: utf-8 -*-\nx = 1\n", &[]),
        ("x = f'{'\"'}'; exec(y)  # \"\n", &[1]),
        ("x = f'{y['\"']}'; exec(z)  # \"\n", &[1]),
        ("x = f'{f'{f'{exec(y)}'}'}'\n", &[1]),
        ("x = f'{\n  exec(y)\n}'\n", &[2]),
        ("x = f'{y  # '''\n}'; exec(z)\n", &[2]),
    ];

    /// How many of [`HIDDEN`] are no Python before 3.12.
    const LATER: usize = 5;

    /// What a Python program says about what it is given.
    fn python(program: &str, given: &impl serde::Serialize) -> String {
        let cache = std::env::var("FLIP_CACHE").expect("FLIP_CACHE is set by make; its venv has Python");
        let input = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(input.path(), serde_json::to_vec(given).unwrap()).unwrap();
        let python = std::process::Command::new(std::path::Path::new(&cache).join("venv/bin/python"))
            .args(["-c", program])
            .stdin(std::fs::File::open(input.path()).unwrap())
            .output()
            .unwrap();
        assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
        String::from_utf8(python.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn what_hides_is_python() {
        const CHECK: &str = "import json, sys
texts, later = json.load(sys.stdin)
known = len(texts) if sys.version_info >= (3, 12) else len(texts) - later
for text in texts[:known]: compile(text.encode(), 'text', 'exec')
print(known)";
        let texts: Vec<&str> = HIDDEN.iter().map(|(text, _)| *text).collect();
        let known: usize = python(CHECK, &(texts, LATER)).parse().unwrap();
        assert!(known >= HIDDEN.len() - LATER);
    }

    /// Names in letters that Python reads as others, and what it takes them for.
    const LOOK_ALIKES: &[(&str, &str)] = &[
        ("𝓮val(y)", "eval"),
        ("𝑒𝓍𝖾𝕔(y)", "exec"),
        ("ｅｘｅｃ(y)", "exec"),
        ("_＿ᵢmport_﹏(y)", "__import__"),
        ("os.ˢystem(y)", "system"),
        ("import ſocket", "socket"),
        ("import ﬀi.x, ᶜtypes", "ctypes"),
        ("from ºs import y", "os"),
        ("numpy.load(y, allow︳pickle=True)", "allow_pickle"),
    ];

    #[test]
    fn names_in_look_alike_letters_are_read_as_python_reads_them() {
        const NAMES: &str = "import json, sys
for text, name in json.load(sys.stdin):
    code = compile(text, 'text', 'exec')
    known = [*code.co_names, *(name for part in code.co_consts if isinstance(part, tuple) for name in part)]
    assert name in known, (text, known)";
        python(NAMES, &LOOK_ALIKES);
        for (text, name) in LOOK_ALIKES {
            assert!(!text.contains(name), "{text} hides nothing");
            assert_eq!(lines(text), [1], "{text}");
        }
        // Letters of other alphabets that look the same are other letters to Python too.
        assert_eq!(lines("еval(y)"), [0_usize; 0]);
    }

    #[test]
    fn each_reason_says_what_it_is_and_what_to_do() {
        let all = IMPORTS.iter().map(|(_, why)| *why).chain(PARTS.iter().map(|(_, why)| *why));
        for why in all.chain([ENCODED, LOADS, ROWS_PRINTED]) {
            assert!(why.contains(": ") || why.contains(", unless "), "{why}");
            assert!(why.len() <= 120, "{why}");
        }
    }
}
