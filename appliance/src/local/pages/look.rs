//! What is allowed, what was done, and what the program says.

use flip_storage::audit::{AuditError, Entry};
use flip_storage::error_chain;
use flip_web::pages::{self as web, Moment};
use serde_json::Value;
use tracing::Level;

use super::orders::encoded;
use super::{Asked, REFRESH_S, engine_of, frame, sandbox_of};
use crate::bounds;
use crate::clock;
use crate::disclosure;
use crate::site::Site;

/// The policy in force.
pub fn policy(site: &Site) -> web::SitePolicy {
    let settings = site.desk.policy().settings().into_iter().map(|setting| web::Setting {
        name: setting.name.to_owned(),
        in_force: setting.in_force,
        default: setting.by_itself,
        protects: setting.protects.to_owned(),
        loosened: setting.loosened,
    });
    web::SitePolicy {
        frame: frame(site),
        file: site.place.folder().join(disclosure::FILE).display().to_string(),
        settings: settings.collect(),
        engine: engine_of(site),
        sandbox: sandbox_of(site),
    }
}

/// A page of the audit log.
pub fn audit(site: &Site, asked: &Asked) -> Result<web::SiteAudit, String> {
    let words = asked.words();
    let before: u64 = asked.before.parse().unwrap_or(u64::MAX);
    let small = words.to_lowercase();
    let wanted = |entry: &Entry| {
        entry.number < before
            && (small.is_empty()
                || said(&entry.act).contains(&small)
                || entry.facts.to_string().to_lowercase().contains(&small))
    };
    let first_page = before == u64::MAX && words.is_empty();
    // The newest are read from the end; anything else, and a check, reads all and so checks it too.
    let found = if first_page {
        site.audit.newest(bounds::PAGE_ROWS + 1)
    } else {
        site.audit.newest_of(bounds::PAGE_ROWS + 1, wanted)
    };
    let checked = (!asked.verify.is_empty()).then(|| site.audit.verify());
    let (mut entries, mut chain) = match found {
        Ok(entries) => (entries, None),
        Err(error @ AuditError::Altered { .. }) => {
            (Vec::new(), Some(web::Chain::Altered { why: error_chain(&error) }))
        }
        Err(error @ (AuditError::File { .. } | AuditError::TooLong)) => return Err(error_chain(&error)),
    };
    match checked {
        Some(Ok(head)) => chain = Some(web::Chain::Sound { entries: head.entries, hash: head.hash }),
        Some(Err(error)) => chain = Some(web::Chain::Altered { why: error_chain(&error) }),
        None => {}
    }
    let more = entries.len() > bounds::PAGE_ROWS;
    entries.truncate(bounds::PAGE_ROWS);
    let older = entries
        .last()
        .filter(|_| more)
        .map(|entry| format!("/audit?before={}&words={}", entry.number, encoded(&words)));
    let now = clock::now();
    Ok(web::SiteAudit {
        frame: frame(site),
        acts: entries.into_iter().map(|entry| act(entry, now.0)).collect(),
        older_href: older,
        newest_href: (before != u64::MAX).then(|| format!("/audit?words={}", encoded(&words))),
        words,
        chain,
    })
}

pub fn act(entry: Entry, now_ms: u64) -> web::Act {
    let facts = match entry.facts {
        Value::Object(facts) => facts.into_iter().map(|(name, value)| (said(&name), plain(&value))).collect(),
        Value::Null => Vec::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            vec![("facts".to_owned(), plain(&other))]
        }
    };
    web::Act { number: entry.number, at: Moment::at(entry.at_ms, now_ms), act: said(&entry.act), facts }
}

/// `data_used` as `data used`.
fn said(name: &str) -> String {
    name.replace('_', " ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The last lines of the log.
pub fn logs(site: &Site, asked: &Asked) -> web::SiteLogs {
    let words = asked.words();
    let (level, least) = match asked.level.as_str() {
        "error" => (web::Level::Error, Level::ERROR),
        "warn" => (web::Level::Warn, Level::WARN),
        "debug" => (web::Level::Debug, Level::TRACE),
        _ => (web::Level::Info, Level::INFO),
    };
    let now = clock::now();
    let lines = site.logs.newest(least, &words).into_iter().map(|line| web::LogLine {
        at: Moment::at(line.at.0, now.0),
        level: match line.level {
            Level::ERROR => web::Level::Error,
            Level::WARN => web::Level::Warn,
            Level::INFO => web::Level::Info,
            _ => web::Level::Debug,
        },
        part: line.target.trim_start_matches("flip_appliance::").to_owned(),
        text: line.text,
    });
    web::SiteLogs {
        frame: frame(site),
        level,
        lines: lines.collect(),
        words,
        kept: bounds::LOG_LINES as u64,
        refresh_seconds: Some(REFRESH_S),
    }
}
