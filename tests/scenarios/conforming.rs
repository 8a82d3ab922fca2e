//! The hub answers as its API's document says: schemathesis makes requests of it, right ones and wrong ones.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::EVERYONE;
use serde_json::json;

use crate::stage::Stage;

/// The program of that name in the environment that `make` prepares.
fn program(name: &str) -> Result<PathBuf> {
    let cache = std::env::var_os("FLIP_CACHE").context("FLIP_CACHE is not set; run this through make")?;
    let path = PathBuf::from(cache).join("venv/bin").join(name);
    ensure!(path.is_file(), "{} is not there; run this through make, which fetches it", path.display());
    Ok(path)
}

/// What ends the session or the world that is looked at; other scenarios do these.
const LEFT_OUT: [&str; 12] = [
    "post_session",
    "delete_session",
    "post_people_person_sign_out",
    "delete_sessions",
    "delete_sessions_session",
    "put_password",
    "put_hub_maintenance",
    "post_second_factor",
    "post_second_factor_code",
    "delete_projects_project",
    "post_trusts_trust_remove",
    "post_trusts_trust_revoke",
];

#[test]
fn the_hub_answers_right_and_wrong_requests_as_its_document_says() -> Result<()> {
    let stage = Stage::set()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    stage.api.complete(&query)?;
    let project = stage.api.project_of(&query)?;
    let trusts = stage.api.get("/api/v1/trusts")?.json();
    let trust = trusts["trusts"][0]["id"].as_str().context("no Trust")?;
    let invited = json!({ "name": "ada", "email": "ada@example.org", "role": "researcher" });
    let person = stage.api.post("/api/v1/people", &invited)?.json();
    let folder = stage.folder().join("schemathesis");
    fs::create_dir(&folder)?;
    let known = [
        ("query", query.as_str()),
        ("project", &project),
        ("trust", trust),
        ("person", person["id"].as_str().context("nobody was invited")?),
    ];
    let known: Vec<String> = known.iter().map(|(name, id)| format!("\"path.{name}\" = \"{id}\"\n")).collect();
    // First with things that are there, and then with whatever is made up.
    for (turn, parameters) in [known.concat(), String::new()].iter().enumerate() {
        let config = folder.join(format!("{turn}.toml"));
        fs::write(&config, format!("[parameters]\n{parameters}"))?;
        let mut run = Command::new(program("schemathesis")?);
        run.current_dir(&folder)
            .arg("--config-file")
            .arg(&config)
            .args(["run", &format!("{}/api/v1/openapi.json", stage.api.base())])
            .arg("--tls-verify")
            .arg(stage.hub.data.join("keys/ca.pem"))
            .args([
                "--header",
                &format!("Authorization: Bearer {}", stage.api.token().context("signed out")?),
            ])
            .args(["--seed", "1", "--max-examples", "8", "--phases", "examples,coverage,fuzzing"])
            // A name that is well-formed can be one that is taken, or empty: the hub says so, and the document does.
            .args(["--exclude-checks", "positive_data_acceptance"])
            .args(["--no-shrink", "--continue-on-failure", "--warnings", "off", "--output-truncate", "true"]);
        for left_out in LEFT_OUT {
            run.args(["--exclude-operation-id", left_out]);
        }
        let output = run.output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let said: String =
            said.lines().map(|line| line.chars().take(300).collect::<String>() + "\n").collect();
        ensure!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        ensure!(said.contains("Test cases"), "nothing was tried: {said}");
    }
    ensure!(stage.api.get("/api/v1/session")?.status == 200, "the session is gone");
    Ok(())
}
