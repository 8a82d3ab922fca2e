//! From every schema there was to the newest, with what the ledger held.

use std::path::Path;

use flip_protocol::UnixMillis;
use flip_storage::ledger::{self as storage, Ledger as Store};

use super::*;
use crate::ledger::Ledger;

/// Every table, index and trigger as SQLite keeps its words.
fn shape(path: &Path) -> Vec<String> {
    storage::read(path, "shape", |tx| {
        tx.prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")?
            .query_map([], |row| row.get(0))?
            .collect()
    })
    .unwrap()
}

#[test]
fn a_ledger_of_every_schema_comes_to_the_newest_with_what_it_held() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("fresh.sqlite");
    Ledger::open(&fresh).unwrap();
    for schema in 1..=MIGRATIONS.len() {
        let path = folder.path().join(format!("{schema}.sqlite"));
        let old = Store::open(&path, &MIGRATIONS[..schema]).unwrap();
        old.run("fill", |tx| {
            tx.execute_batch(
                "INSERT INTO trust (id, name, added_ms, sent) VALUES (x'000000000000000000000000000000c1', 'North', 7, 9);
                 INSERT INTO kit (secret_sha256, trust, expires_ms)
                     VALUES (x'07', x'000000000000000000000000000000c1', 8);
                 INSERT INTO refusal (trust, reason, times)
                     VALUES (x'000000000000000000000000000000c1', 'expired', 3);",
            )
        })
        .unwrap();
        drop(old);
        let ledger = Ledger::open(&path).unwrap();
        let trust = &ledger.trusts_now().unwrap()[0];
        assert_eq!(
            (trust.name.as_str(), trust.kit_expires.map(|until| until.0)),
            ("North", Some(8)),
            "{schema}"
        );
        orphans(&ledger);
        assert_eq!(shape(&path), shape(&fresh), "from schema {schema}");
    }
}

/// A ledger of schema 3 as its hub left it.
fn of_schema_3(path: &Path) {
    let old = Store::open(path, &MIGRATIONS[..3]).unwrap();
    old.run("fill", |tx| {
        tx.execute_batch(
            "INSERT INTO person (name, password, added_ms, project) VALUES
                 ('Ada', 'hash of ada', 11, x'000000000000000000000000000000a1'),
                 ('ben', 'hash of ben', 12, NULL);
             INSERT INTO session (token_sha256, person, expires_ms) VALUES
                 (x'01', 'Ada', 1000), (x'02', 'ben', 2000);
             INSERT INTO query (id, name, sql, asked_by, asked_ms, project) VALUES
                 (x'11', 'of none', 'SELECT', 'ben', 5, NULL),
                 (x'12', 'own', 'SELECT', 'ada', 6, x'000000000000000000000000000000a1'),
                 (x'13', 'in hers', 'SELECT', 'ben', 4, x'000000000000000000000000000000a1'),
                 (x'14', 'later', 'SELECT', 'Ada', 9, x'000000000000000000000000000000b2'),
                 (x'15', 'first', 'SELECT', 'ben', 8, x'000000000000000000000000000000b2');",
        )
    })
    .unwrap();
}

#[test]
fn people_of_schema_3_become_admins_and_stay_signed_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.sqlite");
    of_schema_3(&path);
    let ledger = Ledger::open(&path).unwrap();
    let people = ledger.people(UnixMillis(0)).unwrap();
    let told: Vec<_> = people
        .iter()
        .map(|one| (one.name.as_str(), one.role.name(), one.added.0, one.state.name()))
        .collect();
    assert_eq!(told, [("Ada", "admin", 11, "active"), ("ben", "admin", 12, "active")]);
    assert_ne!(people[0].id, people[1].id);
    let sessions: Vec<(String, String, u64)> = ledger
        .run("sessions", |tx| {
            tx.prepare(
                "SELECT name, password, expires_ms FROM session JOIN person ON person.id = session.person
                 ORDER BY name",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect()
        })
        .unwrap();
    let expected = [("Ada", "hash of ada", 1_000), ("ben", "hash of ben", 2_000)];
    assert_eq!(sessions, expected.map(|(name, hash, end)| (name.to_owned(), hash.to_owned(), end)));
    orphans(&ledger);
}

#[test]
fn every_query_of_schema_3_is_in_a_project_of_who_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.sqlite");
    of_schema_3(&path);
    let ledger = Ledger::open(&path).unwrap();
    let told: Vec<String> = ledger
        .run("queries", |tx| {
            tx.prepare(
                "SELECT query.name || ' / ' || project.name || ' / ' || owner.name || ' / ' ||
                     coalesce((SELECT group_concat(person.name) FROM member JOIN person ON person.id = member.person
                      WHERE member.project = project.id), '')
                 FROM query JOIN project ON project.id = query.project
                 JOIN person AS owner ON owner.id = project.owner ORDER BY query.id",
            )?
            .query_map([], |row| row.get(0))?
            .collect()
        })
        .unwrap();
    let expected = [
        "of none / ben: own questions / ben / ",
        "own / Ada: own questions / Ada / ben",
        "in hers / Ada: own questions / Ada / ben",
        "later / first / ben / Ada",
        "first / first / ben / Ada",
    ];
    assert_eq!(told, expected);
    orphans(&ledger);
}

#[test]
fn people_of_schema_5_have_no_address_and_their_own_projects_names_that_may_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.sqlite");
    let old = Store::open(&path, &MIGRATIONS[..5]).unwrap();
    old.run("fill", |tx| {
        let long = "é".repeat(120);
        tx.execute(
            "INSERT INTO person (id, name, role, password, added_ms) VALUES (randomblob(16), ?1, 'viewer', 'hash', 11)",
            [&long],
        )?;
        tx.execute(
            "INSERT INTO project (id, name, description, owner, made_ms) VALUES
                 (randomblob(16), ?1 || ': own questions', '', (SELECT id FROM person), 1),
                 (randomblob(16), ?1, '', (SELECT id FROM person), 2)",
            [&long],
        )
    })
    .unwrap();
    drop(old);
    let ledger = Ledger::open(&path).unwrap();
    let people = ledger.people(UnixMillis(0)).unwrap();
    assert!(people.len() == 1 && people[0].email.is_none() && people[0].state.name() == "active");
    let names: Vec<String> = ledger
        .run("names", |tx| {
            tx.prepare("SELECT name FROM project ORDER BY made_ms")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
        .unwrap();
    assert_eq!(names, [crate::wording::own_project(&"é".repeat(120)), "é".repeat(120)]);
    orphans(&ledger);
}

#[test]
fn queries_of_schema_3_are_of_who_asked_whatever_they_are_called_since() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.sqlite");
    of_schema_3(&path);
    let ledger = Ledger::open(&path).unwrap();
    let told: Vec<String> = ledger
        .run("askers", |tx| {
            tx.execute("UPDATE person SET name = 'Adele' WHERE name = 'Ada'", [])?;
            tx.prepare(
                "SELECT query.name || ' ' || person.name FROM query JOIN person ON person.id = query.asker
                 ORDER BY query.id",
            )?
            .query_map([], |row| row.get(0))?
            .collect()
        })
        .unwrap();
    assert_eq!(told, ["of none ben", "own Adele", "in hers ben", "later Adele", "first ben"]);
    orphans(&ledger);
}

#[test]
fn people_and_projects_before_staging_keep_their_roles_and_are_unstaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.sqlite");
    let before = MIGRATIONS.iter().position(|one| one.contains("CREATE TABLE staging")).unwrap();
    let old = Store::open(&path, &MIGRATIONS[..before]).unwrap();
    old.run("fill", |tx| {
        tx.execute_batch(
            "INSERT INTO person (id, name, role, password, added_ms) VALUES
                 (x'0000000000000000000000000000000a', 'ada', 'admin', 'hash', 1),
                 (x'0000000000000000000000000000000b', 'ben', 'researcher', 'hash', 2);
             INSERT INTO session (token_sha256, person, expires_ms)
                 VALUES (x'01', x'0000000000000000000000000000000a', 1000);
             INSERT INTO project (id, name, description, owner, made_ms)
                 VALUES (x'0000000000000000000000000000000c', 'Lungs', '', x'0000000000000000000000000000000b', 3);
             INSERT INTO member (project, person)
                 VALUES (x'0000000000000000000000000000000c', x'0000000000000000000000000000000a');",
        )
    })
    .unwrap();
    drop(old);
    let ledger = Ledger::open(&path).unwrap();
    let roles: Vec<String> = ledger
        .run("roles", |tx| {
            tx.prepare("SELECT name || ' ' || role FROM person ORDER BY name")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
        .unwrap();
    assert_eq!(roles, ["ada admin", "ben researcher"]);
    let told: (String, u64, u64, u64) = ledger
        .run("project", |tx| {
            tx.query_row(
                "SELECT state, edition, (SELECT count(*) FROM member), (SELECT count(*) FROM session) FROM project",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
        })
        .unwrap();
    assert_eq!(told, ("unstaged".to_owned(), 1, 1, 1));
    let nowhere = ledger.run("role", |tx| tx.execute("UPDATE person SET role = 'trust-admin'", []));
    assert!(nowhere.is_err(), "an admin of no Trust");
    orphans(&ledger);
}

fn orphans(ledger: &Ledger) {
    let orphans: i64 = ledger
        .run("check", |tx| {
            tx.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        })
        .unwrap();
    assert_eq!(orphans, 0);
}
