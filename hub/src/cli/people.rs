//! `flip-hub user` and `flip-hub setup`: people, without the console.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use uuid::Uuid;

use crate::audit::By;
use crate::config::Config;
use crate::email::EmailAddress;
use crate::ledger::Ledger;
use crate::ledger::invitations::{NewInvitation, Taken, Withdrawn};
use crate::ledger::people::{Changed, Details, Edited, Person, PersonState, Whom};
use crate::ledger::tokens::NewToken;
use crate::ledger::trust_admins::Made;
use crate::links::LinkKey;
use crate::mail::Post;
use crate::mail::letter::{FactorNews, Letter};
use crate::person::{PersonId, Role};
use crate::{bounds, clock, hub, passwords, serve, strength};

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
        UserCommand::Invite { name, email, role } => invite(&post(data, config)?, ledger, &name, email, role),
        UserCommand::InviteAgain { name } => invite_again(&post(data, config)?, ledger, &name),
        UserCommand::Withdraw { name } => match ledger.withdraw(by, name.clone())? {
            Withdrawn::Yes => {
                done(&name, "is not invited any more");
                Ok(())
            }
            Withdrawn::Nobody => bail!("{}", nobody(&name)),
            Withdrawn::Came => {
                bail!("{name} has come already; to keep them out: flip-hub user disable {name:?}")
            }
        },
        UserCommand::Add { name, role, trust, email, password_file } => {
            add_anybody(ledger, &name, email, role, trust, password_file.as_deref())
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
            let changed = ledger.disable(by, name.clone())?;
            changed_to(&name, changed, "is disabled now, and signed out")
        }
        UserCommand::Enable { name } => {
            let changed = ledger.enable(by, name.clone())?;
            changed_to(&name, changed, "may sign in again")
        }
        UserCommand::Reset { name } => reset(&post(data, config)?, ledger, &name),
        UserCommand::ResetSecondFactor { name } => reset_second_factor(&post(data, config)?, ledger, &name),
        UserCommand::Unbind { name } => {
            let person = known(ledger, &name)?;
            ensure!(person.identity.is_some(), "the identity provider vouches for nobody as {}", person.name);
            let changed = ledger.unbind(by, person.id)?;
            changed_to(&person.name, changed, "is unbound from the identity provider, and signed out")
        }
        UserCommand::Token { name, purpose, scopes, days } => {
            make_token(&post(data, config)?, ledger, &name, &purpose, &scopes, days)
        }
        UserCommand::Tokens { name } => list_tokens(ledger, &name),
        UserCommand::RevokeToken { name, id } => {
            let person = known(ledger, &name)?;
            ensure!(
                ledger.revoke_token_now(by, person.id, id)?,
                "{} has no such token; see: flip-hub user tokens {:?}",
                person.name,
                person.name
            );
            say!("{id} does not work any more");
            Ok(())
        }
        UserCommand::Password { name, password_file } => {
            set_password(ledger, &name, password_file.as_deref())
        }
    }
}

/// Prints the address at which a new hub's first visitor becomes its administrator.
pub(super) fn set_up(data: &Path, config: &Config, ledger: &Ledger) -> anyhow::Result<()> {
    let post = post(data, config)?;
    let link = post.new_link(clock::now().plus(bounds::SETUP_MS));
    ensure!(
        ledger.open_set_up(By::command_line(clock::now()), link)?,
        "this hub has people already; for a new password: flip-hub user password NAME"
    );
    say!("Whoever opens this address first becomes the administrator (it works once, for 7 days):");
    say!("  {}", post.link(link.nonce));
    Ok(())
}

/// Adds a person of any role. One who is to decide for a Trust is a viewer until they do.
fn add_anybody(
    ledger: &Ledger,
    name: &str,
    email: Option<EmailAddress>,
    role: Role,
    trust: Option<String>,
    password_file: Option<&Path>,
) -> anyhow::Result<()> {
    if role != Role::TrustAdmin {
        ensure!(trust.is_none(), "--trust is for the role trust-admin alone");
        return add(ledger, name, email, role, password_file);
    }
    let trust = of_trust(trust)?;
    let known =
        ledger.trusts_now()?.into_iter().any(|one| one.name.to_lowercase() == trust.trim().to_lowercase());
    ensure!(known, "no Trust is named {trust:?}; flip-hub trust list names them; nobody was added");
    add(ledger, name, email, Role::Viewer, password_file)?;
    make_trust_admin(ledger, name, &trust)
}

fn of_trust(trust: Option<String>) -> anyhow::Result<String> {
    trust.context("a trust-admin decides for one Trust: say which with --trust NAME")
}

fn make_trust_admin(ledger: &Ledger, name: &str, trust: &str) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    match ledger.make_trust_admin(by, name.to_owned(), trust.to_owned())? {
        Made::Yes => Ok(()),
        Made::Nobody | Made::Invited => bail!("{}", nobody(name)),
        Made::NoTrust => bail!("no Trust is named {trust:?}; flip-hub trust list names them"),
        Made::LastAdmin => bail!("{name} is the only admin who can sign in; make another first"),
    }
}

pub(super) fn add(
    ledger: &Ledger,
    name: &str,
    email: Option<EmailAddress>,
    role: Role,
    password_file: Option<&Path>,
) -> anyhow::Result<()> {
    let name = hub::check_name(name).map_err(anyhow::Error::msg)?;
    let address = email.as_ref().map(ToString::to_string);
    let (password, made) = password(password_file, name, address.as_deref())?;
    let by = By::command_line(clock::now());
    let id = PersonId::new(by.at, &clock::random_bytes());
    let details = Details { name: name.to_owned(), email, role };
    match ledger.add_reachable_person(by, id, details, passwords::hash(&password)?)? {
        None => {}
        Some(Taken::Name) => {
            bail!("somebody is named {name:?} already; for a new password: flip-hub user password {name:?}")
        }
        Some(Taken::Email) => bail!("somebody has that e-mail address already; see: flip-hub user list"),
    }
    if made {
        say!("Sign in as {name} with the password (shown this once):\n  {password}");
    }
    Ok(())
}

fn post(data: &Path, config: &Config) -> anyhow::Result<Post> {
    let key = LinkKey::load_or_make(&Config::keys(data)).context("keys/links.key")?;
    Ok(Post::new(config.mail.clone(), key, serve::console_address(config, super::running(data).as_ref())))
}

fn invite(post: &Post, ledger: &Ledger, name: &str, email: EmailAddress, role: Role) -> anyhow::Result<()> {
    let name = hub::check_name(name).map_err(anyhow::Error::msg)?;
    let by = By::command_line(clock::now());
    let id = PersonId::new(by.at, &clock::random_bytes());
    let new = post.invitation(by, id, name.to_owned(), email, role);
    match ledger.invite(new.clone())? {
        None => {
            hand_over(post, &new);
            Ok(())
        }
        Some(Taken::Name) => bail!("somebody is named {name:?} already; see: flip-hub user list"),
        Some(Taken::Email) => bail!("somebody has that e-mail address already; see: flip-hub user list"),
    }
}

fn invite_again(post: &Post, ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    let person = known(ledger, name)?;
    let (PersonState::Invited { .. }, Some(email)) = (&person.state, person.email) else {
        bail!("{} has come already; for a new password: flip-hub user reset {:?}", person.name, person.name)
    };
    let by = By::command_line(clock::now());
    let again = post.invitation(by, person.id, person.name, email, person.role);
    ensure!(ledger.invite_again(again.clone())?, "{}", nobody(name));
    hand_over(post, &again);
    Ok(())
}

fn hand_over(post: &Post, invitation: &NewInvitation) {
    let NewInvitation { name, email, .. } = invitation;
    if post.sends() {
        done(name, &format!("is invited; the running hub sends the mail to {email}"));
        return;
    }
    say!("{name} is invited. Hand over this link (it works once, for 14 days):");
    say!("  {}", post.link(invitation.link.nonce));
}

fn reset(post: &Post, ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    let person = known(ledger, name)?;
    ensure!(
        matches!(person.state, PersonState::Active | PersonState::Reset { .. }),
        "{} is {}, and so has no password to reset",
        person.name,
        person.state.name()
    );
    let link = post.new_link(by.at.plus(bounds::RESET_ORDERED_MS));
    let letter =
        Letter::Reset { name: person.name.clone(), ordered: true, nonce: link.nonce, expires: link.expires };
    let mail = person.email.and_then(|email| post.mail(email, letter, by.at));
    let mailed = mail.as_ref().map(|mail| mail.to.to_string());
    let told = match mailed {
        Some(address) => {
            format!("has no password now; the running hub sends a link for another to {address}")
        }
        None => format!(
            "has no password now. Hand over this link (it works once, for 3 days):\n  {}",
            post.link(link.nonce)
        ),
    };
    changed_to(&person.name, ledger.order_reset(by, person.id, link, mail)?, &told)
}

fn make_token(
    post: &Post,
    ledger: &Ledger,
    name: &str,
    purpose: &str,
    scopes: &[String],
    days: u64,
) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    let person = known(ledger, name)?;
    ensure!(
        !matches!(person.state, PersonState::Invited { .. } | PersonState::Disabled { .. }),
        "{} is {}, and so no token of theirs would work",
        person.name,
        person.state.name()
    );
    let purpose = hub::check_name(purpose).map_err(anyhow::Error::msg)?.to_owned();
    let (token, new) = NewToken::fresh(purpose, scopes.join(" ").parse()?, days, by.at);
    let letter = Letter::TokenMade { name: person.name.clone(), token: new.name.clone() };
    let told = person.email.and_then(|email| post.mail(email, letter, by.at));
    ensure!(
        ledger.make_token_now(by, person.id, new.clone(), told)?,
        "{} has as many tokens as anybody may have; revoke one first",
        person.name
    );
    say!("The token of {} (shown this once; it works for {days} days):\n  {token}", person.name);
    Ok(())
}

fn list_tokens(ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    let (person, now) = (known(ledger, name)?, clock::now());
    for token in ledger.tokens_now(person.id, now)? {
        let days = token.expires.since(now).div_ceil(bounds::DAY_MS);
        say!("{}  {}  {}, works for {days} days more", token.id, token.name, token.scopes);
    }
    Ok(())
}

fn reset_second_factor(post: &Post, ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    let person = known(ledger, name)?;
    ensure!(person.second_factor.is_some(), "{} has no second factor", person.name);
    let letter = Letter::SecondFactor { name: person.name.clone(), news: FactorNews::Reset };
    let told = person.email.and_then(|email| post.mail(email, letter, by.at));
    let changed = ledger.reset_second_factor(by, person.id, told)?;
    changed_to(&person.name, changed, "sets up another second factor at the next sign-in, and is signed out")
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
        Edited::Taken(Taken::Name) => bail!("somebody is named {name:?} already; see: flip-hub user list"),
        Edited::Taken(Taken::Email) => {
            bail!("somebody has that e-mail address already; see: flip-hub user list")
        }
        Edited::NoTrust => bail!("a trust-admin decides for one Trust: say which with --trust NAME"),
        Edited::NoAddress => bail!("who is invited needs an e-mail address"),
    }
}

fn set_password(ledger: &Ledger, name: &str, file: Option<&Path>) -> anyhow::Result<()> {
    let person = known(ledger, name)?;
    let address = person.email.as_ref().map(ToString::to_string);
    let (password, made) = password(file, &person.name, address.as_deref())?;
    let changed =
        ledger.set_password(By::command_line(clock::now()), name.to_owned(), passwords::hash(&password)?)?;
    let told = if made {
        format!("has a new password (shown this once):\n  {password}")
    } else {
        "has a new password".to_owned()
    };
    changed_to(&person.name, changed, &told)
}

/// The password in a file, or one that is made here: then true.
fn password(file: Option<&Path>, name: &str, email: Option<&str>) -> anyhow::Result<(String, bool)> {
    let Some(file) = file else { return Ok((passwords::generate(), true)) };
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let password = text.lines().next().unwrap_or_default();
    strength::check(password, name, email).with_context(|| file.display().to_string())?;
    Ok((password.to_owned(), false))
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

fn nobody(name: &str) -> String {
    format!("nobody is named {name:?}; see: flip-hub user list")
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
