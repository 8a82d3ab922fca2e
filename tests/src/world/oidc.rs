//! A real identity provider: oidc-provider from npm. It is at `localhost` and hubs are at `127.0.0.1`, so that the two
//! are different sites to a browser.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::{Hub, Program, free_port};
use crate::postgres::tls;

const CLIENT: &str = "flip";

/// A provider on loopback that may be away.
pub struct IdentityProvider {
    folder: PathBuf,
    port: u16,
    with_secret: bool,
    program: Option<Program>,
}

impl IdentityProvider {
    /// One that is away yet and knows nobody; with a secret, a hub needs it.
    pub fn new(folder: &Path, with_secret: bool) -> Result<Self> {
        fs::create_dir_all(folder)?;
        tls::write_certificates(folder)?;
        let secret = folder.join("client.secret");
        fs::write(&secret, "plover umber sixpence 4 and more\n")?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        let provider = Self { folder: folder.to_owned(), port: free_port()?, with_secret, program: None };
        provider.knows(&json!([]), None)?;
        Ok(provider)
    }

    /// The lines of `hub.toml` for it.
    pub fn lines(&self) -> String {
        let secret = self.folder.join("client.secret");
        let secret = if self.with_secret {
            format!("client_secret_file = \"{}\"\n", secret.display())
        } else {
            String::new()
        };
        format!(
            "[oidc]\nissuer = \"https://localhost:{}\"\nclient_id = {CLIENT:?}\nlabel = \"Example Health\"\n\
             ca_file = \"{}\"\n{secret}",
            self.port,
            self.folder.join("authority.pem").display()
        )
    }

    /// Where it is, as a URL.
    pub fn issuer(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Starts it, for a hub whose console is at that URL; its keys are others each time.
    pub fn start(&mut self, console: &str) -> Result<()> {
        let cache = std::env::var("FLIP_CACHE").context("FLIP_CACHE must be set; run this through make")?;
        let modules = Path::new(&cache).join("oidc");
        ensure!(
            modules.join("node_modules").exists(),
            "{} is missing; tests/prepare/oidc.sh makes it",
            modules.display()
        );
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("prepare/oidc_provider.mjs");
        let mut command = Command::new("node");
        command.arg(program).arg("--modules").arg(modules).arg("--folder").arg(&self.folder);
        command.args(["--port", &self.port.to_string(), "--client", CLIENT]);
        command.args(["--callback", &format!("{console}/sign-in/oidc/callback")]);
        command.args(["--after", &format!("{console}/sign-in")]);
        if self.with_secret {
            command.arg("--secret-file").arg(self.folder.join("client.secret"));
        }
        let log = self.folder.join("log");
        let _ = fs::remove_file(&log);
        let mut program = Program::start(command, &log)?;
        program.says("the provider is ready")?;
        self.program = Some(program);
        Ok(())
    }

    /// SIGKILL.
    pub fn stop(&mut self) -> Result<()> {
        self.program.take().context("the provider is not running")?.kill()
    }

    /// From now on it knows these people: each with `login`, `sub`, `email`, `email_verified`, and `amr` and `acr` where
    /// something is to be said of how they signed in. With a lie, its ID tokens are not what they have to be; with `discovery`, what it says of itself.
    pub fn knows(&self, people: &Value, lie: Option<&str>) -> Result<()> {
        // In one step: the provider reads it all the while.
        let (new, file) = (self.folder.join("people.new"), self.folder.join("people.json"));
        fs::write(&new, json!({ "people": people, "lie": lie }).to_string())?;
        Ok(fs::rename(new, file)?)
    }

    /// What it has said since it was started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// A browser without a screen, for what a real one would not do: it follows from the hub to the provider and back, and
/// stops before the hub hears of it.
pub struct Wanderer {
    agent: Agent,
    /// Cookies by host and port.
    cookies: BTreeMap<(String, String), String>,
}

/// A page that came.
#[derive(Debug, Clone)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// Where it leads; empty where nowhere.
    pub location: String,
    /// The body.
    pub text: String,
}

impl Wanderer {
    /// One without cookies, which trusts this hub and this provider.
    pub fn new(hub: &Hub, provider: &IdentityProvider) -> Result<Self> {
        let files = [hub.data.join("keys/ca.pem"), provider.folder.join("authority.pem")];
        let read =
            |file: &PathBuf| -> Result<Certificate<'static>> { Ok(Certificate::from_pem(&fs::read(file)?)?) };
        let roots = files.iter().map(read).collect::<Result<Vec<_>>>()?;
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
        let config = Agent::config_builder().tls_config(tls).http_status_as_error(false).max_redirects(0);
        let agent = config.proxy(None).timeout_global(Some(Duration::from_mins(1))).build().new_agent();
        Ok(Self { agent, cookies: BTreeMap::new() })
    }

    /// Begins at the hub with these parameters, signs in at the provider where it asks, and gives the address at the hub
    /// to which the provider leads.
    pub fn to_the_provider_and_back(&mut self, console: &str, query: &str, login: &str) -> Result<String> {
        let mut page = self.get(&format!("{console}/sign-in/oidc{query}"))?;
        let mut at = String::new();
        for _ in 0..10 {
            if page.location.is_empty() {
                let form = page.text.split("action=\"").nth(1).and_then(|rest| rest.split('"').next());
                let form =
                    form.with_context(|| format!("{at} leads nowhere: {} {}", page.status, page.text))?;
                let url = resolved(&at, form)?;
                page = self.send(&url, Some(&format!("login={login}")))?;
                at = url;
                continue;
            }
            let next = if at.is_empty() { page.location.clone() } else { resolved(&at, &page.location)? };
            if next.starts_with(console) {
                return Ok(next);
            }
            page = self.get(&next)?;
            at = next;
        }
        bail!("the way does not end: {at}")
    }

    /// GET, with the cookies that are of there.
    pub fn get(&mut self, url: &str) -> Result<Page> {
        self.send(url, None)
    }

    /// A cookie of a host and port.
    pub fn cookie(&self, console: &str, name: &str) -> Option<&str> {
        let key = (host(console).ok()?.to_owned(), name.to_owned());
        self.cookies.get(&key).map(String::as_str)
    }

    fn send(&mut self, url: &str, form: Option<&str>) -> Result<Page> {
        let host = host(url)?.to_owned();
        let of_here = self.cookies.iter().filter(|((of, _), _)| *of == host);
        let cookies: Vec<String> = of_here.map(|((_, name), value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut response = match form {
            None => self.agent.get(url).header("cookie", cookies).call()?,
            Some(form) => self
                .agent
                .post(url)
                .header("cookie", cookies)
                .header("content-type", "application/x-www-form-urlencoded")
                .send(form)?,
        };
        let headers = response.headers();
        for set in headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()) {
            let (name, value) =
                set.split(';').next().and_then(|pair| pair.split_once('=')).context("no cookie")?;
            self.cookies.insert((host.clone(), name.to_owned()), value.to_owned());
        }
        let location = headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Page {
            status: response.status().as_u16(),
            location: location.to_owned(),
            text: response.body_mut().read_to_string()?,
        })
    }
}

fn host(url: &str) -> Result<&str> {
    let rest = url.strip_prefix("https://").with_context(|| format!("no https: {url}"))?;
    Ok(rest.split('/').next().unwrap_or(rest))
}

fn resolved(at: &str, to: &str) -> Result<String> {
    if to.starts_with('/') { Ok(format!("https://{}{to}", host(at)?)) } else { Ok(to.to_owned()) }
}
