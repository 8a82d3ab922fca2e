//! `flip-hub user` and `flip-hub setup`: people, without the console.

mod coming;
mod credentials;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Subcommand;
use uuid::Uuid;

use crate::audit::By;
use crate::config::Config;
use crate::email::EmailAddress;
use crate::ledger::Ledger;
use crate::ledger::invitations::Taken;
use crate::ledger::people::{Changed, Details, Edited, Person, PersonState, Whom};
use crate::ledger::trust_admins::Made;
use crate::links::LinkKey;
use crate::mail::Post;
use crate::person::{PersonId, Role};
use crate::{bounds, clock, hub, serve};

pub(super) use coming::{add, set_up};

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Invite a person: they get a mail with a link that works once; where no mail is sent, it is printed
    Invite {
        /// The name that they will sign in with
        name: String,
        /// Where mail reaches them
        #[arg(long)]
        email: EmailAddress,
        /// What they may do
        #[arg(long)]
        role: Role,
    },
    /// Give a person who was invited another link
    InviteAgain {
        /// The name
        name: String,
    },
    /// Take an invitation back
    Withdraw {
        /// The name
        name: String,
    },
    /// Add a person with a password
    Add {
        /// The sign-in name
        name: String,
        /// What they may do
        #[arg(long)]
        role: Role,
        /// The Trust that a trust-admin decides for
        #[arg(long, value_name = "NAME")]
        trust: Option<String>,
        /// Where mail reaches them
        #[arg(long)]
        email: Option<EmailAddress>,
        /// A file with the password in its first line [default: one is made and printed once]
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List the people, and who was invited
    List,
    /// Give a person another name or address
    Edit {
        /// The sign-in name
        name: String,
        /// The new name
        #[arg(long)]
        rename: Option<String>,
        /// The new address
        #[arg(long)]
        email: Option<EmailAddress>,
    },
    /// Give a person another role, from their next request on
    Role {
        /// The sign-in name
        name: String,
        /// The new role
        role: Role,
        /// The Trust that a trust-admin decides for
        #[arg(long, value_name = "NAME")]
        trust: Option<String>,
    },
    /// Keep a person out; ends their sessions at once
    Disable {
        /// The sign-in name
        name: String,
    },
    /// Let a person in again
    Enable {
        /// The sign-in name
        name: String,
    },
    /// Void a person's password and send or print a link to choose another; ends their sessions
    Reset {
        /// The sign-in name
        name: String,
    },
    /// Take a person's second factor away, who has lost it; ends their sessions. They set up another when they sign in
    ResetSecondFactor {
        /// The sign-in name
        name: String,
    },
    /// Unbind a person from who they are at the identity provider; ends their sessions
    Unbind {
        /// The sign-in name
        name: String,
    },
    /// Make a person an API token, printed this once
    Token {
        /// The sign-in name
        name: String,
        /// What the token is for
        #[arg(long = "for", value_name = "WORDS")]
        purpose: String,
        /// What it opens, as far as the person may: read, ask, projects or hub; several times for several
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Days that it works, at most 365
        #[arg(long, default_value_t = bounds::TOKEN_DAYS, value_parser = clap::value_parser!(u64).range(1..=bounds::TOKEN_DAYS_MOST))]
        days: u64,
    },
    /// List a person's API tokens
    Tokens {
        /// The sign-in name
        name: String,
    },
    /// Make an API token void
    RevokeToken {
        /// The sign-in name
        name: String,
        /// The token's id, as `tokens` lists it
        id: Uuid,
    },
    /// Give a person a new password; ends their sessions
    Password {
        /// The sign-in name
        name: String,
        /// A file with the password in its first line [default: one is made and printed once]
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

pub(super) fn user(
    data: &Path,
    config: &Config,
    ledger: &Ledger,
    command: UserCommand,
) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    match command {
        UserCommand::Invite { role: Role::TrustAdmin, .. } => {
            bail!(
                "invite them as viewer, and when they have come: flip-hub user role NAME trust-admin --trust TRUST"
            )
        }
        UserCommand::Invite { name, email, role } => {
            coming::invite(&post(data, config)?, ledger, &name, email, role)
        }
        UserCommand::InviteAgain { name } => coming::invite_again(&post(data, config)?, ledger, &name),
        UserCommand::Withdraw { name } => coming::withdraw(ledger, &name),
        UserCommand::Add { name, role, trust, email, password_file } => {
            coming::add_anybody(ledger, &name, email, role, trust, password_file.as_deref())
        }
        UserCommand::List => list(ledger),
        UserCommand::Edit { name, rename, email } => edit(ledger, &name, rename.as_deref(), email),
        UserCommand::Role { name, role: Role::TrustAdmin, trust } => {
            let trust = of_trust(trust)?;
            make_trust_admin(ledger, &name, &trust)?;
            done(&name, &format!("is trust-admin of {trust} now"));
            Ok(())
        }
        UserCommand::Role { name, role, trust } => {
            ensure!(trust.is_none(), "--trust is for the role trust-admin alone");
            set_role(ledger, &name, role)
        }
        UserCommand::Disable { name } => {
            let Person { id, name, .. } = come(ledger, &name)?;
            changed_to(&name, ledger.disable(by, id)?, "is disabled now, and signed out")
        }
        UserCommand::Enable { name } => {
            let Person { id, name, .. } = come(ledger, &name)?;
            changed_to(&name, ledger.enable(by, id)?, "may sign in again")
        }
        UserCommand::Reset { name } => credentials::reset(&post(data, config)?, ledger, &name),
        UserCommand::ResetSecondFactor { name } => {
            credentials::reset_second_factor(&post(data, config)?, ledger, &name)
        }
        UserCommand::Unbind { name } => credentials::unbind(ledger, &name),
        UserCommand::Token { name, purpose, scopes, days } => {
            credentials::make_token(&post(data, config)?, ledger, &name, &purpose, &scopes, days)
        }
        UserCommand::Tokens { name } => credentials::list_tokens(ledger, &name),
        UserCommand::RevokeToken { name, id } => credentials::revoke_token(ledger, &name, id),
        UserCommand::Password { name, password_file } => {
            credentials::set_password(ledger, &name, password_file.as_deref())
        }
    }
}

fn of_trust(trust: Option<String>) -> anyhow::Result<String> {
    trust.context("a trust-admin decides for one Trust: say which with --trust NAME")
}

fn make_trust_admin(ledger: &Ledger, name: &str, trust: &str) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    match ledger.make_trust_admin(by, come(ledger, name)?.id, trust.to_owned())? {
        Made::Yes => Ok(()),
        Made::Nobody | Made::Invited => bail!("{}", nobody(name)),
        Made::NoTrust => bail!("no Trust is named {trust:?}; flip-hub trust list names them"),
        Made::LastAdmin => bail!("{name} is the only admin who can sign in; make another first"),
    }
}

fn post(data: &Path, config: &Config) -> anyhow::Result<Post> {
    let key = LinkKey::load_or_make(&Config::keys(data)).context("keys/links.key")?;
    Ok(Post::new(config.mail.clone(), key, serve::console_address(config, super::running(data).as_ref())))
}

fn edit(
    ledger: &Ledger,
    name: &str,
    rename: Option<&str>,
    email: Option<EmailAddress>,
) -> anyhow::Result<()> {
    ensure!(rename.is_some() || email.is_some(), "say what is to change: --rename NAME or --email ADDRESS");
    let person = known(ledger, name)?;
    let name = match rename {
        Some(name) => hub::check_name(name).map_err(anyhow::Error::msg)?.to_owned(),
        None => person.name,
    };
    let details = Details { name: name.clone(), email: email.or(person.email), role: person.role };
    change_details(ledger, person.id, details, &name, "is edited")
}

fn set_role(ledger: &Ledger, name: &str, role: Role) -> anyhow::Result<()> {
    let Person { id, name, email, .. } = known(ledger, name)?;
    let details = Details { name: name.clone(), email, role };
    change_details(ledger, id, details, &name, &format!("is {} now", role.name()))
}

fn change_details(
    ledger: &Ledger,
    id: PersonId,
    details: Details,
    name: &str,
    told: &str,
) -> anyhow::Result<()> {
    match ledger.edit_person(By::command_line(clock::now()), id, details)? {
        Edited::Changed(changed) => changed_to(name, changed, told),
        Edited::Taken(which) => Err(taken(which, name)),
        Edited::NoTrust => bail!("a trust-admin decides for one Trust: say which with --trust NAME"),
        Edited::NoAddress => bail!("who is invited needs an e-mail address"),
    }
}

fn list(ledger: &Ledger) -> anyhow::Result<()> {
    let admins = ledger.trust_admins()?;
    for person in ledger.people(clock::now())? {
        let email = person.email.map(|email| format!("  {email}")).unwrap_or_default();
        let state = match person.state {
            PersonState::Active => "",
            PersonState::Disabled { .. } => ", disabled",
            PersonState::Reset { .. } => ", a new password is awaited",
            PersonState::Invited { link: Some(_), .. } => ", invited",
            PersonState::Invited { link: None, .. } => ", invited, and the link has ended",
        };
        let trust = admins.iter().find(|(name, _)| *name == person.name);
        let of = trust.map(|(_, trust)| format!(" of {trust}")).unwrap_or_default();
        say!("{}  {}{of}{email}{state}", person.name, person.role.name());
    }
    Ok(())
}

fn known(ledger: &Ledger, name: &str) -> anyhow::Result<Person> {
    ledger.person_now(Whom::Named(name.to_owned()), clock::now())?.with_context(|| nobody(name))
}

/// Somebody who is not only invited.
fn come(ledger: &Ledger, name: &str) -> anyhow::Result<Person> {
    let person = known(ledger, name)?;
    ensure!(
        !matches!(person.state, PersonState::Invited { .. }),
        "{} is invited and has not come yet; to take the invitation back: flip-hub user withdraw {:?}",
        person.name,
        person.name
    );
    Ok(person)
}

fn nobody(name: &str) -> String {
    format!("nobody is named {name:?}; see: flip-hub user list")
}

fn taken(which: Taken, name: &str) -> anyhow::Error {
    match which {
        Taken::Name => anyhow!("somebody is named {name:?} already; see: flip-hub user list"),
        Taken::Email => anyhow!("somebody has that e-mail address already; see: flip-hub user list"),
    }
}

fn done(name: &str, told: &str) {
    say!("{name} {told}");
}

fn changed_to(name: &str, changed: Changed, told: &str) -> anyhow::Result<()> {
    match changed {
        Changed::Yes => {
            done(name, told);
            Ok(())
        }
        Changed::Nobody => bail!("{}", nobody(name)),
        Changed::LastAdmin => bail!(
            "{name} is the only admin who can sign in, so that nobody could undo this; make another first: \
             flip-hub user add NAME --role admin"
        ),
    }
}
