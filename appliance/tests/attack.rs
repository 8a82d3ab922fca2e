//! The attack suite in its small form: it can fail, and the shipped policy holds. The full form is in `make bench`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use flip_appliance::attack::{Report, SHARE_MAX};
use tempfile::TempDir;

/// The report of a run under a policy, and the exit code.
fn attacked(policy: &str, words: &[&str]) -> (Report, i32, TempDir) {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("policy.toml"), policy).expect("a policy");
    let output = Command::new(env!("CARGO_BIN_EXE_flip-appliance"))
        .arg("--data")
        .arg(folder.path())
        .args(["attack", "--json", "--seed", "7"])
        .args(words)
        .env("FLIP_LOG", "error")
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (report, output.status.code().expect("it ends by itself"), folder)
}

#[test]
fn every_attacker_wins_where_numbers_are_exact_and_the_command_fails() {
    let (report, code, folder) =
        attacked("danger_noise = 0.0\ndanger_rounding = 1", &["--trials", "20", "--questions", "4"]);
    assert_eq!(code, 1);
    assert_eq!(report.attackers.len(), 13);
    for attacker in &report.attackers {
        let (share, _) = attacker.worst(report.trials);
        assert!(share >= 0.9, "{} is right in {share} of all plays", attacker.name);
    }
    let file = folder.path().join("attack.json");
    assert_eq!(Report::read(&file).unwrap(), Some(report));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn under_the_shipped_policy_nobody_is_much_better_than_a_coin() {
    // Those that ask of a crowd take too long for this.
    let only = "pair,rephrasing,boundary,both,repeats,forged,null,breakdown,mean,limits,timing";
    let (report, _, folder) = attacked("", &["--trials", "30", "--questions", "5", "--only", only]);
    assert_eq!(report.attackers.len(), 11);
    for attacker in &report.attackers {
        let (share, [low, _]) = attacker.worst(report.trials);
        // Thirty plays are few: fails where it is beyond doubt. The bench has 600.
        assert!(low <= SHARE_MAX, "{} is right in {share} of all plays", attacker.name);
    }
    assert!(!folder.path().join("attack.json").exists(), "a report of some attackers is not kept");
}

#[test]
fn with_noise_and_without_budgets_averaging_wins() {
    let policy = "danger_budget = 1000.0\ndanger_questions_weekly = 1000000";
    let words = ["--trials", "100", "--questions", "40", "--only", "rephrasing"];
    let (report, code, _) = attacked(policy, &words);
    // Noise of 8 on forty answers: theory says 64 %.
    let (share, _) = report.attackers[0].worst(report.trials);
    assert!(code == 1 && share > SHARE_MAX, "right in {share} of all plays");
}

#[test]
fn an_unknown_attacker_is_named_with_those_there_are() {
    let folder = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_flip-appliance"))
        .arg("--data")
        .arg(folder.path())
        .args(["attack", "--only", "burglar"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("burglar") && said.contains("isolating pair"), "{said}");
}
