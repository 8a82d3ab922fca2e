//! The bars of the commands, on a terminal: how far a bundle is. What the commands say as JSON is free of them.

use std::ffi::OsStr;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::progress::{HUGE, huge_answer, huge_orders, huge_work};
use super::{stick, with, words};
use crate::stage::{Stage, TRUST};

/// Runs a command of which a person sees standard error on a terminal: what they see, and what it says as JSON.
fn seen(stage: &Stage, command: &Command) -> Result<(String, Value)> {
    let out = stage.folder().join("out.json");
    let quoted = |word: &OsStr| {
        let word = word.to_str().filter(|word| !word.contains('\''));
        Ok(format!("'{}'", word.context("a word that is hard to quote")?))
    };
    let all = [command.get_program()].into_iter().chain(command.get_args());
    let line = all.map(quoted).collect::<Result<Vec<_>>>()?.join(" ");
    let line = format!("stty cols 120; exec {line} --json >'{}'", out.display());
    let mut terminal = Command::new("script");
    terminal
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh");
    terminal.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = terminal.output().context("script(1), of Debian's bsdutils, cannot be started")?;
    ensure!(output.status.success(), "{line}: {}", words(&output));
    Ok((words(&output), serde_json::from_slice(&fs::read(out)?)?))
}

/// How much a bar showed, one time after the other, each before words such as ` of 24 messages`.
fn shown(terminal: &str, of: &str) -> Vec<String> {
    let mut before: Vec<&str> = terminal.split(of).collect();
    before.pop();
    let last = |text: &str| {
        text.rsplit(|letter: char| !letter.is_ascii_digit() && letter != '.').next().map(str::to_owned)
    };
    before.into_iter().filter_map(last).collect()
}

/// Bars of so many messages were seen on the way, and of bytes.
fn moved(terminal: &str, messages: usize) -> Result<()> {
    let counts: Vec<usize> = shown(terminal, &format!(" of {messages} messages"))
        .iter()
        .map(|count| Ok(count.parse()?))
        .collect::<Result<_>>()?;
    ensure!(
        counts.iter().any(|count| (1..messages).contains(count)),
        "{counts:?} of {messages}: {terminal:?}"
    );
    copied(terminal)
}

fn copied(terminal: &str) -> Result<()> {
    let bytes = shown(terminal, " MiB of 96.");
    ensure!(
        bytes.iter().any(|bytes| bytes.parse::<f64>().is_ok_and(|mib| mib < 96.0)),
        "{bytes:?}: {terminal:?}"
    );
    Ok(())
}

#[test]
fn commands_show_how_far_a_bundle_is_on_a_terminal_and_say_json_beside_it() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    // A bundle is taken in at the Trust: it is copied, and the appliance does the rest.
    let (work, _, _) = huge_work(&stage)?;
    let (terminal, said) = seen(&stage, &with(stage.trust.command(&["bundle", "import"])?, &work))?;
    copied(&terminal)?;
    ensure!(terminal.contains("the appliance takes it in, for "), "{terminal:?}");
    assert_eq!(said[0]["outcome"]["not_taken"], HUGE, "{said}");
    // And at the hub.
    let (answer, _) = huge_answer(&stage)?;
    let (terminal, said) = seen(&stage, &with(stage.hub.command(&["bundle", "import"])?, &answer))?;
    moved(&terminal, HUGE)?;
    assert_eq!(said[0]["results_not_taken"], HUGE, "{said}");
    // One that was made at the Trust is copied, and what came since is made.
    let left = stage.trust.data.join("sticks/leaving/flip-left.flip");
    fs::copy(&answer, left)?;
    let export = stage.trust.command(&["bundle", "export", "--out"])?;
    let (terminal, said) = seen(&stage, &with(export, &stick(&stage, "back")?))?;
    copied(&terminal)?;
    ensure!(terminal.contains("the appliance makes the bundle, for "), "{terminal:?}");
    assert_eq!(said["left"], 1, "{said}");
    // One is made at the hub, and then copied.
    huge_orders(&stage)?;
    let export = stage.hub.command(&["bundle", "export", "--trust", TRUST, "--out"])?;
    let (terminal, said) = seen(&stage, &with(export, &stick(&stage, "out")?))?;
    moved(&terminal, HUGE + 1)?;
    assert_eq!(said["bundles"][0]["bundle"]["messages"], HUGE + 2, "{said}");
    Ok(())
}
