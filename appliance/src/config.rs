//! `appliance.toml`: as written (every line optional), then merged with defaults and checked.

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::data;
use crate::engine::Settings;
use crate::pull::{self, WrittenPull};

/// What may stand in `appliance.toml`. Unknown lines are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    local_listen: Option<String>,
    network: Option<bool>,
    engine: Option<WrittenEngine>,
    ingest: Option<WrittenIngest>,
    data: Option<WrittenData>,
    pull: Option<WrittenPull>,
}

/// The `[engine]` part.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenEngine {
    memory_mb: Option<u64>,
    threads: Option<u32>,
    timeout_s: Option<u64>,
    rows_max: Option<u64>,
    cost_max: Option<u64>,
}

/// The `[ingest]` part.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenIngest {
    watch: Option<PathBuf>,
    settle_s: Option<u64>,
    memory_mb: Option<u64>,
}

/// The `[data]` part.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenData {
    keep: Option<u64>,
}

/// The configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the local page listens; on loopback.
    pub local_listen: SocketAddr,
    /// Whether the hub is looked for on a network; else sticks alone carry its work.
    pub network: bool,
    /// The engine's memory, in MiB.
    pub memory_mb: u64,
    /// The engine's threads.
    pub threads: NonZeroU32,
    /// How long one question may take.
    pub timeout: Duration,
    /// The most rows of one question's result.
    pub rows_max: u64,
    /// The most rows and pairs of rows that one question may be expected to go through.
    pub cost_max: u64,
    /// The folder that is watched for extracts.
    pub watch: PathBuf,
    /// How long nothing in an extract's folder may have changed before it is taken.
    pub settle: Duration,
    /// The memory of an ingest, in MiB.
    pub ingest_memory_mb: u64,
    /// Data generations that stay.
    pub generations_kept: usize,
    /// The PostgreSQL that `pull` reads.
    pub pull: Option<pull::Settings>,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{0} cannot be read")]
    File(PathBuf, #[source] std::io::Error),
    /// Not TOML, or an unknown line.
    #[error("{0} is not right: {1}")]
    Toml(PathBuf, String),
    /// One line's value.
    #[error("{file}: {key} = {value} is not right: {why}")]
    Value {
        /// The file.
        file: PathBuf,
        /// The line.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A file's name in the appliance's folder. It need not be there.
pub const FILE: &str = "appliance.toml";

impl Config {
    /// Reads and checks the configuration in the appliance's folder.
    pub fn load(data: &Path) -> Result<Self, ConfigError> {
        let file = data.join(FILE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(ConfigError::File(file, error)),
        };
        Self::check(&file, &text)
    }

    /// Checks the text of a configuration.
    pub fn check(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let written: Written =
            toml::from_str(text).map_err(|error| ConfigError::Toml(file.to_owned(), error.to_string()))?;
        let wrong = |key, value: String, why: &str| ConfigError::Value {
            file: file.to_owned(),
            key,
            value,
            why: why.to_owned(),
        };
        let listen = written.local_listen.unwrap_or_else(|| "127.0.0.1:8480".to_owned());
        let local_listen =
            listen.parse::<SocketAddr>().ok().filter(|address| address.ip().is_loopback()).ok_or_else(
                || {
                    let why = "expected a loopback address and a port, such as 127.0.0.1:8480; \
                           the page is for people at the machine alone";
                    wrong("local_listen", format!("{listen:?}"), why)
                },
            )?;
        let engine = written.engine.unwrap_or_default();
        let within = |key, value: Option<u64>, default, range: std::ops::RangeInclusive<u64>| {
            let value = value.unwrap_or(default);
            if range.contains(&value) {
                Ok(value)
            } else {
                Err(wrong(key, value.to_string(), &format!("expected {} to {}", range.start(), range.end())))
            }
        };
        let usual = Settings::new(PathBuf::new());
        let threads = u64::from(usual.threads.get());
        let threads = within("engine.threads", engine.threads.map(u64::from), threads, 1..=256)?;
        let timeout_s = usual.timeout.as_secs();
        let ingest = written.ingest.unwrap_or_default();
        let watch = ingest.watch.unwrap_or_else(|| PathBuf::from("incoming"));
        let kept = written.data.unwrap_or_default().keep;
        // Two at least: the one in use, and one to go back to.
        let kept = within("data.keep", kept, data::GENERATIONS_KEPT as u64, 2..=1_000)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let pull = written.pull.map(|pull| pull.check(folder)).transpose();
        let pull = pull.map_err(|(key, value, why)| wrong(key, value, &why))?;
        Ok(Self {
            local_listen,
            network: written.network.unwrap_or(true),
            memory_mb: within("engine.memory_mb", engine.memory_mb, usual.memory_mb, 64..=1_048_576)?,
            threads: u32::try_from(threads).ok().and_then(NonZeroU32::new).expect("between 1 and 256"),
            timeout: Duration::from_secs(within(
                "engine.timeout_s",
                engine.timeout_s,
                timeout_s,
                1..=86_400,
            )?),
            rows_max: within("engine.rows_max", engine.rows_max, usual.rows_max, 1..=1_000_000_000)?,
            cost_max: within("engine.cost_max", engine.cost_max, usual.cost_max, 1_000_000..=u64::MAX)?,
            watch: file.parent().unwrap_or(Path::new("")).join(watch),
            settle: Duration::from_secs(within("ingest.settle_s", ingest.settle_s, 60, 1..=86_400)?),
            ingest_memory_mb: within(
                "ingest.memory_mb",
                ingest.memory_mb,
                data::INGEST_MEMORY_MB,
                256..=1_048_576,
            )?,
            generations_kept: usize::try_from(kept).expect("at most 1,000"),
            pull,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, String> {
        Config::check(Path::new("appliance.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = check("").unwrap();
        assert_eq!(config.rows_max, 50_000_000);
        assert!(config.local_listen.ip().is_loopback());
    }

    #[test]
    fn an_unknown_line_is_refused_by_name() {
        let error = check("local_lisen = \"127.0.0.1:1\"").unwrap_err();
        assert!(error.contains("local_lisen") && error.contains("local_listen"), "{error}");
        assert!(check("[engine]\nmemory = 5").unwrap_err().contains("memory_mb"));
    }

    #[test]
    fn the_watched_folder_is_beside_the_configuration_unless_it_says_where() {
        let of = |text| Config::check(Path::new("/data/appliance.toml"), text).unwrap();
        assert_eq!(of("").watch, Path::new("/data/incoming"));
        assert_eq!(of("[ingest]\nwatch = \"/srv/omop\"").watch, Path::new("/srv/omop"));
        assert!(check("[data]\nkeep = 1").unwrap_err().contains("data.keep = 1"));
    }

    #[test]
    fn the_local_page_stays_on_loopback() {
        assert!(check("local_listen = \"0.0.0.0:80\"").unwrap_err().contains("loopback"));
    }
}
