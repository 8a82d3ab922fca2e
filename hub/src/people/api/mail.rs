//! `/mail`: what waits, went out, or was given up.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, Uri};
use axum::{Extension, Json};
use flip_protocol::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::document::Said;
use super::{Body, Made, Parameters, Part, Path, next_link};
use crate::hub::Hub;
use crate::ledger::mail::{Mail, MailId, MailState};
use crate::people::act::mail as act;
use crate::people::may::May;
use crate::people::once::{KEEP, Keep};
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::shapes::Moment;

/// Where a test of the mail goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTest {
    /// An address.
    #[schema(example = "ada@example.org")]
    email: String,
}

/// Mails, what needs a look first.
#[derive(Serialize, ToSchema)]
pub(super) struct AllMails {
    /// Whether this hub sends mail.
    sends: bool,
    /// Given up, then waiting, then sent.
    mail: Vec<SentMail>,
    /// Where to go on: the next request's `after`; null at the end.
    #[schema(example = "1.-1795716685004.01A2190E1CCC77B89A2226AC81AFC804")]
    next: Option<String>,
}

/// A mail, without its link.
#[derive(Serialize, ToSchema)]
#[schema(as = Mail)]
pub(super) struct SentMail {
    /// Its id.
    id: Uuid,
    /// Whom it goes to.
    #[schema(example = "ada@example.org")]
    to: String,
    /// Its kind.
    #[schema(example = "invitation")]
    kind: &'static str,
    /// `waiting`, `sent` or `failed`.
    #[schema(example = "sent")]
    state: &'static str,
    /// When it was stored.
    #[schema(value_type = Moment)]
    stored: UnixMillis,
    /// How often it was tried in vain.
    #[schema(example = 0)]
    tries: u32,
    /// Why the last time.
    #[schema(example = "the mail server cannot be reached")]
    why: Option<String>,
    /// When it is tried next.
    #[schema(value_type = Option<Moment>)]
    next: Option<UnixMillis>,
    /// When it was sent, or given up.
    #[schema(value_type = Option<Moment>)]
    ended: Option<UnixMillis>,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::get("/api/v1/mail", "Mails: given up, then waiting, then sent in the last 30 days; no links.")
            .reads::<Part>()
            .gives_part::<AllMails>("A part of them."),
        Said::post("/api/v1/mail/test", "Sends a mail that says no more than that mail arrives.")
            .takes::<NewTest>()
            .gives::<Made>(202, "It waits to be sent.")
            .refuses(&[Code::BadEmail, Code::NoMail]),
        Said::post("/api/v1/mail/{mail}/send", "Tries a mail that was not sent at once.")
            .gives_nothing(202, "It is tried.")
            .refuses(&[Code::NoMail]),
        Said::delete("/api/v1/mail/{mail}", "Forgets a mail.").gives_nothing(204, "It is forgotten."),
    ]
}

/// `GET /mail`: what needs a look first.
pub(super) async fn list(
    may: May<acts::SeeMail>,
    State(hub): State<Arc<Hub>>,
    Parameters(part): Parameters<Part>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<AllMails>), ApiProblem> {
    let (from, most) = part.of_places()?;
    let (mail, next) = act::list(&may, &hub, from, most).await?;
    let next = next.map(|next| next.to_string());
    let mail = mail.iter().map(sent).collect();
    let link = next_link(&uri, "after", next.as_deref());
    Ok((link, Json(AllMails { sends: hub.post.sends(), mail, next })))
}

/// `POST /mail/test`: a mail that says no more than that mail arrives.
pub(super) async fn test(
    may: May<acts::ManageMail>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewTest>,
) -> Result<(StatusCode, Extension<Keep>, Json<Made>), ApiProblem> {
    let id = act::test(&may, &hub, &new.email).await?;
    Ok((StatusCode::ACCEPTED, KEEP, Json(Made { id: id.0 })))
}

/// `POST /mail/{mail}/send`: tries one that was not sent at once.
pub(super) async fn send(
    may: May<acts::ManageMail>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiProblem> {
    act::send_again(&may, &hub, MailId(id)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `DELETE /mail/{mail}`: forgets one.
pub(super) async fn forget(
    may: May<acts::ManageMail>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiProblem> {
    act::forget(&may, &hub, MailId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A mail without its link.
pub(super) fn sent(mail: &Mail) -> SentMail {
    let (next, ended) = match mail.state {
        MailState::Waiting { next } => (Some(next), None),
        MailState::Sent { at } | MailState::Failed { at } => (None, Some(at)),
    };
    SentMail {
        id: mail.id.0,
        to: mail.to.to_string(),
        kind: mail.letter.kind(),
        state: mail.state.name(),
        stored: mail.stored,
        tries: mail.tries,
        why: (!mail.why.is_empty()).then(|| mail.why.clone()),
        next,
        ended,
    }
}
