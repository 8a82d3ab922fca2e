//! What admins do with mails.

use std::sync::Arc;

use super::people::{bad_email, off_the_loop};
use crate::bounds;
use crate::hub::Hub;
use crate::ledger::cursor::{Cursor, cut};
use crate::ledger::mail::{Mail, MailId, NewMail};
use crate::mail::letter::Letter;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// The mails from a place on, what needs a look first.
pub async fn list(
    _: &May<acts::SeeMail>,
    hub: &Hub,
    from: Cursor,
    most: u32,
) -> Result<(Vec<Mail>, Option<Cursor>), ApiProblem> {
    Ok(cut(hub.ledger.mails(from, most + 1).await?, most, Mail::place))
}

/// The first of them, for a page that is shown beside another act.
pub async fn all(hub: &Hub) -> Result<Vec<Mail>, ApiProblem> {
    Ok(hub.ledger.mails(Cursor::START, bounds::LIST_ROWS).await?)
}

/// Has a mail that was not sent tried at once.
pub async fn send_again(may: &May<acts::ManageMail>, hub: &Hub, id: MailId) -> Result<(), ApiProblem> {
    if !hub.post.sends() {
        return Err(no_mail());
    }
    if !hub.ledger.send_again(may.by(), id).await? {
        return Err(ApiProblem::not_found());
    }
    hub.post.announce();
    tracing::info!(mail = %id, by = may.person().name, "a mail is to be sent again");
    Ok(())
}

/// Forgets a mail.
pub async fn forget(may: &May<acts::ManageMail>, hub: &Hub, id: MailId) -> Result<(), ApiProblem> {
    if !hub.ledger.forget_mail(may.by(), id).await? {
        return Err(ApiProblem::not_found());
    }
    tracing::info!(mail = %id, by = may.person().name, "a mail was forgotten");
    Ok(())
}

/// Sends a mail that says no more than that mail arrives.
pub async fn test(may: &May<acts::ManageMail>, hub: &Arc<Hub>, email: &str) -> Result<MailId, ApiProblem> {
    if !hub.post.sends() {
        return Err(no_mail());
    }
    let to = email.parse().map_err(|error: crate::email::NoAddress| bad_email(&error.to_string()))?;
    let by = may.by();
    let mail = NewMail::new(to, Letter::Test, by.at);
    let id = mail.id;
    off_the_loop(hub, move |ledger| ledger.store_test(by, mail)).await?;
    hub.post.announce();
    tracing::info!(mail = %id, by = may.person().name, "a test of the mail was asked for");
    Ok(id)
}

fn no_mail() -> ApiProblem {
    ApiProblem::new(Code::NoMail, "This hub sends no mail.")
        .detail("put [mail] in hub.toml and restart the hub")
}
