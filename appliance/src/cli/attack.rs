//! `flip-appliance attack`: try the known attacks against this site's policy, on made-up persons.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::attack::{self, Settings, Verdict};
use crate::clock;
use crate::config::Config;
use crate::disclosure::Policy;
use crate::place::Place;

/// The exit status where nobody wins and the plays are too few to say that nobody does.
const EXIT_UNDECIDED: u8 = 3;

#[derive(Args)]
pub struct Attack {
    /// Plays of each attacker: 2,500 tell 60 % from 57 %
    #[arg(long, default_value_t = 2_500, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    trials: u64,
    /// After how many questions a guess is made
    #[arg(long, value_delimiter = ',', default_value = "20,50,100", value_name = "N,N")]
    questions: Vec<usize>,
    /// What chance is made of: the same gives the same report
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Only attackers whose name holds these words, such as pair; the report is then not kept
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub fn attack(data: &Path, told: &Attack) -> anyhow::Result<ExitCode> {
    let config = Config::load(data)?;
    let policy = Policy::load(data)?;
    let mut questions = told.questions.clone();
    questions.sort_unstable();
    questions.dedup();
    ensure!(
        questions.first() != Some(&0) && questions.last().is_some_and(|most| *most <= 1_000),
        "--questions takes numbers from 1 to 1000"
    );
    let settings = Settings { trials: told.trials, questions, seed: told.seed, only: told.only.clone() };
    let program = std::env::current_exe().context("this program cannot be found")?;
    let is_terminal = std::io::stderr().is_terminal();
    let tell = |words: &str| {
        let mut out = std::io::stderr().lock();
        // A terminal shows one line that changes; a file gets them all.
        let _ = if is_terminal { write!(out, "\r\x1b[K{words}") } else { writeln!(out, "{words}") };
    };
    let report = attack::run(&settings, &config, &policy, &program, clock::now().0, &tell)?;
    if is_terminal {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    if told.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        say!("{}", report.text().trim_end());
    }
    if told.only.is_empty() {
        let file = Place::new(data).attack_report();
        report.write(&file).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(if report.count(Verdict::Wins) > 0 {
        ExitCode::FAILURE
    } else if report.count(Verdict::TooFewPlays) > 0 {
        ExitCode::from(EXIT_UNDECIDED)
    } else {
        ExitCode::SUCCESS
    })
}
