//! Mails as page contexts.

use flip_protocol::UnixMillis;
use flip_web::pages::{self as web, Moment};

use super::{REFRESH_IDLE_S, frame};
use crate::ledger::mail::{Mail, MailState};
use crate::mail::Post;
use crate::mail::letter::Letter;
use crate::people::session::Person;

pub fn mails(
    seer: &Person,
    post: &Post,
    mails: &[Mail],
    tabs: web::PeopleTabs,
    now: UnixMillis,
) -> web::Mails {
    let waits = mails.iter().any(|mail| matches!(mail.state, MailState::Waiting { .. }));
    web::Mails {
        frame: frame(Some(seer)),
        tabs,
        server: post.settings.as_ref().map(|settings| format!("{}:{}", settings.server, settings.port)),
        mails: mails.iter().map(|mail| row(post, mail, now)).collect(),
        email: String::new(),
        error: None,
        refresh_seconds: waits.then_some(REFRESH_IDLE_S),
        pager: web::Pager::default(),
    }
}

fn row(post: &Post, mail: &Mail, now: UnixMillis) -> web::MailRow {
    let moment = |at: UnixMillis| Moment::at(at.0, now.0);
    let sent = matches!(mail.state, MailState::Sent { .. });
    let link = mail.letter.link().filter(|(_, expires)| !sent && *expires > now && mail.tries > 0);
    web::MailRow {
        href: format!("/people/mail/{}", mail.id),
        what: match mail.letter {
            Letter::Invitation { .. } => "invitation",
            Letter::Reset { .. } => "new password",
            Letter::PasswordChanged { .. } => "that a password was changed",
            Letter::TokenMade { .. } => "that an API token was made",
            Letter::SecondFactor { .. } => "what became of a second factor",
            Letter::IdentityBound { .. } => "that the identity provider lets somebody in",
            Letter::AccessRequest { .. } => "that somebody asks for access",
            Letter::Test => "test",
        }
        .to_owned(),
        to: mail.to.to_string(),
        stored: moment(mail.stored),
        tries: u64::from(mail.tries),
        why: (!mail.why.is_empty()).then(|| mail.why.clone()),
        state: match mail.state {
            MailState::Waiting { next } => web::MailState::Waiting { next: moment(next) },
            MailState::Sent { at } => web::MailState::Sent { at: moment(at) },
            MailState::Failed { at } => web::MailState::Failed { at: moment(at) },
        },
        link: link.map(|(nonce, _)| post.link(nonce)),
    }
}
