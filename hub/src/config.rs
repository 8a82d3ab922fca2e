//! `hub.toml`: as written (every line optional), then merged with defaults and checked. All that is wrong is named at once.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use flip_storage::settings::{self, Wrong};

use crate::acme::settings as acme;
use crate::audit::head;
use crate::files::settings as artefacts;
use crate::mail::settings::Settings;
use crate::oidc::settings as oidc;
use crate::proxies::{self, Proxies};
use crate::tls::Files;
use crate::uri;

/// The configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the hub keeps everything.
    pub data: PathBuf,
    /// Where people connect.
    pub people_listen: SocketAddr,
    /// Where appliances connect.
    pub sites_listen: SocketAddr,
    /// `host:port` of the sites listener as kits say it; `None`: the listener's own address.
    pub sites_address: Option<String>,
    /// The names and addresses in the hub's server certificates.
    pub names: Vec<String>,
    /// Where the audit's head is written aside.
    pub audit_head: PathBuf,
    /// Where people reach the console, as a URL without a path; `None`: the people listener's own address.
    pub console_address: Option<String>,
    /// How mail is sent; `None`: the hub sends none.
    pub mail: Option<Settings>,
    /// What stands before the people listener.
    pub proxies: Proxies,
    /// Where metrics are read, on loopback; `None`: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where files of models are brought to and kept.
    pub artefacts: artefacts::Settings,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Whether people may do without a second factor; who has one is asked for it all the same.
    pub danger_no_second_factor: bool,
    /// The people listener's certificate and key; `None`: by ACME, else from the hub's own CA.
    pub people_files: Option<Files>,
    /// The ACME server that gives the people listener its certificates.
    pub acme: Option<acme::Settings>,
    /// The identity provider that vouches for people.
    pub oidc: Option<oidc::Settings>,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The folder was not made by `init`.
    #[error("{0} holds no hub; make one with: flip-hub --data {0} init")]
    NoHub(PathBuf),
    /// The file cannot be read.
    #[error("{0} cannot be read")]
    File(PathBuf, #[source] std::io::Error),
    /// Lines that are not right, all of them.
    #[error(transparent)]
    Wrong(#[from] Wrong),
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A file's name in the hub's folder.
pub const FILE: &str = "hub.toml";

impl Config {
    /// Reads and checks the configuration in the hub's folder.
    pub fn load(data: &Path) -> Result<Self, ConfigError> {
        let file = data.join(FILE);
        match settings::text(&file) {
            Ok(Some(text)) => Self::check(data, &text),
            Ok(None) => Err(ConfigError::NoHub(data.to_owned())),
            Err(error) => Err(ConfigError::File(file, error)),
        }
    }

    /// Checks the text of a configuration, and names everything that is wrong with it.
    pub fn check(data: &Path, text: &str) -> Result<Self, ConfigError> {
        let file = data.join(FILE);
        let mut lines = Lines(settings::Lines::of(&file, text));
        let people_listen = lines.address("people_listen", "127.0.0.1:8443");
        let sites_listen = lines.address("sites_listen", "0.0.0.0:8444");
        let metrics_listen = lines.loopback("metrics_listen");
        let sites_address = lines.host_and_port("sites_address");
        let mut names = lines.names("names");
        let audit_head = lines.0.text("audit_head").map_or_else(|| head::FILE.into(), PathBuf::from);
        let log_format = lines.log_format("log_format");
        let people_files = lines.pair("people_certificate", "people_key", data);
        let console_address = lines.0.text("console_address");
        let console_host = console_address.as_deref().and_then(|url| lines.host_of(url));
        let danger_no_second_factor = lines.0.yes("danger_no_second_factor").unwrap_or(false);
        let artefacts = lines.artefacts(data);
        let mail = lines.mail(data);
        let proxies = lines.proxies();
        let acme = lines.acme(data, console_host.as_deref());
        let oidc = lines.oidc(data);
        if acme.is_some() && people_files.is_some() {
            let why = "[acme] and people_certificate are two ways to one certificate; take one of them away";
            lines.0.problem("people_certificate", why);
        }
        if mail.is_some() && console_address.is_none() && people_listen.ip().is_unspecified() {
            let why = "is missing: the links in mails lead there, and people_listen names no machine";
            lines.0.problem("console_address", format!("console_address {why}"));
        }
        if oidc.is_some() && console_address.is_none() && people_listen.ip().is_unspecified() {
            let why = "is missing: the identity provider sends people back there, and people_listen names no machine";
            lines.0.problem("console_address", format!("console_address {why}"));
        }
        lines.0.end()?;
        names.extend(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()]);
        if let Some((host, _)) = sites_address.as_deref().and_then(|address| address.rsplit_once(':')) {
            names.push(host.trim_matches(['[', ']']).to_owned());
        }
        names.extend(
            [people_listen, sites_listen]
                .iter()
                .filter(|a| !a.ip().is_unspecified())
                .map(|a| a.ip().to_string()),
        );
        names.extend(console_host);
        names.sort();
        names.dedup();
        Ok(Self {
            data: data.to_owned(),
            people_listen,
            sites_listen,
            metrics_listen,
            artefacts,
            sites_address,
            names,
            audit_head: data.join(audit_head),
            log_format,
            danger_no_second_factor,
            people_files,
            acme,
            oidc,
            console_address,
            mail,
            proxies,
        })
    }

    /// The files that a configuration names and a backup does not hold: keys and the files in which they stand, such as
    /// `artefacts.s3.secret_key_file`.
    pub fn files_named(data: &Path, text: &str) -> Vec<(String, PathBuf)> {
        let mut found = Vec::new();
        if let Ok(written) = toml::from_str::<toml::Table>(text) {
            files_in(&written, "", data, &mut found);
        }
        found
    }

    /// The folder of the hub's keys.
    pub fn keys(data: &Path) -> PathBuf {
        data.join("keys")
    }

    /// The ledger's file.
    pub fn ledger(data: &Path) -> PathBuf {
        data.join("hub.sqlite")
    }
}

/// The lines of the file that were not looked at yet, and what was wrong with those that were.
struct Lines(settings::Lines);

impl Lines {
    fn text(&mut self, key: &str) -> Option<String> {
        self.0.text(key)
    }

    fn wrong(&mut self, key: &str, value: &str, why: &str) {
        self.0.wrong(key, &format!("{value:?}"), why);
    }

    fn address(&mut self, key: &str, default: &str) -> SocketAddr {
        let value = self.text(key).unwrap_or_else(|| default.to_owned());
        value.parse().unwrap_or_else(|_| {
            let why = "expected an address and a port, such as 127.0.0.1:8443 or [::]:8444";
            self.wrong(key, &value, why);
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn loopback(&mut self, key: &str) -> Option<SocketAddr> {
        let value = self.text(key)?;
        let address = value.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback());
        if address.is_none() {
            let why =
                "expected an address of loopback and a port, such as 127.0.0.1:9464: metrics have no sign-in";
            self.wrong(key, &value, why);
        }
        address
    }

    fn host_and_port(&mut self, key: &str) -> Option<String> {
        let address = self.text(key)?;
        if uri::authority(&address).and_then(|(_, port)| port).is_none() {
            let why = "expected a host and a port, such as hub.example.org:8444 or [2001:db8::1]:8444";
            self.wrong(key, &address, why);
        }
        Some(address)
    }

    fn names(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.0.take(key) else { return Vec::new() };
        let texts = value.as_array().and_then(|names| {
            names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        let Some(names) = texts else {
            self.0.wrong(key, &value, "expected a list of texts, such as [\"hub.example.org\"]");
            return Vec::new();
        };
        for name in &names {
            if !uri::is_name(name) && name.parse::<IpAddr>().is_err() {
                self.wrong(key, name, "expected host names or IP addresses");
            }
        }
        names
    }

    fn log_format(&mut self, key: &str) -> LogFormat {
        match self.text(key).as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => {
                self.wrong(key, other, "expected \"text\" or \"json\"");
                LogFormat::Text
            }
        }
    }

    fn pair(&mut self, certificate: &str, key: &str, data: &Path) -> Option<Files> {
        match (self.text(certificate), self.text(key)) {
            (Some(certificate), Some(key)) => {
                Some(Files { certificate: data.join(certificate), key: data.join(key) })
            }
            (None, None) => None,
            (Some(_), None) => {
                self.0.problem(certificate, format!("{certificate} needs {key} beside it"));
                None
            }
            (None, Some(_)) => {
                self.0.problem(key, format!("{key} needs {certificate} beside it"));
                None
            }
        }
    }

    /// The host of an `https://host` or `https://host:port`.
    fn host_of(&mut self, url: &str) -> Option<String> {
        let host = host_of_url(url);
        if host.is_none() {
            let why =
                "expected where people reach the console, without a path, such as https://flip.example.org";
            self.wrong("console_address", url, why);
        }
        host
    }

    fn artefacts(&mut self, data: &Path) -> artefacts::Settings {
        let written = self.0.part("artefacts").unwrap_or_else(|| Ok(artefacts::Written::default()));
        let checked = written.and_then(|written| artefacts::Settings::check(data, written));
        self.checked("artefacts", checked).unwrap_or_default()
    }

    fn mail(&mut self, data: &Path) -> Option<Settings> {
        let written = self.0.part("mail")?;
        let checked = written.and_then(|written| Settings::check(data, written));
        self.checked("mail", checked)
    }

    fn proxies(&mut self) -> Proxies {
        let written: Option<Result<proxies::Written, _>> = self.0.part("proxies");
        let checked = written.and_then(|written| self.checked("proxies", written.and_then(Proxies::check)));
        checked.unwrap_or_default()
    }

    fn checked<T>(&mut self, section: &str, checked: Result<T, Vec<String>>) -> Option<T> {
        let note = |problems: Vec<String>| {
            for problem in problems {
                self.0.problem_in(section, &problem);
            }
        };
        checked.map_err(note).ok()
    }

    fn acme(&mut self, data: &Path, host: Option<&str>) -> Option<acme::Settings> {
        let written = self.0.part("acme")?;
        let checked = written.and_then(|written| acme::Settings::check(data, written, host));
        self.checked("acme", checked)
    }

    fn oidc(&mut self, data: &Path) -> Option<oidc::Settings> {
        let written = self.0.part("oidc")?;
        let checked = written.and_then(|written| oidc::Settings::check(data, written));
        self.checked("oidc", checked)
    }
}

fn files_in(table: &toml::Table, above: &str, data: &Path, found: &mut Vec<(String, PathBuf)>) {
    for (key, value) in table {
        let whole = format!("{above}{key}");
        if let Some(inner) = value.as_table() {
            files_in(inner, &format!("{whole}."), data, found);
        } else if key.ends_with("_file") || key == "people_certificate" || key == "people_key" {
            found.extend(value.as_str().map(|file| (whole, data.join(file))));
        }
    }
}

fn host_of_url(url: &str) -> Option<String> {
    uri::authority(url.strip_prefix("https://")?).map(|(host, _)| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, String> {
        Config::check(Path::new("/hub"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = check("").unwrap();
        assert_eq!(config.people_listen.port(), 8443);
        assert_eq!(config.names, ["127.0.0.1", "::1", "localhost"]);
        assert!(!config.danger_no_second_factor);
    }

    #[test]
    fn an_unknown_line_is_refused_by_name() {
        let error = check("people_listten = \"127.0.0.1:1\"").unwrap_err();
        assert!(error.contains("people_listten") && error.contains("people_listen"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line_and_what_is_expected() {
        let error = check("sites_listen = \"8444\"").unwrap_err();
        assert!(error.contains("sites_listen = \"8444\"") && error.contains("[::]:8444"), "{error}");
        assert!(check("sites_address = \"hub.example.org\"").unwrap_err().contains("a port"));
        assert!(check("names = [\"not a name\"]").unwrap_err().contains("not a name"));
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let text = "people_listen = 8443\nsites_address = \"hub\"\nnames = \"hub\"\nlog_format = \"xml\"\n\
                    danger_no_second_factor = 1\nmetrics_listen = \"0.0.0.0:9464\"\npeople_key = \"k.pem\"\nbanner = true\nport = 1";
        let error = check(text).unwrap_err();
        let of = [
            "people_listen = 8443",
            "sites_address = \"hub\"",
            "names = \"hub\"",
            "log_format = \"xml\"",
            "danger_no_second_factor = 1",
            "metrics_listen = \"0.0.0.0:9464\"",
            "people_key needs people_certificate",
            "field `banner`",
            "field `port`",
        ];
        assert_eq!(error.lines().count(), of.len(), "{error}");
        assert!(of.iter().all(|of| error.contains(of)), "{error}");
    }

    #[test]
    fn an_identity_provider_needs_an_address_to_send_people_back_to() {
        let oidc = "[oidc]\nissuer = \"https://e.f\"\nclient_id = \"flip\"";
        let anywhere = "people_listen = \"0.0.0.0:8443\"\n";
        assert!(check(&format!("{anywhere}{oidc}")).unwrap_err().contains("console_address is missing"));
        assert!(check(&format!("{anywhere}console_address = \"https://c.d\"\n{oidc}")).is_ok());
        assert!(
            check(&format!("{oidc}\nsecret = \"s\"")).unwrap_err().contains("[oidc]: unknown field `secret`")
        );
    }

    #[test]
    fn every_key_is_known() {
        let text = "people_listen = \"127.0.0.1:1\"\nsites_listen = \"127.0.0.1:2\"\nsites_address = \"h:1\"\n\
                    names = [\"a.b\"]\npeople_certificate = \"c.pem\"\npeople_key = \"k.pem\"\n\
                    metrics_listen = \"127.0.0.1:3\"\nlog_format = \"json\"\naudit_head = \"/elsewhere/head\"\n\
                    console_address = \"https://c.d\"\n\
                    danger_no_second_factor = true\n[acme]\nterms_agreed = true\n[artefacts]\nfolder = \"f\"\n\
                    [mail]\nserver = \"localhost\"\n\
                    from = \"a@b.org\"\n[proxies]\naddresses = [\"10.0.0.1\"]\n[oidc]\nissuer = \"https://e.f\"\n\
                    client_id = \"flip\"";
        let error = check(text).unwrap_err();
        assert!(error.contains("take one of them away") && error.lines().count() == 1, "{error}");
        let unknown = check("unknown = 1").unwrap_err();
        let (_, known) = unknown.split_once("; there are ").unwrap();
        let written = text.lines().filter_map(|line| match line.split_once(" = ") {
            Some((key, _)) if known.split(", ").any(|known| known == key) => Some(key.to_owned()),
            Some(_) => None,
            None => Some(line.to_owned()),
        });
        let (mut written, mut known) = (written.collect::<Vec<_>>(), known.split(", ").collect::<Vec<_>>());
        written.sort_unstable();
        known.sort_unstable();
        assert_eq!(written, known);
        let config = check(&text.replace("[acme]\nterms_agreed = true\n", "")).unwrap();
        assert!(config.mail.is_some() && config.oidc.is_some() && config.danger_no_second_factor);
        assert_ne!(config.proxies, Proxies::default());
        assert_eq!(config.log_format, LogFormat::Json);
        assert_eq!(config.audit_head, Path::new("/elsewhere/head"));
        assert_eq!(config.people_files.unwrap().certificate, Path::new("/hub/c.pem"));
    }

    #[test]
    fn the_files_that_it_names_are_found_wherever_they_stand() {
        let text = "people_key = \"k.pem\"\n[mail]\npassword_file = \"/safe/mail\"\n[artefacts.s3]\n\
                    secret_key_file = \"s3.secret\"";
        let found = Config::files_named(Path::new("/hub"), text);
        let of = |key: &str, path: &str| (key.to_owned(), PathBuf::from(path));
        let expected = [
            of("artefacts.s3.secret_key_file", "/hub/s3.secret"),
            of("mail.password_file", "/safe/mail"),
            of("people_key", "/hub/k.pem"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_public_address_is_in_the_certificate() {
        let config = check("sites_address = \"hub.example.org:443\"").unwrap();
        assert!(config.names.contains(&"hub.example.org".to_owned()));
    }

    #[test]
    fn the_address_that_kits_say_is_a_host_and_a_port() {
        for fine in ["hub.example.org:8444", "flip_hub:8444", "192.0.2.7:1", "[2001:db8::7]:8444"] {
            let config = check(&format!("sites_address = {fine:?}")).unwrap();
            let (host, _) = fine.rsplit_once(':').unwrap();
            assert!(config.names.contains(&host.trim_matches(['[', ']']).to_owned()), "{fine}");
        }
        for bad in [
            "hub.example.org",
            ":8444",
            "hub.example.org:0",
            "hub.example.org:99999",
            "https://hub.example.org:8444",
            "hub.example.org:8444/",
            "the hub:8444",
            "hüb.example.org:8444",
            "2001:db8::7:8444",
            "[hub]:8444",
        ] {
            let error = check(&format!("sites_address = {bad:?}")).unwrap_err();
            assert!(error.contains("expected a host and a port"), "{bad}: {error}");
        }
    }

    #[test]
    fn the_consoles_address_is_a_url_without_a_path() {
        for fine in ["https://flip.example.org", "https://flip.example.org:8443", "https://[::1]:8443"] {
            assert_eq!(
                check(&format!("console_address = {fine:?}")).unwrap().console_address.as_deref(),
                Some(fine)
            );
        }
        assert!(
            check("console_address = \"https://flip.example.org\"")
                .unwrap()
                .names
                .contains(&"flip.example.org".to_owned())
        );
        for bad in [
            "http://a.org",
            "https://a.org/",
            "https://",
            "https://a.org:0",
            "https://a b",
            "https://::1",
            "flip.example.org",
        ] {
            assert!(
                check(&format!("console_address = {bad:?}")).unwrap_err().contains("without a path"),
                "{bad}"
            );
        }
    }

    #[test]
    fn artefacts_go_to_the_folder_that_is_named_and_every_problem_is() {
        assert_eq!(check("").unwrap().artefacts.folder, Path::new("/hub/artefacts"));
        let named = check("[artefacts]\nfolder = \"/srv/files\"").unwrap();
        assert_eq!(named.artefacts.folder, Path::new("/srv/files"));
        assert!(check("[artefacts]\nbucket = \"b\"").unwrap_err().contains("bucket"));
        assert!(check("artefacts = \"here\"").unwrap_err().contains("[artefacts]"));
        let error =
            check("[artefacts.s3]\nendpoint = \"http://s3.example.org\"\n[mail]\nport = 0").unwrap_err();
        for word in ["[artefacts]: s3: endpoint", "[artefacts]: s3: bucket", "[mail]: server"] {
            assert!(error.contains(word), "{word}: {error}");
        }
    }

    #[test]
    fn mail_needs_an_address_for_its_links_and_every_problem_is_named() {
        let mail = "[mail]\nserver = \"localhost\"\nfrom = \"flip@example.org\"";
        assert!(check(mail).unwrap().mail.is_some());
        let anywhere = format!("people_listen = \"0.0.0.0:8443\"\n{mail}");
        assert!(check(&anywhere).unwrap_err().contains("console_address is missing"));
        let error = check("[mail]\nport = 0\nfrom = \"flip\"").unwrap_err();
        for word in [
            "hub.toml line 1: [mail]",
            "hub.toml line 2: [mail]: port",
            "server is missing",
            "port = \"0\"",
            "from = \"flip\"",
        ] {
            assert!(error.contains(word), "{word}: {error}");
        }
        assert!(check("[mail]\nsmtp = 1").unwrap_err().contains("smtp"));
    }
}
