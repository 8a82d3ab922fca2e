//! Who may do what at the hub.

use anyhow::Result;
use flip_tests::world::{Hub, HubOptions};
use serde_json::json;

/// A command of the hub's program: whether it succeeded, and what it said.
fn told(hub: &Hub, words: &[&str]) -> Result<(bool, String)> {
    let output = hub.command(words)?.output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(said)?))
}

#[test]
fn people_are_added_disabled_and_given_roles_on_the_command_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let ben = hub.add_person("ben", "researcher")?;
    assert_eq!(ben.get("/api/v1/session")?.json(), json!({ "name": "ben", "role": "researcher" }));
    let (added, said) = told(&hub, &["user", "add", "BEN", "--role", "viewer"])?;
    assert!(!added && said.contains("somebody is named"), "{said}");
    assert_eq!(told(&hub, &["user", "role", "Ben", "viewer"])?, (true, "Ben is viewer now\n".to_owned()));
    assert_eq!(ben.get("/api/v1/session")?.json()["role"], "viewer", "a role counts at once");
    for refused in [["user", "disable", "admin"].as_slice(), &["user", "role", "admin", "researcher"]] {
        let (done, said) = told(&hub, refused)?;
        assert!(!done && said.contains("the only admin who can sign in"), "{said}");
    }
    assert_eq!(
        told(&hub, &["user", "disable", "ben"])?,
        (true, "ben is disabled now, and signed out\n".to_owned())
    );
    assert_eq!(ben.get("/api/v1/session")?.status, 401, "a session of somebody who is disabled");
    assert!(hub.stranger()?.sign_in("ben", hub.credentials().1).is_err());
    assert_eq!(told(&hub, &["user", "list"])?.1, "admin  admin\nben  viewer, disabled\n");
    assert!(told(&hub, &["user", "enable", "ben"])?.0);
    let ben = hub.stranger()?.sign_in("ben", hub.credentials().1)?;
    let (changed, said) = told(&hub, &["user", "password", "ben"])?;
    assert!(changed && said.starts_with("ben has a new password"), "{said}");
    assert_eq!(ben.get("/api/v1/session")?.status, 401, "a session of the old password");
    let made = said.lines().nth(1).unwrap_or_default().trim();
    hub.stranger()?.sign_in("ben", made).map(drop)
}
