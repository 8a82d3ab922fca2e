//! The ledger's schema, and the way to it from every schema there was.
//!
//! What must stay true: a released migration never changes. Deliberately absent: what the tables mean (docs/DATA-MODEL.md).

use super::{audit, bundles, once};

/// `MIGRATIONS[n]` brings schema `n` to `n + 1`. A released one never changes.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE trust (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        added_ms INTEGER NOT NULL,
        enrolled_ms INTEGER,
        verifying BLOB,
        sealing BLOB,
        sent INTEGER NOT NULL DEFAULT 0,
        seen_ms INTEGER,
        health TEXT
    ) STRICT;
    CREATE TABLE kit (
        secret_sha256 BLOB PRIMARY KEY,
        trust BLOB NOT NULL REFERENCES trust,
        expires_ms INTEGER NOT NULL,
        used_ms INTEGER,
        used_by BLOB
    ) STRICT;
    CREATE TABLE certificate (
        fingerprint BLOB PRIMARY KEY,
        trust BLOB NOT NULL REFERENCES trust,
        issued_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE person (
        name TEXT PRIMARY KEY COLLATE NOCASE,
        password TEXT NOT NULL,
        added_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE session (
        token_sha256 BLOB PRIMARY KEY,
        person TEXT NOT NULL REFERENCES person,
        expires_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE query (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL,
        sql TEXT NOT NULL,
        asked_by TEXT NOT NULL,
        asked_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE work_order (
        id BLOB PRIMARY KEY,
        trust BLOB NOT NULL REFERENCES trust,
        query BLOB NOT NULL REFERENCES query,
        sequence INTEGER NOT NULL,
        message BLOB NOT NULL,
        state TEXT NOT NULL,
        detail TEXT NOT NULL,
        expires_ms INTEGER NOT NULL,
        UNIQUE (trust, sequence)
    ) STRICT;
    CREATE INDEX work_order_of_query ON work_order (query);
    CREATE INDEX work_order_open ON work_order (trust, sequence)
        WHERE state IN ('queued', 'delivered', 'running');
    CREATE TABLE result_seen (
        trust BLOB NOT NULL REFERENCES trust,
        sequence INTEGER NOT NULL,
        message BLOB NOT NULL,
        PRIMARY KEY (trust, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE refusal (
        trust BLOB NOT NULL REFERENCES trust,
        reason TEXT NOT NULL,
        times INTEGER NOT NULL,
        PRIMARY KEY (trust, reason)
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE query ADD COLUMN project BLOB;
    ALTER TABLE person ADD COLUMN project BLOB;
",
    "
    ALTER TABLE work_order ADD COLUMN kind TEXT NOT NULL DEFAULT 'cohort_query';
    ALTER TABLE work_order ADD COLUMN freezing TEXT;
",
    // Until here everybody could do everything, which is what an admin is.
    "
    CREATE TABLE person_with_id (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        role TEXT NOT NULL CHECK (role IN ('admin', 'researcher', 'viewer')),
        password TEXT NOT NULL,
        added_ms INTEGER NOT NULL,
        disabled_ms INTEGER,
        project BLOB
    ) STRICT;
    INSERT INTO person_with_id (id, name, role, password, added_ms, project)
        SELECT randomblob(16), name, 'admin', password, added_ms, project FROM person;
    CREATE TABLE session_by_id (
        token_sha256 BLOB PRIMARY KEY,
        person BLOB NOT NULL REFERENCES person_with_id,
        expires_ms INTEGER NOT NULL
    ) STRICT;
    INSERT INTO session_by_id (token_sha256, person, expires_ms)
        SELECT token_sha256, person_with_id.id, expires_ms
        FROM session JOIN person_with_id ON person_with_id.name = session.person;
    DROP TABLE session;
    DROP TABLE person;
    ALTER TABLE person_with_id RENAME TO person;
    ALTER TABLE session_by_id RENAME TO session;
    CREATE INDEX session_of_person ON session (person);
",
    // Every query gets a project: the one it names, owned by whose own it is, else by who asked in it first; where it
    // names none, its asker's own. Who asked in another's project becomes a member. No person was ever removed.
    "
    CREATE TABLE project (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        owner BLOB NOT NULL REFERENCES person,
        made_ms INTEGER NOT NULL,
        deleted_ms INTEGER
    ) STRICT;
    CREATE TABLE member (
        project BLOB NOT NULL REFERENCES project,
        person BLOB NOT NULL REFERENCES person,
        PRIMARY KEY (project, person)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX project_of_owner ON project (owner);
    CREATE INDEX member_of_person ON member (person);
    CREATE INDEX query_of_project ON query (project);
    UPDATE person SET project = randomblob(16) WHERE project IS NULL
        AND EXISTS (SELECT 1 FROM query WHERE query.project IS NULL AND person.name = query.asked_by);
    INSERT INTO project (id, name, description, owner, made_ms)
        SELECT project, name || ': own questions', '', id, added_ms FROM person WHERE project IS NOT NULL;
    UPDATE query SET project = (SELECT person.project FROM person WHERE person.name = query.asked_by)
        WHERE project IS NULL;
    INSERT INTO project (id, name, description, owner, made_ms)
        SELECT query.project, query.name, '', person.id, min(query.asked_ms)
        FROM query JOIN person ON person.name = query.asked_by
        WHERE query.project NOT IN (SELECT id FROM project) GROUP BY query.project;
    INSERT INTO member (project, person)
        SELECT DISTINCT project.id, person.id
        FROM query JOIN person ON person.name = query.asked_by JOIN project ON project.id = query.project
        WHERE person.id <> project.owner;
",
    "
    CREATE TABLE setting (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL,
        changed_ms INTEGER NOT NULL,
        changed_by TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    audit::SCHEMA,
    "
    ALTER TABLE trust ADD COLUMN revoked_ms INTEGER;
    ALTER TABLE trust ADD COLUMN removed_ms INTEGER;
    ALTER TABLE trust ADD COLUMN keys_ms INTEGER;
    ALTER TABLE trust ADD COLUMN rotate_asked_ms INTEGER;
    ALTER TABLE trust ADD COLUMN verifying_before BLOB;
    ALTER TABLE trust ADD COLUMN before_until_ms INTEGER;
    UPDATE trust SET keys_ms = enrolled_ms;
    ALTER TABLE certificate ADD COLUMN replaced_by BLOB;
",
    // People are reached by mail, and come in by one-time links. Who was invited becomes a person when they come.
    "
    ALTER TABLE person ADD COLUMN email TEXT COLLATE NOCASE;
    CREATE UNIQUE INDEX person_email ON person (email);
    CREATE TABLE invitation (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        email TEXT NOT NULL UNIQUE COLLATE NOCASE,
        role TEXT NOT NULL,
        invited_by BLOB REFERENCES person,
        invited_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE link (
        token_sha256 BLOB PRIMARY KEY,
        nonce BLOB NOT NULL,
        purpose TEXT NOT NULL CHECK (purpose IN ('invitation', 'reset', 'setup')),
        invitation BLOB UNIQUE REFERENCES invitation,
        person BLOB REFERENCES person,
        expires_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX link_of_person ON link (person);
    CREATE TABLE mail (
        id BLOB PRIMARY KEY,
        address TEXT NOT NULL,
        letter TEXT NOT NULL,
        about BLOB,
        stored_ms INTEGER NOT NULL,
        tries INTEGER NOT NULL,
        why TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
        moment_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX mail_by_moment ON mail (state, moment_ms);
    CREATE INDEX mail_about ON mail (about);
    UPDATE project SET name = substr(name, 1, 104) || '…: own questions'
        WHERE length(name) > 120 AND name LIKE '%: own questions';
",
    "
    CREATE TABLE reset_request (
        id INTEGER PRIMARY KEY,
        address TEXT NOT NULL COLLATE NOCASE,
        asked_ms INTEGER NOT NULL,
        handled INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX reset_request_by_time ON reset_request (asked_ms);
    CREATE TABLE access_request (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL,
        email TEXT NOT NULL COLLATE NOCASE,
        reason TEXT NOT NULL,
        asked_ms INTEGER NOT NULL,
        times INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'invited', 'dismissed')),
        handled_ms INTEGER,
        handled_by BLOB REFERENCES person,
        why TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX access_request_open ON access_request (email) WHERE state = 'open';
    CREATE INDEX access_request_by_time ON access_request (asked_ms);
",
    // Who asked is known by id, so that names can change and what somebody asked ends with them. Who ordered a freeze
    // was not kept until here.
    "
    ALTER TABLE query ADD COLUMN asker BLOB REFERENCES person;
    ALTER TABLE work_order ADD COLUMN person BLOB REFERENCES person;
    UPDATE query SET asker = (SELECT person.id FROM person WHERE person.name = query.asked_by);
    UPDATE work_order SET person = (SELECT query.asker FROM query WHERE query.id = work_order.query)
        WHERE kind = 'cohort_query';
    CREATE INDEX work_order_of_person ON work_order (person) WHERE state = 'queued';
",
    // A Trust has admins of its own. Projects are staged at Trusts, which decide; no order was ever cancelled before.
    "
    ALTER TABLE person ADD COLUMN may TEXT NOT NULL DEFAULT 'viewer'
        CHECK (may IN ('admin', 'researcher', 'viewer', 'trust-admin'));
    UPDATE person SET may = role;
    ALTER TABLE person DROP COLUMN role;
    ALTER TABLE person RENAME COLUMN may TO role;
    ALTER TABLE person ADD COLUMN trust BLOB REFERENCES trust
        CHECK (role <> 'trust-admin' OR trust IS NOT NULL);
    CREATE INDEX person_of_trust ON person (trust) WHERE trust IS NOT NULL;
    ALTER TABLE project ADD COLUMN state TEXT NOT NULL DEFAULT 'unstaged'
        CHECK (state IN ('unstaged', 'staged', 'approved'));
    ALTER TABLE project ADD COLUMN staged_query BLOB REFERENCES query
        CHECK ((state = 'unstaged') = (staged_query IS NULL));
    ALTER TABLE project ADD COLUMN edition INTEGER NOT NULL DEFAULT 1;
    CREATE TABLE staging (
        project BLOB NOT NULL REFERENCES project,
        trust BLOB NOT NULL REFERENCES trust,
        staged_ms INTEGER NOT NULL,
        staged_by TEXT NOT NULL,
        verdict TEXT CHECK (verdict IN ('approved', 'declined')),
        decided_ms INTEGER,
        decided_by TEXT,
        decided_as TEXT CHECK (decided_as IN ('trust-admin', 'admin')),
        reason TEXT,
        CHECK ((verdict IS NULL) = (decided_ms IS NULL)),
        PRIMARY KEY (project, trust)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX staging_of_trust ON staging (trust);
    CREATE INDEX work_order_cancelled ON work_order (trust) WHERE state = 'cancelled';
",
    "
    CREATE TABLE model (
        id BLOB PRIMARY KEY,
        project BLOB NOT NULL REFERENCES project,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        job_type TEXT NOT NULL,
        made_by BLOB NOT NULL REFERENCES person,
        made_ms INTEGER NOT NULL,
        edition INTEGER NOT NULL DEFAULT 1,
        deleted_ms INTEGER
    ) STRICT;
    CREATE INDEX model_of_project ON model (project) WHERE deleted_ms IS NULL;
",
    // A session is whole once the second factor is given in it. Until here nobody had one.
    "
    CREATE TABLE second_factor (
        person BLOB PRIMARY KEY REFERENCES person,
        secret BLOB NOT NULL,
        enrolled_ms INTEGER NOT NULL,
        step INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE recovery_code (
        person BLOB NOT NULL REFERENCES person,
        code_sha256 BLOB NOT NULL,
        PRIMARY KEY (person, code_sha256)
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE session ADD COLUMN factor_ms INTEGER;
",
    bundles::SCHEMA,
    // Where a session is from was not kept until here.
    "
    ALTER TABLE session ADD COLUMN id BLOB;
    ALTER TABLE session ADD COLUMN opened_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE session ADD COLUMN seen_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';
    ALTER TABLE session ADD COLUMN browser TEXT NOT NULL DEFAULT '';
    UPDATE session SET id = randomblob(16);
    CREATE UNIQUE INDEX session_id ON session (id);
    CREATE TABLE known_network (
        person BLOB NOT NULL REFERENCES person,
        network TEXT NOT NULL,
        seen_ms INTEGER NOT NULL,
        PRIMARY KEY (person, network)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE model_file (
        id BLOB PRIMARY KEY,
        model BLOB NOT NULL REFERENCES model,
        name TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        declared_sha256 BLOB,
        opened_by BLOB NOT NULL REFERENCES person,
        opened_ms INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('uploading', 'quarantined', 'clean', 'refused', 'failed')),
        state_ms INTEGER NOT NULL,
        why TEXT NOT NULL,
        sha256 BLOB CHECK ((state = 'clean') = (sha256 IS NOT NULL)),
        notes TEXT NOT NULL
    ) STRICT;
    CREATE INDEX model_file_of_model ON model_file (model);
    CREATE UNIQUE INDEX model_file_clean ON model_file (model, name COLLATE NOCASE) WHERE state = 'clean';
    CREATE INDEX model_file_under_way ON model_file (state) WHERE state IN ('uploading', 'quarantined');
    CREATE TABLE artefact_gone (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
",
    once::SCHEMA,
    // Lists have what Trusts said without their statistics, which are most of it, from this index alone.
    "
    DROP INDEX work_order_of_query;
    CREATE INDEX work_order_of_query ON work_order (query, kind, trust, json_replace(detail, '$.answer.fields', json('[]')));
    ",
    "
    CREATE TABLE api_token (
        id BLOB PRIMARY KEY,
        person BLOB NOT NULL REFERENCES person,
        token_sha256 BLOB NOT NULL UNIQUE,
        name TEXT NOT NULL,
        scopes TEXT NOT NULL,
        made_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        used_ms INTEGER,
        used_from TEXT NOT NULL
    ) STRICT;
    CREATE INDEX api_token_of_person ON api_token (person);
",
    bundles::MADE,
    "
    CREATE TABLE identity (
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        person BLOB NOT NULL REFERENCES person,
        bound_ms INTEGER NOT NULL,
        PRIMARY KEY (issuer, subject),
        UNIQUE (person, issuer)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE known_browser (
        token_sha256 BLOB PRIMARY KEY,
        person BLOB NOT NULL REFERENCES person,
        seen_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX known_browser_of_person ON known_browser (person, seen_ms);
",
    // Of sessions that the provider vouched for: who it is, for whom, and with which token.
    "
    ALTER TABLE session ADD COLUMN issuer TEXT;
    ALTER TABLE session ADD COLUMN subject TEXT;
    ALTER TABLE session ADD COLUMN id_token TEXT;
",
    // Lists of the newest queries, of all projects or of one, are read in their order.
    "
    CREATE INDEX query_by_moment ON query (asked_ms, id);
    DROP INDEX query_of_project;
    CREATE INDEX query_of_project ON query (project, asked_ms, id);
",
    // What stood open is forgotten: who is signed in signs out at the provider all the same, asked once more there.
    "
    ALTER TABLE session DROP COLUMN id_token;
    ALTER TABLE session ADD COLUMN id_token BLOB;
",
];

#[cfg(test)]
mod tests;
