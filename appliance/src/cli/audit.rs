//! `flip-appliance audit`: read, check and write out what was done here.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use flip_protocol::UnixMillis;
use flip_storage::audit::{Audit, Entry};

use crate::clock;
use crate::place::Place;

#[derive(Subcommand)]
pub enum AuditCommand {
    /// List acts, newest first
    List {
        /// Only acts of this name, such as data_used
        #[arg(long)]
        act: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        most: usize,
    },
    /// Check that each line follows from the one before it
    Verify {
        /// A hash noted earlier, which must be one of the lines'
        #[arg(long, value_name = "HASH")]
        noted: Option<String>,
    },
    /// Write out all acts as lines of JSON, oldest first, each with its line's hash
    Export,
}

pub fn audit(place: &Place, command: &AuditCommand) -> anyhow::Result<()> {
    let audit = Audit::new(&place.audit());
    match command {
        AuditCommand::List { act, most } => {
            let wanted = |entry: &Entry| act.as_ref().is_none_or(|act| *act == entry.act);
            for entry in audit.newest_of(*most, wanted)? {
                let at = clock::readable(UnixMillis(entry.at_ms));
                say!("{:>6}  {at}  {:<20} {}", entry.number, entry.act, entry.facts);
            }
            Ok(())
        }
        AuditCommand::Verify { noted } => {
            let mut found = noted.is_none();
            let head = audit.walk(|_, hash| found |= noted.as_deref() == Some(hash))?;
            if !found {
                bail!("no line has the hash that was noted: lines were cut off, or the log is another one");
            }
            say!("The audit log is whole: {} acts, each following from the one before it.", head.entries);
            say!("Note the last hash to prove it later: {}", head.hash);
            Ok(())
        }
        AuditCommand::Export => export(&audit),
    }
}

fn export(audit: &Audit) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut written = Ok(());
    audit.walk(|entry, hash| {
        if written.is_ok() {
            let line = serde_json::json!({
                "number": entry.number, "at_ms": entry.at_ms, "act": entry.act, "facts": entry.facts, "hash": hash,
            });
            written = writeln!(out, "{line}");
        }
    })?;
    written.and_then(|()| out.flush()).context("the acts could not be written out")
}
