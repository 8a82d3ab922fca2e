//! `appliance.toml`: as written (every line optional), then merged with defaults and checked.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flip_storage::settings::{self, Lines, Wrong};

use crate::data;
use crate::engine::Settings;
use crate::pull;

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
    /// Lines that are not right, all of them.
    #[error(transparent)]
    Wrong(#[from] Wrong),
}

/// A file's name in the appliance's folder. It need not be there.
pub const FILE: &str = "appliance.toml";

/// The most that `engine.cost_max` may be: the largest whole number of TOML.
const COST_MAX: u64 = i64::MAX.unsigned_abs();

impl Config {
    /// Reads and checks the configuration in the appliance's folder.
    pub fn load(data: &Path) -> Result<Self, ConfigError> {
        let file = data.join(FILE);
        match settings::text(&file) {
            Ok(text) => Self::check(&file, &text.unwrap_or_default()),
            Err(error) => Err(ConfigError::File(file, error)),
        }
    }

    /// Checks the text of a configuration, and names everything that is wrong with it.
    pub fn check(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let usual = Settings::new(PathBuf::new());
        let mut lines = Lines::of(file, text);
        let local_listen = loopback(&mut lines);
        let network = lines.yes("network").unwrap_or(true);
        let memory_mb = lines.whole("engine.memory_mb", usual.memory_mb, 64..=1_048_576);
        let threads = lines.whole("engine.threads", u64::from(usual.threads.get()), 1..=256);
        let timeout_s = lines.whole("engine.timeout_s", usual.timeout.as_secs(), 1..=86_400);
        let rows_max = lines.whole("engine.rows_max", usual.rows_max, 1..=1_000_000_000);
        let cost_max = lines.whole("engine.cost_max", usual.cost_max, 1_000_000..=COST_MAX);
        let watch = lines.text("ingest.watch").unwrap_or_else(|| "incoming".to_owned());
        let settle_s = lines.whole("ingest.settle_s", 60, 1..=86_400);
        let ingest_memory_mb = lines.whole("ingest.memory_mb", data::INGEST_MEMORY_MB, 256..=1_048_576);
        // Two at least: the one in use, and one to go back to.
        let kept = lines.whole("data.keep", data::GENERATIONS_KEPT as u64, 2..=1_000);
        let pull = pull::Settings::of(&mut lines, folder);
        lines.end()?;
        Ok(Self {
            local_listen,
            network,
            memory_mb,
            threads: u32::try_from(threads).ok().and_then(NonZeroU32::new).expect("between 1 and 256"),
            timeout: Duration::from_secs(timeout_s),
            rows_max,
            cost_max,
            watch: folder.join(watch),
            settle: Duration::from_secs(settle_s),
            ingest_memory_mb,
            generations_kept: usize::try_from(kept).expect("at most 1,000"),
            pull,
        })
    }
}

fn loopback(lines: &mut Lines) -> SocketAddr {
    let usual = SocketAddr::from(([127, 0, 0, 1], 8480));
    let Some(listen) = lines.text("local_listen") else { return usual };
    let address = listen.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback());
    address.unwrap_or_else(|| {
        let why = "expected a loopback address and a port, such as 127.0.0.1:8480; the page is for people at the \
                   machine alone";
        lines.wrong("local_listen", &format!("{listen:?}"), why);
        usual
    })
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
    fn everything_that_is_wrong_is_told_at_once_by_line() {
        let text = "local_listen = \"0.0.0.0:80\"\nnetwork = 1\n[engine]\nthreads = 0\nmemory = 5\ntimeout_s = -1\n\
                    [ingest]\nwatch = 3\n[data]\nkeep = 1\n[pull]\nport = 0\nhost = \"db\"\nuser = \"\"\n";
        let error = check(text).unwrap_err();
        let told = [
            "appliance.toml line 1: local_listen = \"0.0.0.0:80\" is not right",
            "appliance.toml line 2: network = 1 is not right: expected true or false",
            "appliance.toml line 4: engine.threads = 0 is not right: expected 1 to 256",
            "appliance.toml line 5: unknown field `engine.memory`; there are memory_mb, threads",
            "appliance.toml line 6: engine.timeout_s = -1 is not right",
            "appliance.toml line 8: ingest.watch = 3 is not right",
            "appliance.toml line 10: data.keep = 1 is not right",
            "appliance.toml line 12: pull.port = 0 is not right",
            "appliance.toml line 14: pull.user = \"\" is not right",
            "appliance.toml: pull.database is missing",
            "appliance.toml: pull.ca_file is missing",
        ];
        assert_eq!(error.lines().count(), told.len(), "{error}");
        assert!(error.lines().zip(told).all(|(line, told)| line.starts_with(told)), "{error}");
    }

    #[test]
    fn the_local_page_stays_on_loopback() {
        assert!(check("local_listen = \"0.0.0.0:80\"").unwrap_err().contains("loopback"));
    }
}
