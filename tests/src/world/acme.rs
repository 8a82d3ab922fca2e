//! A real ACME server: Let's Encrypt's own for tests, pebble, with a name server that says that every name is here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Api, Program, free_port, until};
use crate::postgres::tls;

/// An ACME server on loopback.
pub struct AcmeServer {
    folder: PathBuf,
    port: u16,
    management: u16,
    _names: Program,
    _server: Program,
}

impl AcmeServer {
    /// One that looks at challenges at that port.
    pub fn start(folder: &Path, tls_port: u16) -> Result<Self> {
        fs::create_dir_all(folder)?;
        tls::write_certificates(folder)?;
        let (dns, port, management) = (free_port()?, free_port()?, free_port()?);
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-dns01", &format!("127.0.0.1:{dns}"), "-http01", "", "-https01", "", "-tlsalpn01", ""]);
        names.args(["-management", &format!("127.0.0.1:{}", free_port()?)]);
        names.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        let names = Program::start(names, &folder.join("names.log"))?;
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("server.pem"),
            "privateKey": folder.join("server.key"),
            "httpPort": 1,
            "tlsPort": tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        } });
        fs::write(folder.join("pebble.json"), config.to_string())?;
        let mut server = Command::new("pebble");
        server.arg("-config").arg(folder.join("pebble.json"));
        server.args(["-dnsserver", &format!("127.0.0.1:{dns}")]).env("PEBBLE_VA_NOSLEEP", "1");
        let server = Program::start(server, &folder.join("pebble.log"))?;
        let server = Self { folder: folder.to_owned(), port, management, _names: names, _server: server };
        until("the ACME server", || Ok(server.told("/roots/0").ok()))?;
        Ok(server)
    }

    /// The lines of `hub.toml` for it.
    pub fn lines(&self, names: &[&str]) -> String {
        let ca = self.folder.join("authority.pem");
        format!(
            "[acme]\ndirectory = \"https://localhost:{}/dir\"\nnames = {names:?}\nterms_agreed = true\nca_file = \"{}\"\n",
            self.port,
            ca.display()
        )
    }

    /// The file of the CA that its certificates hang from: it makes a new one at every start.
    pub fn authority(&self) -> Result<PathBuf> {
        let file = self.folder.join("root.pem");
        fs::write(&file, self.told("/roots/0")?)?;
        Ok(file)
    }

    fn told(&self, path: &str) -> Result<String> {
        let api = Api::new(&format!("localhost:{}", self.management), &self.folder.join("authority.pem"))?;
        let reply = api.get(path)?;
        (reply.status == 200).then_some(reply.text).context("the ACME server's management")
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("pebble.log")).unwrap_or_default()
    }
}
