//! What stands in the way of a pull is named, with what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use flip_tests::postgres::{Tls, other_authority};
use flip_tests::world::free_port;

use crate::support::World;

#[test]
fn a_wrong_password_a_role_and_a_schema_that_are_not_there_are_named() {
    let world = World::small(Tls::Off);
    world.password("wrong-password-77aa");
    let said = world.refused(&[]);
    assert!(said.contains("does not take the password of flip_reader"), "{said}");
    assert!(!said.contains("wrong-password-77aa"), "{said}");
    assert!(world.audit().contains("pull_failed"));

    world.password(crate::support::READER_PASSWORD);
    world.configure_as("localhost", "cdm", "flip_reader", "danger_plain = true");
    let said = world.refused(&[]);
    assert!(said.contains("has no schema cdm") && said.contains("omop"), "{said}");

    world.configure_as("localhost", "public", "flip_reader", "danger_plain = true");
    let said = world.refused(&["--check"]);
    assert!(said.contains("the schema public has no table person"), "{said}");
}

#[test]
fn a_password_file_that_others_may_read_is_refused_and_the_environment_does_as_well() {
    let world = World::small(Tls::Off);
    let path = world.password(crate::support::READER_PASSWORD);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let said = world.refused(&["--check"]);
    assert!(said.contains("chmod 600"), "{said}");

    let text = fs::read_to_string(world.data.path().join("appliance.toml")).unwrap();
    let without = text.replace("password_file = 'pull.password'\n", "");
    fs::write(world.data.path().join("appliance.toml"), without).unwrap();
    let said = world.refused(&["--check"]);
    assert!(said.contains("FLIP_PULL_PASSWORD"), "{said}");
    let mut command = world.command(&["pull", "--check"]);
    command.env("FLIP_PULL_PASSWORD", crate::support::READER_PASSWORD);
    assert!(command.output().unwrap().status.success());
}

#[test]
fn a_missing_right_is_named_with_the_statement_that_grants_it() {
    let world = World::small(Tls::Off);
    world.sql("REVOKE SELECT ON omop.visit_occurrence, omop.cohort FROM flip_reader");
    let said = world.refused(&[]);
    assert!(said.contains("GRANT SELECT ON \"omop\".visit_occurrence TO flip_reader;"), "{said}");
    assert!(said.contains("GRANT SELECT ON \"omop\".\"cohort\" TO flip_reader;"), "{said}");
    assert!(world.manifest().is_none());

    world.sql("REVOKE USAGE ON SCHEMA omop FROM flip_reader");
    let said = world.refused(&[]);
    assert!(said.contains("GRANT USAGE ON SCHEMA \"omop\" TO flip_reader;"), "{said}");
}

#[test]
fn a_role_that_may_write_is_warned_of_and_writes_nothing_all_the_same() {
    let world = World::small(Tls::Off);
    world.sql("GRANT INSERT ON omop.person TO flip_reader");
    let said = world.pulled(&["--check"]);
    assert!(
        said.contains("flip_reader may write person") && said.contains("CREATE ROLE flip_reader"),
        "{said}"
    );
    world.sql(
        "CREATE TABLE public.touched (n int); GRANT ALL ON public.touched TO flip_reader;
         CREATE FUNCTION public.touch() RETURNS int LANGUAGE plpgsql VOLATILE AS
             'BEGIN INSERT INTO public.touched VALUES (1); RETURN 1; END';
         DROP TABLE omop.death;
         CREATE VIEW omop.death AS SELECT public.touch()::bigint AS person_id, DATE '2020-01-01' AS death_date;
         GRANT SELECT ON omop.death TO flip_reader;",
    );
    let said = world.refused(&[]);
    assert!(said.contains("while death was read") && said.contains("SQLSTATE 25006"), "{said}");
}

#[test]
fn a_server_of_another_authority_or_without_tls_is_refused() {
    let world = World::small(Tls::Required);
    let other = world.data.path().join("other.pem");
    fs::write(&other, other_authority().unwrap()).unwrap();
    world.configure("ca_file = 'other.pem'");
    let said = world.refused(&[]);
    assert!(said.contains("not of an authority in pull.ca_file"), "{said}");

    // The right authority, and a name that is not in the certificate.
    let authority = format!("ca_file = '{}'", world.postgres.authority().display());
    world.configure_as("127.0.0.1", "omop", "flip_reader", &authority);
    let said = world.refused(&[]);
    assert!(said.contains("certificate is for another name"), "{said}");

    world.configure("danger_plain = true");
    let said = world.refused(&[]);
    assert!(said.contains("pg_hba.conf"), "{said}");

    world.configure("");
    let said = world.refused(&[]);
    assert!(said.contains("pull.ca_file is missing"), "{said}");

    let plain = World::small(Tls::Off);
    plain.configure(&authority);
    let said = plain.refused(&[]);
    assert!(said.contains("it offers none"), "{said}");
}

#[test]
fn a_server_that_is_not_there_and_no_configuration_are_named() {
    let world = World::small(Tls::Off);
    let text = fs::read_to_string(world.data.path().join("appliance.toml")).unwrap();
    let elsewhere = text
        .replace(&format!("port = {}", world.postgres.port()), &format!("port = {}", free_port().unwrap()));
    fs::write(world.data.path().join("appliance.toml"), elsewhere).unwrap();
    let said = world.refused(&[]);
    assert!(said.contains("cannot be reached") && said.contains("refused"), "{said}");

    fs::write(world.data.path().join("appliance.toml"), "").unwrap();
    let said = world.refused(&[]);
    assert!(said.contains("write a part [pull]"), "{said}");
}

#[test]
fn a_view_that_fails_tells_its_state_and_not_the_value() {
    let world = World::small(Tls::Off);
    world.sql(
        "DROP TABLE omop.death;
         CREATE TABLE public.raw (person_id bigint, day text);
         INSERT INTO public.raw VALUES (1, 'marker-of-a-record');
         CREATE VIEW omop.death AS SELECT person_id, day::date AS death_date FROM public.raw;
         GRANT SELECT ON omop.death TO flip_reader;",
    );
    let said = world.refused(&[]);
    assert!(said.contains("while death was read (SQLSTATE 22007)"), "{said}");
    assert!(!said.contains("marker-of-a-record") && !world.audit().contains("marker-of-a-record"), "{said}");
}
