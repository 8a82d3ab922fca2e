//! Lists are read in parts.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use serde_json::json;

use crate::stage::Stage;

#[test]
fn a_list_is_read_to_its_end_by_its_links_each_row_once() -> Result<()> {
    let stage = Stage::set()?;
    let api = &stage.api;
    let mut asked = Vec::new();
    for number in 0..7 {
        asked.push(api.ask(&format!("number {number}"), EVERYONE)?);
    }
    let project = api.project_of(&asked[0])?;
    for list in ["/api/v1/queries".to_owned(), format!("/api/v1/projects/{project}/queries")] {
        let mut url = format!("{list}?limit=3");
        let (mut seen, mut parts) = (Vec::new(), 0);
        loop {
            let part = api.get(&url)?;
            anyhow::ensure!(part.status == 200, "{url}: {}", part.text);
            let body = part.json();
            let rows = body["queries"].as_array().context("no queries")?;
            anyhow::ensure!(rows.len() <= 3, "{} rows", rows.len());
            seen.extend(rows.iter().filter_map(|row| Some(row["id"].as_str()?.to_owned())));
            anyhow::ensure!(rows.iter().all(|row| row["result"]["fields"] == json!([])), "{body}");
            parts += 1;
            assert_eq!(part.next.is_empty(), body["next"].is_null(), "the link and the body say the same");
            if part.next.is_empty() {
                break;
            }
            // What is asked meanwhile moves nothing.
            api.ask("meanwhile", EVERYONE)?;
            url = part.next;
        }
        let newest_first: Vec<String> = asked.iter().rev().cloned().collect();
        let of_then: Vec<String> = seen.iter().filter(|id| asked.contains(id)).cloned().collect();
        assert_eq!(of_then, newest_first, "{list}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "a row came twice");
        assert!(parts >= 3, "{parts}");
    }
    let people = api.get("/api/v1/people?limit=1")?;
    assert_eq!((people.status, people.next.as_str()), (200, ""), "one person is here");
    for bad in
        ["queries?limit=0", "queries?limit=101", "people?limit=-1", "projects?page=0", "queries?after=x"]
    {
        let reply = api.get(&format!("/api/v1/{bad}"))?;
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("bad_parameter")), "{bad}");
    }
    Ok(())
}
