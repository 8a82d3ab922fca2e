//! `flip-hub audit`: read, check and write out what was done here. Beside a running hub, or without one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use flip_protocol::PartyId;
use flip_protocol::heads::SignedHead;
use flip_storage::audit::{HASH_CHARACTERS, Head};
use flip_web::plural;

use crate::audit::filter::Asked;
use crate::audit::written::{self, Format};
use crate::audit::{By, Deed, head};
use crate::authority::Authority;
use crate::clock;
use crate::config::Config;
use crate::ledger::Ledger;
use flip_storage::audit::check::Noted;

#[derive(Subcommand)]
pub enum AuditCommand {
    /// List acts, newest first
    List {
        #[command(flatten)]
        asked: Asked,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        most: u32,
    },
    /// Check that each act follows from the one before it, and that what was noted of the audit is there
    Verify {
        /// A head noted earlier, as NUMBER:HASH; may be given several times
        #[arg(long, value_name = "NUMBER:HASH", value_parser = noted)]
        noted: Vec<Noted>,
        /// A file of heads of this hub's audit that a Trust keeps, which `flip-appliance audit heads` writes there
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
    },
    /// Write out the heads of the Trusts' audit logs that are kept here, for `flip-appliance audit verify --heads`
    Heads {
        /// Only of this Trust, by id or name
        #[arg(long)]
        trust: Option<String>,
    },
    /// Write out acts, oldest first, each with its hash
    Export {
        #[command(flatten)]
        asked: Asked,
        /// Lines of JSON, or CSV
        #[arg(long, default_value = "jsonl")]
        format: Format,
        /// The file, which must not be there yet [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub fn audit(data: &Path, command: AuditCommand) -> anyhow::Result<()> {
    let config = Config::load(data)?;
    let ledger = Ledger::open(&Config::ledger(data))?;
    match command {
        AuditCommand::List { asked, most } => {
            for kept in ledger.acts(&asked.filter()?, None, most)? {
                let (act, who) = (&kept.act, written::who(&kept.act));
                let at = written::moment(act.at_ms - act.at_ms % 1_000);
                say!("{:>6}  {at}  {who:<16} {:<20} {}", act.number, act.act, written::facts(act));
            }
            Ok(())
        }
        AuditCommand::Heads { trust } => {
            let heads = ledger.heads(trust.as_deref())?;
            if let (true, Some(trust)) = (heads.is_empty(), trust) {
                bail!("no heads of {trust:?} are kept here; flip-hub trust list names the Trusts");
            }
            for head in heads {
                say!("{}", serde_json::to_string(&head)?);
            }
            Ok(())
        }
        AuditCommand::Verify { mut noted, heads } => {
            let authority = Authority::load(&Config::keys(data))?;
            let before = noted.len();
            for file in heads {
                noted.extend(heads_of(&file, authority.hub())?);
            }
            let compared = (noted.len() - before) as u64;
            let aside = head::read(&config.audit_head).with_context(|| {
                format!("the head written aside in {} cannot be read", config.audit_head.display())
            })?;
            let of_file = match &aside {
                Some(aside) => {
                    format!("It has act {}, as noted in {}.", aside.head.entries, config.audit_head.display())
                }
                None => format!(
                    "No head was written aside in {}: the running hub does that.",
                    config.audit_head.display()
                ),
            };
            noted.extend(aside);
            match ledger.check_audit(noted)? {
                Ok(head) => {
                    say!("The audit is whole: {} acts, each following from the one before it.", head.entries);
                    say!("{of_file}");
                    if compared > 0 {
                        say!("It has the acts of {} that others keep.", plural(compared, "head", None));
                    }
                    say!("Note its head to prove it later: {}:{}", head.entries, head.hash);
                    Ok(())
                }
                Err(wrong) => bail!("the audit is not whole: {wrong}"),
            }
        }
        AuditCommand::Export { asked, format, out } => {
            let filter = asked.filter()?;
            let out: Box<dyn Write> = match out {
                Some(path) => Box::new(
                    File::create_new(&path).with_context(|| format!("{} cannot be made", path.display()))?,
                ),
                None => Box::new(io::stdout().lock()),
            };
            let deed = Deed::AuditExported { format: format.name().to_owned(), filter: asked.words() };
            ledger.note_now(By::command_line(clock::now()), deed)?;
            let mut out = BufWriter::new(out);
            let mut outcome = out.write_all(format.heading().as_bytes());
            ledger.walk_acts(&filter, |kept| {
                outcome = out.write_all(format.line(&kept.act, &kept.hash).as_bytes());
                if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            outcome.and_then(|()| out.flush()).context("the acts could not be written out")
        }
    }
}

/// The heads of this hub's audit in a file of signed heads, one a line.
fn heads_of(file: &Path, hub: PartyId) -> anyhow::Result<Vec<Noted>> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut noted = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{}, line {}", file.display(), number + 1);
        let head: SignedHead =
            serde_json::from_str(line).with_context(|| format!("{place} is no head of an audit"))?;
        ensure!(head.verifies(), "{place}: the signature does not fit");
        ensure!(head.of == hub, "{place} is of {}, and this hub is {hub}", head.of);
        let by = format!("the head signed with the key {} ({place})", head.key.id());
        noted.push(Noted { head: Head { entries: head.entries, hash: head.hash }, by });
    }
    ensure!(!noted.is_empty(), "{} holds no head, so that nothing can be compared", file.display());
    Ok(noted)
}

fn noted(text: &str) -> Result<Noted, String> {
    let expected = || {
        format!("expected NUMBER:HASH as `audit verify` prints it, the hash of {HASH_CHARACTERS} characters")
    };
    let (number, hash) = text.split_once(':').ok_or_else(expected)?;
    let entries = number.parse().ok().filter(|number| *number > 0).ok_or_else(expected)?;
    if hash.len() != HASH_CHARACTERS {
        return Err(expected());
    }
    Ok(Noted { head: Head { entries, hash: hash.to_owned() }, by: "what you gave with --noted".to_owned() })
}
