//! Who is asking: a session's token, as a bearer token or in the console's cookie, or an API token.
//!
//! What must stay true: a session is whole once its second factor is given, and what it awaits is judged anew at each
//! request; a cookie counts for a changing request only where the browser says it comes from this very
//! origin, so another site cannot act in a person's name.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use flip_protocol::UnixMillis;

use crate::api_token;
use crate::audit::{By, Deed, Token};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::identities::{Came, Vouched};
use crate::ledger::once::Once;
use crate::ledger::sessions::{NewSession, Session};
use crate::ledger::tokens::Bearer;
use crate::oidc::{self, Refused};
use crate::passwords;
use crate::people::visitor::Visitor;
use crate::permissions::Scopes;
use crate::person::{PersonId, Role};
use crate::problem::{ApiProblem, Code};
use crate::throttle::{Account, Form, Secret, Try};

/// The console's cookie. The prefix makes browsers insist on HTTPS, this host and the whole path.
pub const COOKIE: &str = "__Host-flip-session";

/// A person who is signed in, or has given their password.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Their name.
    pub name: String,
    /// Their role as it is now.
    pub role: Role,
    /// SHA-256 of their session's token.
    pub token_sha256: [u8; 32],
    /// What has to come before they do anything else; `None`: they are signed in.
    pub awaits: Option<Awaits>,
    /// Whether they have a second factor.
    pub has_factor: bool,
    /// The key of their request, where it is to be carried out once.
    pub once: Option<Once>,
    /// Of who comes with an API token: what it opens. `None`: everything that they may.
    pub scopes: Option<Scopes>,
    /// That token, as the audit names it.
    pub token: Option<Token>,
}

/// What is awaited in a session whose password was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// A code of their second factor.
    Code,
    /// That they set up a second factor.
    Enrolment,
}

impl Awaits {
    /// What a session awaits in which the second factor was given or not, of a person who has one or not.
    fn of(session: &Session, optional: bool) -> Option<Self> {
        match (session.factor_given, session.has_factor) {
            (true, _) => None,
            (false, true) => Some(Self::Code),
            (false, false) => (!optional).then_some(Self::Enrolment),
        }
    }

    /// Its name, as in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Enrolment => "enrolment",
        }
    }
}

/// A session that was opened or renewed.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Whose it is.
    pub person: PersonId,
    /// Its token.
    pub token: String,
    /// How long it lasts, in seconds.
    pub lasts_s: u64,
}

/// Checks name and password and opens a session; gives what is awaited in it.
pub async fn sign_in(
    hub: &Hub,
    visitor: &Visitor,
    name: &str,
    password: String,
) -> Result<(Opened, Option<Awaits>), ApiProblem> {
    let stored = hub.ledger.password_of(name.trim().to_owned()).await?;
    let account = match &stored {
        Some((person, _)) => Account::Person(*person),
        None => Account::Nobody(passwords::token_sha256(&name.trim().to_lowercase())),
    };
    let this = visitor.tries(hub, account, Secret::Password).await?;
    let hash = stored.as_ref().map(|(_, hash)| hash.clone());
    if let (Some((person, hash)), true) = (stored, password_fits(hub, this, password, hash).await?) {
        let (now, optional) = (clock::now(), hub.config.danger_no_second_factor);
        let (token, new) = new(visitor, now);
        if let Some(session) = hub.ledger.open_session(new, person, hash, now, optional).await? {
            return Ok(opened(token, &session, now, optional));
        }
    }
    tracing::warn!(from = %visitor.address, "a sign-in was refused");
    Err(ApiProblem::new(Code::WrongNameOrPassword, "The name or the password is wrong."))
}

/// A session to be opened now for a visitor, and its token.
fn new(visitor: &Visitor, now: UnixMillis) -> (String, NewSession) {
    let (token, token_sha256) = passwords::session_token();
    let id = flip_protocol::ident::uuid_v7(now, &clock::random_bytes());
    let until = [now.plus(bounds::HALF_SESSION_MS), now.plus(bounds::SESSION_MS)];
    (token, NewSession { id, token_sha256, until, place: visitor.place(), id_token: None })
}

fn opened(token: String, session: &Session, now: UnixMillis, optional: bool) -> (Opened, Option<Awaits>) {
    let lasts_s = session.expires.since(now) / 1_000;
    (Opened { person: session.person, token, lasts_s }, Awaits::of(session, optional))
}

/// Opens a session on the identity provider's word; gives what is awaited in it, else why there is none. The ID token is
/// kept to sign out there with.
pub async fn sign_in_vouched(
    hub: &Hub,
    visitor: &Visitor,
    vouched: Vouched,
    id_token: Option<&str>,
) -> Result<Result<(Opened, Option<Awaits>), Refused>, ApiProblem> {
    let (now, optional) = (clock::now(), hub.config.danger_no_second_factor);
    let (token, new) = new(visitor, now);
    let seal =
        |plain: &str| hub.cells.seal(oidc::cell(new.id.as_bytes()), clock::random_bytes(), plain.as_bytes());
    let new = NewSession { id_token: id_token.map(seal), ..new };
    let (issuer, subject) = (vouched.issuer.clone(), vouched.subject.clone());
    let came = hub.ledger.open_vouched_session(new, vouched, now, optional).await?;
    Ok(match came {
        Came::In(session) => {
            // They may be bound by it, and are told so.
            hub.post.announce();
            Ok(opened(token, &session, now, optional))
        }
        Came::Nobody => Err(Refused::Unknown),
        Came::Invited => Err(Refused::Invited),
        Came::Disabled(person, person_name) => {
            let why = "disabled".to_owned();
            let deed = Deed::IdentityRefused { person, person_name, issuer, subject, why };
            note_refused(hub, visitor, deed).await?;
            Err(Refused::Disabled)
        }
        Came::Another(person, person_name) => {
            let why = "another subject".to_owned();
            let deed = Deed::IdentityRefused { person, person_name, issuer, subject, why };
            note_refused(hub, visitor, deed).await?;
            Err(Refused::Another)
        }
    })
}

/// What people call the identity provider, where who is bound to who they are there is told so by mail.
pub fn told_of_provider(hub: &Hub) -> Option<String> {
    let provider = hub.provider.as_ref().filter(|_| hub.post.sends())?;
    Some(provider.label().to_owned())
}

/// Notes a refusal, unless so many come from there that they would fill the audit.
async fn note_refused(hub: &Hub, visitor: &Visitor, deed: Deed) -> Result<(), ApiProblem> {
    if visitor.sends(hub, Form::Refused).is_ok() {
        hub.ledger.note(By::hub(clock::now()), deed).await?;
    }
    Ok(())
}

/// Whether the password is the one that was hashed, as a try that counts.
pub async fn password_fits(
    hub: &Hub,
    this: Try,
    password: String,
    stored: Option<String>,
) -> Result<bool, ApiProblem> {
    begin(hub, this)?;
    let Some(fits) = hub.hasher.verify(password, stored, this.known.is_some()).await else {
        hub.throttle.take_back(this);
        return Err(ApiProblem::new(
            Code::TooManySignIns,
            "Too many people sign in at once; try again in a moment.",
        ));
    };
    if fits {
        hub.throttle.succeeded(this);
    } else {
        hub.metrics.sign_ins_refused.inc();
    }
    Ok(fits)
}

/// Begins a try, unless one has to wait first.
pub fn begin(hub: &Hub, this: Try) -> Result<(), ApiProblem> {
    hub.throttle.begin(this, clock::now()).map_err(|wait| {
        hub.metrics.sign_ins_refused.inc();
        ApiProblem::wait(Code::TooManyTries, "Too many tries failed.", wait)
    })
}

impl Person {
    /// The person as who does something now, for the audit.
    pub fn by(&self) -> By {
        let by = By::person(self.id, &self.name, clock::now()).with_token(self.token.clone());
        By { once: self.once.clone(), ..by }
    }

    /// Whose session the console's cookie names.
    pub async fn of_cookie(hub: &Hub, headers: &HeaderMap) -> Result<Self, ApiProblem> {
        Self::of_session(hub, cookie(headers).ok_or_else(ApiProblem::sign_in)?).await
    }

    async fn of_session(hub: &Hub, token: &str) -> Result<Self, ApiProblem> {
        let token_sha256 = passwords::token_sha256(token);
        let session =
            hub.ledger.session(token_sha256, clock::now()).await?.ok_or_else(ApiProblem::sign_in)?;
        let awaits = Awaits::of(&session, hub.config.danger_no_second_factor);
        let Session { person: id, name, role, has_factor, .. } = session;
        Ok(Self { id, name, role, token_sha256, awaits, has_factor, once: None, scopes: None, token: None })
    }

    /// Whose API token it is. It was made in a whole session, so nothing is awaited.
    async fn of_api_token(hub: &Hub, token: &str, visitor: &Visitor) -> Result<Self, ApiProblem> {
        if !api_token::is_whole(token) {
            return Err(ApiProblem::bad_token(
                "This is no whole token.",
                "some of it is missing or mistyped",
            ));
        }
        let (token_sha256, from) = (api_token::sha256(token), visitor.address.to_string());
        let bearer = hub.ledger.bearer(token_sha256, from, clock::now()).await?;
        let Bearer { person: id, name, role, scopes, token } = bearer.ok_or_else(|| {
            let why = "it was revoked, its time is over, or its owner was kept out or had something reset";
            ApiProblem::bad_token("This token does not work any more.", why)
        })?;
        Ok(Self {
            id,
            name,
            role,
            token_sha256,
            awaits: None,
            has_factor: true,
            once: None,
            scopes: Some(scopes),
            token: Some(token),
        })
    }
}

impl FromRequestParts<Arc<Hub>> for Person {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, ApiProblem> {
        let by_cookie = bearer(&parts.headers).is_none() && cookie(&parts.headers).is_some();
        if by_cookie && !parts.method.is_safe() && !same_origin(&parts.headers) {
            return Err(cross_site());
        }
        let person = match bearer(&parts.headers) {
            Some(token) if token.starts_with(api_token::PREFIX) => {
                Self::of_api_token(hub, token, &Visitor::of(parts)).await
            }
            Some(token) => Self::of_session(hub, token).await,
            None => Self::of_cookie(hub, &parts.headers).await,
        }?;
        Ok(Self { once: parts.extensions.get().cloned(), ..person })
    }
}

/// A form that another site sent.
pub fn cross_site() -> ApiProblem {
    ApiProblem::new(Code::CrossSite, "This request comes from another site; it was not carried out.")
}

/// True where the browser says that the request comes from a page of this very origin.
pub fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.strip_prefix("https://") == Some(host),
        _ => false,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    cookie_named(headers, COOKIE)
}

/// What a request's cookie of that name holds.
pub fn cookie_named<'a>(headers: &'a HeaderMap, named: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == named).map(|(_, value)| value)
}
