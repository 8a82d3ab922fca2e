//! Why a pull ends, in the words of whoever can mend it.
//!
//! What must stay true: none of PostgreSQL's own words is passed on once it reads records, because a view that fails
//! quotes the value that it failed on; its SQLSTATE says enough.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};

use flip_web::plural;
use postgres::error::SqlState;

use super::settings::{PASSWORD_VARIABLE, Settings};

/// Why a pull ends.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// No `[pull]` part.
    #[error(
        "nothing says which PostgreSQL to read; write a part [pull] with host, database, user and ca_file into {}",
        file.display()
    )]
    NotConfigured {
        /// The configuration.
        file: PathBuf,
    },
    /// The password's file.
    #[error("the password file {} cannot be read", path.display())]
    PasswordFile {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it.
    #[error("other accounts may read the password file {0}; run: chmod 600 {0}", path.display())]
    OpenPasswordFile {
        /// Its path.
        path: PathBuf,
    },
    /// The authority's file.
    #[error("pull.ca_file {} is not right: {why}", path.display())]
    Authority {
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No connection.
    #[error(
        "PostgreSQL at {host}:{port} cannot be reached: {why}; check pull.host and pull.port, the firewall, and \
         listen_addresses of the server"
    )]
    Unreachable {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// What the system said.
        why: String,
    },
    /// The server speaks no TLS, or its certificate is not right.
    #[error("no encrypted connection to PostgreSQL at {host}: {why}")]
    Tls {
        /// The host.
        host: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// The password is wrong.
    #[error(
        "PostgreSQL does not take the password of {user}, or has none from here; put the right one into pull.password_file (mode 0600) or \
         into the environment variable {PASSWORD_VARIABLE}"
    )]
    Password {
        /// The role.
        user: String,
    },
    /// The server's host-based authentication says no, or there is no such role.
    #[error(
        "PostgreSQL does not let {user} in to {database} from here: {said}; check pull.user, and pg_hba.conf of the \
         server"
    )]
    NotLetIn {
        /// The role.
        user: String,
        /// The database.
        database: String,
        /// The server's words, which know of no record yet.
        said: String,
    },
    /// No such database.
    #[error("PostgreSQL has no database {database}; check pull.database")]
    NoDatabase {
        /// The database.
        database: String,
    },
    /// No such schema.
    #[error("the database {database} has no schema {schema}; check pull.schema. It has: {others}")]
    NoSchema {
        /// The database.
        database: String,
        /// The schema.
        schema: String,
        /// Those that there are.
        others: String,
    },
    /// No table of the CDM, or no person table.
    #[error("the schema {schema} has no table {table} of the OMOP CDM; check pull.schema")]
    NoTable {
        /// The schema.
        schema: String,
        /// What is missing.
        table: &'static str,
    },
    /// Rights are missing.
    #[error("{user} may not read {what}. The database's owner can write:\n{grants}")]
    NoRight {
        /// The role.
        user: String,
        /// What it may not read.
        what: String,
        /// The statements that mend it.
        grants: String,
    },
    /// The connection ended.
    #[error(
        "the connection to PostgreSQL was lost{}; the tables that were read stay here, and the same command goes on \
         with the others",
        within(*table)
    )]
    Lost {
        /// The table that was being read.
        table: Option<&'static str>,
    },
    /// Too slow.
    #[error(
        "PostgreSQL took longer than {seconds} s{}; raise pull.statement_timeout_s, and run the same command again",
        within(*table)
    )]
    TimedOut {
        /// The table that was being read.
        table: Option<&'static str>,
        /// The limit.
        seconds: u64,
    },
    /// The table was locked.
    #[error("somebody holds a lock{}; run the same command again when it is gone", within(*table))]
    Locked {
        /// The table that was being read.
        table: Option<&'static str>,
    },
    /// Anything else that the server says.
    #[error("PostgreSQL gave up{} (SQLSTATE {state}); the server's own log says why", within(*table))]
    Server {
        /// The table that was being read.
        table: Option<&'static str>,
        /// Its code.
        state: String,
    },
    /// What came is not what the snapshot holds.
    #[error(
        "{table}: {} came, and the same snapshot counts {counted}; run the same command again",
        plural(*copied, "row", None)
    )]
    Count {
        /// The table.
        table: &'static str,
        /// Rows that came.
        copied: u64,
        /// Rows that there are.
        counted: u64,
    },
    /// The disk is full.
    #[error(
        "the disk of {} is full; the tables that were read stay there. Make room and run the same command again",
        path.display()
    )]
    Full {
        /// Where.
        path: PathBuf,
    },
    /// A file of the spool.
    #[error("{} cannot be written or read", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another pull.
    #[error("another pull is at work in {}; wait for its end", folder.display())]
    Busy {
        /// Its folder.
        folder: PathBuf,
    },
}

fn within(table: Option<&'static str>) -> String {
    table.map(|table| format!(" while {table} was read")).unwrap_or_default()
}

impl PullError {
    /// An error of a file in the spool.
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge];
        if full.contains(&source.kind()) {
            return Self::Full { path: path.to_owned() };
        }
        Self::File { path: path.to_owned(), source }
    }

    /// An error once connected.
    pub(super) fn of(error: &postgres::Error, settings: &Settings, table: Option<&'static str>) -> Self {
        let Some(state) = error.code() else { return Self::Lost { table } };
        if *state == SqlState::QUERY_CANCELED {
            return Self::TimedOut { table, seconds: settings.statement_timeout.as_secs() };
        }
        if *state == SqlState::LOCK_NOT_AVAILABLE {
            return Self::Locked { table };
        }
        let ended = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
        if ended.contains(state) {
            return Self::Lost { table };
        }
        Self::Server { table, state: state.code().to_owned() }
    }

    /// An error of the connection itself. The server has read no record by then, so its words may be told.
    pub(super) fn connecting(error: &postgres::Error, settings: &Settings) -> Self {
        let Settings { host, port, database, user, .. } = settings;
        if let Some(said) = error.as_db_error() {
            let state = said.code();
            if *state == SqlState::INVALID_PASSWORD {
                return Self::Password { user: user.clone() };
            }
            if *state == SqlState::INVALID_CATALOG_NAME {
                return Self::NoDatabase { database: database.clone() };
            }
            return Self::NotLetIn {
                user: user.clone(),
                database: database.clone(),
                said: said.message().to_owned(),
            };
        }
        let said = error.to_string();
        let cause = error.source();
        if said.contains("TLS") || cause.is_some_and(|cause| rustls_error(cause).is_some()) {
            return Self::Tls { host: host.clone(), why: tls_words(cause) };
        }
        let why = cause.map_or(said, ToString::to_string);
        if why.contains("password missing") {
            return Self::Password { user: user.clone() };
        }
        Self::Unreachable { host: host.clone(), port: *port, why }
    }
}

/// What rustls has against the server, if it is that.
fn rustls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(error);
    }
    let io = error.downcast_ref::<io::Error>()?;
    io.get_ref()?.downcast_ref::<rustls::Error>()
}

fn tls_words(cause: Option<&(dyn std::error::Error + 'static)>) -> String {
    use rustls::CertificateError as Certificate;
    let Some(cause) = cause else {
        return "it offers none; turn on ssl at the server, or write danger_plain = true where nobody can listen in"
            .to_owned();
    };
    match rustls_error(cause) {
        Some(rustls::Error::InvalidCertificate(Certificate::UnknownIssuer | Certificate::BadSignature)) => {
            "its certificate is not of an authority in pull.ca_file; give the PEM of the one that signed it"
                .to_owned()
        }
        Some(rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        )) => "its certificate is for another name; write that name into pull.host".to_owned(),
        Some(rustls::Error::InvalidCertificate(
            Certificate::Expired | Certificate::ExpiredContext { .. },
        )) => "its certificate has expired, or this machine's clock is wrong".to_owned(),
        Some(other) => other.to_string(),
        None if cause.to_string().contains("does not support TLS") => tls_words(None),
        None => cause.to_string(),
    }
}
