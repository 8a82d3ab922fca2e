//! `flip-hub check`: everything that can be looked at without serving: configuration, keys, certificates, ledger, files,
//! audit, and what the scanner is locked into.
//!
//! What must stay true: nothing is changed, and one problem does not hide another.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use flip_protocol::UnixMillis;
use flip_storage::artefacts;
use flip_storage::cells::CellKey;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::acme;
use crate::audit::head;
use crate::audit::written::moment;
use crate::authority::Authority;
use crate::bounds;
use crate::config::{Config, ConfigError};
use crate::files::judge::Scanner;
use crate::files::settings::Settings;
use crate::files::standing::not_locked_in;
use crate::ledger::second_factors::Sealed;
use crate::ledger::{self, Ledger};
use crate::second_factor;
use crate::tls::Files;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What is as it should be.
    pub sound: Vec<String>,
    /// What somebody should look at soon.
    pub soon: Vec<String>,
    /// What is wrong.
    pub wrong: Vec<String>,
}

/// Looks a hub over.
pub fn look(data: &Path, now: UnixMillis) -> Found {
    let mut found = Found::default();
    let config = match Config::load(data) {
        Ok(config) => {
            found.sound.push("hub.toml is right".to_owned());
            Some(config)
        }
        Err(error @ ConfigError::NoHub(_)) => {
            found.wrong.push(error.to_string());
            return found;
        }
        Err(error) => {
            found.wrong.extend(chain(&error).lines().map(str::to_owned));
            None
        }
    };
    keys(data, now, &mut found);
    if let Some(files) = config.as_ref().and_then(|config| config.people_files.as_ref()) {
        certificate_files(files, now, &mut found);
    }
    if let Some(settings) = config.as_ref().and_then(|config| config.acme.as_ref()) {
        let files = acme::files(data);
        if files.certificate.exists() {
            certificate_files(&files, now, &mut found);
        } else {
            let names = settings.names.join(", ");
            found
                .soon
                .push(format!("[acme]: there is no certificate of {names} yet; the hub's log says why"));
        }
    }
    let readable = ledger(data, now, &mut found);
    if let Some(config) = config.as_ref().filter(|_| readable) {
        files(data, &config.artefacts, &mut found);
    }
    second_factors(data, &mut found);
    audit(data, config.as_ref(), &mut found);
    scanner(&Scanner::own(), &mut found);
    found
}

/// What the process is locked into that scans what people bring.
pub fn scanner(scanner: &Scanner, found: &mut Found) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let held = runtime.map_err(|error| error.to_string()).and_then(|on| on.block_on(scanner.held()));
    match held.map(not_locked_in) {
        Ok(None) => found.sound.push("the scanner of files that people bring is fully locked in".to_owned()),
        Ok(Some(lacks)) => found.soon.push(lacks),
        Err(why) => found.wrong.push(format!("the scanner of files that people bring does not work: {why}")),
    }
}

/// Whether the secrets in the ledger open with the key beside it.
fn second_factors(data: &Path, found: &mut Found) {
    let sealed = match ledger::second_factors::sealed_secrets(&Config::ledger(data)) {
        Ok(sealed) if sealed.is_empty() => return,
        Ok(sealed) => sealed,
        // What is wrong with the ledger is said of the ledger.
        Err(_) => return,
    };
    let key = fs::read(Config::keys(data).join(second_factor::KEY)).ok();
    let key = key.and_then(|key| Some(CellKey::new(key.as_slice().try_into().ok()?)));
    let opens = |(person, secret): &Sealed| {
        key.as_ref().is_some_and(|key| key.open(second_factor::cell(person), secret).is_ok())
    };
    match sealed.iter().filter(|one| !opens(one)).count() {
        0 => found.sound.push(format!("{} second factors open with keys/{}", sealed.len(), second_factor::KEY)),
        shut => found.wrong.push(format!(
            "{shut} of {} second factors do not open with keys/{}: put the right key back, or reset them with: flip-hub \
             user reset-second-factor",
            sealed.len(),
            second_factor::KEY
        )),
    }
}

fn keys(data: &Path, now: UnixMillis, found: &mut Found) {
    let folder = Config::keys(data);
    match Authority::load(&folder) {
        Ok(authority) => {
            certificate("the hub's CA", authority.ca(), now, found);
            if !authority.ca_fits() {
                found
                    .wrong
                    .push("the key in keys/ca.key is not that of the certificate in keys/ca.pem".to_owned());
            }
        }
        Err(error) => found.wrong.push(chain(&error)),
    }
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let open = entry.metadata().is_ok_and(|of| of.permissions().mode() & 0o077 != 0);
        if open && entry.path().extension().is_some_and(|ending| ending == "key") {
            let path = entry.path();
            found.wrong.push(format!(
                "{} can be read by others: chmod 600 {}",
                path.display(),
                path.display()
            ));
        }
    }
}

fn certificate_files(files: &Files, now: UnixMillis, found: &mut Found) {
    match files.load() {
        Ok(loaded) => match loaded.cert.first() {
            Some(first) => certificate(&files.certificate.display().to_string(), first, now, found),
            None => found.wrong.push(format!("{} holds no certificate", files.certificate.display())),
        },
        Err(error) => found.wrong.push(chain(&error)),
    }
}

fn certificate(name: &str, der: &[u8], now: UnixMillis, found: &mut Found) {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        found.wrong.push(format!("{name}: the certificate cannot be read"));
        return;
    };
    let seconds = certificate.validity().not_after.timestamp();
    ends(name, UnixMillis(u64::try_from(seconds).unwrap_or(0) * 1_000), now, found);
}

fn ends(name: &str, until: UnixMillis, now: UnixMillis, found: &mut Found) {
    let said = moment(until.0);
    if until <= now {
        found.wrong.push(format!("{name}: the certificate ended on {said}"));
    } else if until.since(now) < bounds::ENDS_SOON_MS {
        found.soon.push(format!("{name}: the certificate ends on {said}"));
    } else {
        found.sound.push(format!("{name}: the certificate is good until {said}"));
    }
}

/// Gives whether it is of this program's own schema.
fn ledger(data: &Path, now: UnixMillis, found: &mut Found) -> bool {
    let looked = match ledger::backup::look(&Config::ledger(data)) {
        Ok(looked) => looked,
        Err(error) => {
            found.wrong.push(chain(&error));
            return false;
        }
    };
    match looked.schema.cmp(&Ledger::SCHEMA) {
        std::cmp::Ordering::Equal => found.sound.push(format!("the ledger is of schema {}", looked.schema)),
        std::cmp::Ordering::Less => found.soon.push(format!(
            "the ledger is of schema {}; the next start brings it to {}: make a backup first",
            looked.schema,
            Ledger::SCHEMA
        )),
        std::cmp::Ordering::Greater => found.wrong.push(format!(
            "the ledger is of schema {}, newer than this program's {}; use the newer flip-hub",
            looked.schema,
            Ledger::SCHEMA
        )),
    }
    if looked.damage.is_empty() && looked.orphans.is_empty() {
        found.sound.push("the ledger is whole, and every row it names is there".to_owned());
    }
    found.wrong.extend(looked.damage.iter().map(|damage| format!("the ledger is damaged: {damage}")));
    found.wrong.extend(
        looked.orphans.iter().map(|table| format!("the ledger names rows that are not there: {table}")),
    );
    for (trust, until) in looked.certificates {
        // Appliances renew theirs after two thirds of their life: one that ends soon has been away.
        ends(&format!("the appliance of {trust}"), until, now, found);
    }
    looked.schema == Ledger::SCHEMA
}

/// Compares the files that the ledger knows of with those that are there.
fn files(data: &Path, settings: &Settings, found: &mut Found) {
    let looked = || -> anyhow::Result<_> {
        let known = ledger::files::known(&Config::ledger(data))?;
        let [mut kept, staged] = artefacts::look(&settings.folder)?;
        if let Some(s3) = &settings.s3 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let store = s3.store()?;
            kept.extend(runtime.block_on(artefacts::look_elsewhere(store.as_ref(), s3.prefix()))?);
        }
        Ok((known, kept, staged))
    };
    let (known, kept, staged) = match looked() {
        Ok(looked) => looked,
        Err(error) => {
            found.wrong.push(format!("the files of models cannot be looked at: {error:#}"));
            return;
        }
    };
    let before = found.wrong.len();
    let clean = known.iter().filter_map(|of| Some((of, artefacts::name(of.key), of.bytes?)));
    let named = |path: &Path, name: &str| path.file_name().is_some_and(|of| of == name);
    for (of, name, bytes) in clean {
        match kept.iter().find(|(path, _)| named(path, &name)) {
            Some((_, there)) if *there == bytes => {}
            Some((path, there)) => found.wrong.push(format!(
                "{} of a model has {there} bytes in {}, and should have {bytes}: bring it again",
                of.name,
                path.display()
            )),
            None => found.wrong.push(format!(
                "{} of a model is clean in the ledger, and its bytes ({name}) are nowhere: bring it again",
                of.name
            )),
        }
    }
    let names: HashSet<String> = known.iter().map(|of| artefacts::name(of.key)).collect();
    for (path, _) in kept.iter().chain(&staged) {
        if !path.file_name().is_some_and(|name| names.contains(name.to_string_lossy().as_ref())) {
            found.wrong.push(format!("{} is of no file that the ledger knows: remove it", path.display()));
        }
    }
    if found.wrong.len() == before {
        found.sound.push(format!("the files of models are there: {} clean", kept.len()));
    }
}

fn audit(data: &Path, config: Option<&Config>, found: &mut Found) {
    let path = config.map_or_else(|| data.join(head::FILE), |config| config.audit_head.clone());
    let noted = match head::read(&path) {
        Ok(noted) => noted,
        Err(error) => {
            found.wrong.push(format!("the audit's head in {} cannot be read: {error}", path.display()));
            None
        }
    };
    match ledger::audit::check_file(&Config::ledger(data), noted.into_iter().collect()) {
        Ok(Ok(head)) => found.sound.push(format!("the audit is whole: {} acts", head.entries)),
        Ok(Err(wrong)) => found.wrong.push(format!("the audit is not whole: {wrong}")),
        Err(error) => found.wrong.push(chain(&error)),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
