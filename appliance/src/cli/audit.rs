//! `flip-appliance audit`: read, check and write out what was done here.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use flip_protocol::UnixMillis;
use flip_protocol::heads::SignedHead;
use flip_storage::audit::check::{Expected, Noted};
use flip_storage::audit::{Audit, Entry, Head};
use flip_web::plural;

use crate::clock;
use crate::identity::Identity;
use crate::place::Place;
use crate::witness;

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
        /// A file of heads of this log that the hub keeps, which `flip-hub audit heads` writes there
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
    },
    /// Write out the heads of the hub's audit that are kept here, for `flip-hub audit verify --heads`
    Heads,
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
        AuditCommand::Heads => {
            let mut heads = Vec::new();
            audit.walk(|entry, _| {
                heads.extend((entry.act == witness::KEPT).then(|| witness::head_of(entry)).flatten());
            })?;
            for head in heads {
                say!("{}", serde_json::to_string(&head)?);
            }
            Ok(())
        }
        AuditCommand::Verify { noted, heads } => {
            let file = place.audit();
            ensure!(
                file.exists(),
                "there is no audit log {}: nothing was done here yet, or it was taken away",
                file.display()
            );
            let mut kept = Vec::new();
            for file in heads {
                kept.extend(heads_of(file, place)?);
            }
            let compared = kept.len() as u64;
            let mut expected = Expected::new(kept);
            let mut outcome = Ok(());
            let mut found = noted.is_none();
            let head = audit.walk(|_, hash| {
                found |= noted.as_deref() == Some(hash);
                if outcome.is_ok() {
                    outcome = expected.see(hash);
                }
            })?;
            outcome.and_then(|()| expected.end()).context("the audit log is not what was signed here")?;
            if !found {
                bail!("no line has the hash that was noted: lines were cut off, or the log is another one");
            }
            say!("The audit log is whole: {} acts, each following from the one before it.", head.entries);
            if compared > 0 {
                say!("It has the acts of {} that the hub keeps.", plural(compared, "head", None));
            }
            say!("Note the last hash to prove it later: {}", head.hash);
            Ok(())
        }
        AuditCommand::Export => export(&audit),
    }
}

/// The heads of this log in a file of signed heads, one a line.
fn heads_of(file: &Path, place: &Place) -> anyhow::Result<Vec<Noted>> {
    let trust = Identity::load(place.folder())?.facts.trust;
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut noted = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line_of = format!("{}, line {}", file.display(), number + 1);
        let head: SignedHead =
            serde_json::from_str(line).with_context(|| format!("{line_of} is no head of an audit"))?;
        ensure!(head.verifies(), "{line_of}: the signature does not fit");
        ensure!(head.of == trust, "{line_of} is of {}, and this Trust is {trust}", head.of);
        let by = format!("the head signed with the key {} ({line_of})", head.key.id());
        noted.push(Noted { head: Head { entries: head.entries, hash: head.hash }, by });
    }
    ensure!(!noted.is_empty(), "{} holds no head, so that nothing can be compared", file.display());
    Ok(noted)
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
