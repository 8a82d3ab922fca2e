//! Mail: what the hub writes, and how it is sent.
//!
//! What must stay true: a mail is stored in the transaction of what causes it, and sent by [`outbox`] afterwards, so
//! that none is lost; it is plain text without a record's value, a password or a stranger's words. Deliberately
//! absent: receiving mail.

pub mod letter;
pub mod outbox;
pub mod settings;
pub mod smtp;

use flip_protocol::UnixMillis;
use tokio::sync::Notify;

use crate::audit::By;
use crate::bounds;
use crate::email::EmailAddress;
use crate::ledger::invitations::{NewInvitation, NewLink};
use crate::ledger::mail::NewMail;
use crate::links::{self, LinkKey, Nonce};
use crate::person::{PersonId, Role};
use letter::Letter;
use settings::Settings;

/// What making links and mails needs.
pub struct Post {
    /// How mail is sent; `None`: the hub sends none, and links are handed over by other means.
    pub settings: Option<Settings>,
    /// The key of one-time links.
    pub key: LinkKey,
    /// Where people reach the console, as a URL without a path.
    pub console: String,
    stored: Notify,
}

impl Post {
    /// Of these parts.
    pub fn new(settings: Option<Settings>, key: LinkKey, console: String) -> Self {
        Self { settings, key, console, stored: Notify::new() }
    }

    /// True where mail can be sent.
    pub fn sends(&self) -> bool {
        self.settings.is_some()
    }

    /// Tells the outbox that there is something to send.
    pub fn announce(&self) {
        self.stored.notify_one();
    }

    /// Ends when [`Self::announce`] was called.
    async fn announced(&self) {
        self.stored.notified().await;
    }

    /// The link of a nonce, to hand over.
    pub fn link(&self, nonce: Nonce) -> String {
        format!("{}{}", self.console, links::path(&self.key.token(nonce)))
    }

    /// A fresh link that works until then.
    pub fn new_link(&self, expires: UnixMillis) -> NewLink {
        let nonce = Nonce::new();
        NewLink { nonce, token_sha256: self.key.sha256(nonce), expires }
    }

    /// A mail to be stored; `None` where the hub sends none.
    pub fn mail(&self, to: EmailAddress, letter: Letter, now: UnixMillis) -> Option<NewMail> {
        self.sends().then(|| NewMail::new(to, letter, now))
    }

    /// An invitation with a fresh link, and the mail with it where the hub sends mail.
    pub fn invitation(
        &self,
        by: By,
        id: PersonId,
        name: String,
        email: EmailAddress,
        role: Role,
    ) -> NewInvitation {
        let link = self.new_link(by.at.plus(bounds::INVITATION_MS));
        let letter = Letter::Invitation {
            name: name.clone(),
            role: role.name().to_owned(),
            by: by.id().map(|_| by.who.to_string()),
            nonce: link.nonce,
            expires: link.expires,
        };
        let mail = self.mail(email.clone(), letter, by.at);
        NewInvitation { id, name, email, role, by, link, mail }
    }
}
