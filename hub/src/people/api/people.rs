//! `/people`: who signs in here, who was invited, and what admins do with them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, Uri, header};
use flip_protocol::{PartyId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Said;
use super::mail::SentMail;
use super::{Body, Parameters, Path, next_link, place_of, rows};
use crate::hub::Hub;
use crate::ledger::mail::MailState;
use crate::ledger::people::{Person, PersonColumn, PersonState, Search};
use crate::people::act::people::{self as act, Change, Shown};
use crate::people::act::{identity, second_factor, sessions};
use crate::people::may::{self, May};
use crate::permissions::{Act, acts};
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};
use crate::search::Words;
use crate::shapes::Moment;
use crate::sorting::Sorting;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Words of the name or the address.
    #[serde(default)]
    #[param(value_type = String, max_length = 254)]
    search: Words,
    /// `active`, `disabled`, `reset` or `invited`; all where it is empty.
    #[serde(default)]
    #[param(example = "active")]
    state: String,
    /// `name`, `role`, `state` or `added`, with a minus before it for the highest first; by name where nothing is said.
    #[serde(default)]
    #[param(value_type = String, example = "-added", pattern = "^-?(name|role|state|added)$")]
    sort: Sorting<PersonColumn>,
    /// What `next` said.
    after: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What is typed of a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonDetails {
    /// The name that they sign in with.
    #[schema(max_length = 120, example = "ada")]
    name: String,
    /// Where mail reaches them.
    #[serde(default)]
    #[schema(example = "ada@example.org")]
    email: Option<String>,
    /// Their role: admin, researcher or viewer.
    #[schema(example = "researcher")]
    role: String,
}

/// The Trust that somebody is to decide for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTrust {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    trust: PartyId,
}

/// People.
#[derive(Serialize, ToSchema)]
pub(super) struct PersonPage {
    /// Those of this page.
    people: Vec<ListedPerson>,
    /// How many there are.
    #[schema(example = 1)]
    all: u64,
    /// Where to go on: the next request's `after`, in the same order; null at the end.
    #[schema(example = r#"["ada","ada"]"#)]
    next: Option<String>,
}

/// Somebody who signs in here, or was invited.
#[derive(Serialize, ToSchema)]
#[schema(as = Person)]
pub(super) struct ListedPerson {
    /// Their id.
    #[schema(value_type = uuid::Uuid)]
    id: PersonId,
    /// The name that they sign in with.
    #[schema(example = "ada")]
    name: String,
    /// Where mail reaches them.
    #[schema(example = "ada@example.org")]
    email: Option<String>,
    /// Their role: admin, researcher, viewer or trust-admin.
    #[schema(example = "researcher")]
    role: &'static str,
    /// `active`, `disabled`, `reset` or `invited`.
    #[schema(example = "active")]
    state: &'static str,
    /// Since when they are known.
    #[schema(value_type = Moment)]
    added: UnixMillis,
    /// Since when they are kept out.
    #[schema(value_type = Option<Moment>)]
    disabled: Option<UnixMillis>,
    /// Since when they have a second factor.
    #[schema(value_type = Option<Moment>)]
    second_factor_since: Option<UnixMillis>,
    /// Since when the identity provider can vouch for them.
    #[schema(value_type = Option<Moment>)]
    identity_since: Option<UnixMillis>,
    /// Who invited them, while they have not come.
    #[schema(example = "admin")]
    invited_by: Option<String>,
    /// Until when their link works.
    #[schema(value_type = Option<Moment>)]
    link_expires: Option<UnixMillis>,
}

/// A person with their link, unless it went by mail.
#[derive(Serialize, ToSchema)]
pub(super) struct WholePerson {
    #[serde(flatten)]
    person: ListedPerson,
    /// The link to hand over; null where there is none, or it goes by mail.
    #[schema(example = "https://flip.example.org/link/9f86d081884c7d659a2feaa0c55ad015")]
    link: Option<String>,
    /// The last mail with it.
    mail: Option<SentMail>,
    /// The Trust that they decide for, where they are an admin of one.
    #[schema(value_type = Option<uuid::Uuid>)]
    trust: Option<PartyId>,
    /// Its name.
    #[schema(example = "Southmere Hospital")]
    trust_name: Option<String>,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    let typed =
        [Code::BadName, Code::BadEmail, Code::BadRole, Code::NoTrust, Code::NameTaken, Code::EmailTaken];
    vec![
        Said::get("/api/v1/people", "Who signs in here, or was invited.")
            .more("By name; `sort` puts them in another order.")
            .reads::<Wanted>()
            .gives_part::<PersonPage>("A part of them.")
            .refuses(&[Code::BadState]),
        Said::post("/api/v1/people", "Invites a person.")
            .takes::<PersonDetails>()
            .made::<WholePerson>("They are invited; `link` is what to hand over, null where it goes by mail.")
            .refuses(&typed),
        Said::get("/api/v1/people/{person}", "One person.").gives::<WholePerson>(200, "The person."),
        Said::put("/api/v1/people/{person}", "Gives a person name, address and role, all of them anew.")
            .takes::<PersonDetails>()
            .gives::<WholePerson>(200, "The person as they are now.")
            .refuses(&typed)
            .refuses(&[Code::LastAdmin]),
        Said::put("/api/v1/people/{person}/trust", "Makes a person the admin of a Trust, and nothing else.")
            .more("They decide for that Trust from their next request on. A role that is not `trust-admin` ends it.")
            .takes::<OfTrust>()
            .gives::<WholePerson>(200, "The person as they are now.")
            .refuses(&[Code::NoSuchTrust, Code::Invited, Code::Oneself, Code::LastAdmin]),
        Said::delete("/api/v1/people/{person}", "Takes back the invitation of somebody who has not come.")
            .gives_nothing(204, "It is taken back.")
            .refuses(&[Code::HasCome]),
        Said::post("/api/v1/people/{person}/disable", "Keeps a person out, and signs them out.")
            .gives::<WholePerson>(200, "The person as they are now.")
            .refuses(&[Code::Invited, Code::LastAdmin]),
        Said::post("/api/v1/people/{person}/enable", "Lets a person in again.")
            .gives::<WholePerson>(200, "The person as they are now.")
            .refuses(&[Code::Invited, Code::LastAdmin]),
        Said::post(
            "/api/v1/people/{person}/reset",
            "Voids a password; a link lets its owner choose another.",
        )
        .gives::<WholePerson>(200, "The person as they are now.")
        .refuses(&[Code::Oneself, Code::Disabled, Code::Invited, Code::LastAdmin]),
        Said::post(
            "/api/v1/people/{person}/second-factor/reset",
            "Has a person set up another second factor.",
        )
        .gives::<WholePerson>(200, "The person as they are now.")
        .refuses(&[Code::Oneself, Code::NoSecondFactor, Code::LastAdmin]),
        Said::post(
            "/api/v1/people/{person}/unbind",
            "Unbinds a person from who they are at the identity provider.",
        )
        .gives::<WholePerson>(200, "The person as they are now.")
        .refuses(&[Code::NotBound, Code::LastAdmin]),
        Said::post("/api/v1/people/{person}/sign-out", "Ends all sessions of a person.")
            .gives_nothing(204, "They have ended."),
        Said::post("/api/v1/people/{person}/invite", "Makes another link for somebody who has not come.")
            .gives::<WholePerson>(200, "The person as they are now.")
            .refuses(&[Code::HasCome]),
    ]
}

/// `GET /people?search=&state=&sort=&after=&limit=`: by name where nothing else is wished.
pub(super) async fn list(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
    Parameters(wanted): Parameters<Wanted>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<PersonPage>), ApiProblem> {
    let most = rows(wanted.limit)?;
    let after = place_of(wanted.after)?;
    let search = Search { words: wanted.search, state: wanted.state, sorting: wanted.sort, after, most };
    let found = act::search(&may, &hub, search).await?;
    let people = found.people.iter().map(listed).collect();
    let next = found.next.map(|place| place.to_string());
    Ok((next_link(&uri, "after", next.as_deref()), Json(PersonPage { people, all: found.all, next })))
}

/// `POST /people`: invites a person. Where the hub sends no mail, the answer holds the link to hand over.
pub(super) async fn invite(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<PersonDetails>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<WholePerson>), ApiProblem> {
    let details = act::typed(&new.name, &new.email.unwrap_or_default(), &new.role)?;
    let id = act::invite(&may, &hub, details).await?;
    let place = format!("/api/v1/people/{id}");
    let shown = act::shown(&hub, id).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(whole(&hub, &shown))))
}

/// `GET /people/{person}`.
pub(super) async fn show(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
) -> Result<Json<WholePerson>, ApiProblem> {
    let shown = whole(&hub, &act::show(&may, &hub, id).await?);
    // The link is as good as the account: not for a token that only looks.
    let link = shown.link.filter(|_| may::may(may.person(), Act::ManagePeople));
    Ok(Json(WholePerson { link, ..shown }))
}

/// `PUT /people/{person}`: name, address and role, all of them anew.
pub(super) async fn edit(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
    Body(edit): Body<PersonDetails>,
) -> Result<Json<WholePerson>, ApiProblem> {
    let details = act::typed(&edit.name, &edit.email.unwrap_or_default(), &edit.role)?;
    act::edit(&may, &hub, id, details).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `PUT /people/{person}/trust`: makes them the admin of a Trust.
pub(super) async fn make_trust_admin(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
    Body(of): Body<OfTrust>,
) -> Result<Json<WholePerson>, ApiProblem> {
    act::make_trust_admin(&may, &hub, id, of.trust).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `DELETE /people/{person}`: takes back the invitation of somebody who has not come.
pub(super) async fn withdraw(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
) -> Result<StatusCode, ApiProblem> {
    act::withdraw(&may, &hub, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /people/{person}/invite`: a new link for somebody who has not come.
pub(super) async fn invite_again(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
) -> Result<Json<WholePerson>, ApiProblem> {
    act::invite_again(&may, &hub, id).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/disable`.
pub(super) async fn disable(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
) -> Result<Json<WholePerson>, ApiProblem> {
    act::change(&may, &hub, id, Change::Disable).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/enable`.
pub(super) async fn enable(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
) -> Result<Json<WholePerson>, ApiProblem> {
    act::change(&may, &hub, id, Change::Enable).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/reset`: voids their password; a link lets them choose another.
pub(super) async fn reset(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
) -> Result<Json<WholePerson>, ApiProblem> {
    act::reset(&may, &hub, id).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/second-factor/reset`: they set up another when they sign in next.
pub(super) async fn reset_second_factor(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
) -> Result<Json<WholePerson>, ApiProblem> {
    second_factor::reset(&may, &hub, id).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/unbind`: whoever the identity provider vouches for with their address is bound to them next.
pub(super) async fn unbind(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
) -> Result<Json<WholePerson>, ApiProblem> {
    identity::unbind(&may, &hub, id).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/sign-out`: ends all their sessions.
pub(super) async fn sign_out(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<PersonId>,
) -> Result<StatusCode, ApiProblem> {
    sessions::sign_out(&may, &hub, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A person as other answers hold them.
pub(super) async fn found(hub: &Hub, id: PersonId) -> Result<WholePerson, ApiProblem> {
    Ok(whole(hub, &act::shown(hub, id).await?))
}

fn listed(person: &Person) -> ListedPerson {
    let (disabled, invited_by) = match &person.state {
        PersonState::Active | PersonState::Reset { .. } => (None, None),
        PersonState::Disabled { since } => (Some(*since), None),
        PersonState::Invited { by, .. } => (None, by.clone()),
    };
    ListedPerson {
        id: person.id,
        name: person.name.clone(),
        email: person.email.as_ref().map(ToString::to_string),
        role: person.role.name(),
        state: person.state.name(),
        added: person.added,
        disabled,
        second_factor_since: person.second_factor,
        identity_since: person.identity,
        invited_by,
        link_expires: person.state.link().map(|link| link.expires),
    }
}

/// With the link to hand over, unless it went by mail.
fn whole(hub: &Hub, shown: &Shown) -> WholePerson {
    let mailed = shown.mail.as_ref().is_some_and(|mail| match mail.state {
        MailState::Sent { .. } => true,
        MailState::Waiting { .. } => mail.tries == 0,
        MailState::Failed { .. } => false,
    });
    let link = shown.person.state.link().filter(|_| !mailed);
    WholePerson {
        person: listed(&shown.person),
        link: link.map(|link| hub.post.link(link.nonce)),
        mail: shown.mail.as_ref().map(super::mail::sent),
        trust: shown.trust.as_ref().map(|(trust, _)| *trust),
        trust_name: shown.trust.as_ref().map(|(_, name)| name.clone()),
    }
}
