//! What people do about their second factor, and admins about another's.

use std::sync::Arc;

use super::people::{of_changed, off_the_loop, shown};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::mail::NewMail;
use crate::ledger::people::Whom;
use crate::ledger::second_factors::{Enrolled, Factor, NewFactor, Proof, Proved, Renewed};
use crate::mail::letter::{FactorNews, Letter};
use crate::passwords;
use crate::people::may::May;
use crate::people::session::{self, Awaits, Opened, Person};
use crate::permissions::{Is, acts};
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};
use crate::second_factor::{self as factor, Typed};
use crate::throttle::{Account, Secret, Try};

/// What somebody sets up a second factor with.
pub struct Offer {
    /// The secret as it is typed.
    pub secret: String,
    /// The secret as a picture tells it.
    pub uri: String,
}

/// Recovery codes, which are shown this once.
pub type Codes = [String; bounds::RECOVERY_CODES];

/// The person's second factor.
pub async fn own(may: &May<acts::SecondFactor>, hub: &Hub) -> Result<Option<Factor>, ApiProblem> {
    Ok(hub.ledger.second_factor(may.person().id).await?)
}

/// What the person may set one up with; `None` where theirs has to be given first.
pub fn offer(may: &May<acts::SecondFactor>, hub: &Hub) -> Option<Offer> {
    let person = may.person();
    let secret = offered(hub, person)?;
    let host = hub.post.console.trim_start_matches("https://");
    Some(Offer { secret: factor::spelled(&secret), uri: factor::uri(&secret, host, &person.name) })
}

/// Makes the person's session whole.
pub async fn give(may: &May<acts::SecondFactor>, hub: &Hub, typed: &str) -> Result<Opened, ApiProblem> {
    let person = may.person();
    match person.awaits {
        Some(Awaits::Code) => {}
        Some(Awaits::Enrolment) => return Err(none_yet()),
        None => return Err(ApiProblem::new(Code::SignedIn, "You are signed in already.")),
    }
    let (proof, this) = proof(hub, may, typed).await?;
    let (opened, renewed) = renewed(hub, may);
    let told = match proof {
        Proof::Code { .. } => None,
        Proof::Recovery(_) => told(hub, person, FactorNews::RecoveryCodeUsed).await?,
    };
    let proved = hub.ledger.give_second_factor(may.by(), person.id, proof, renewed, told).await?;
    of_proved(hub, proved, Some(this))?;
    hub.post.announce();
    Ok(opened)
}

/// Gives the person the second factor that was offered, of which `code` is one; `now` is one of what they have so far.
pub async fn enrol(
    may: &May<acts::SecondFactor>,
    hub: &Hub,
    code: &str,
    now: Option<&str>,
) -> Result<(Opened, Codes), ApiProblem> {
    let person = may.person();
    let Some(secret) = offered(hub, person) else { return Err(has_one()) };
    let step = match Typed::read(person.id, code) {
        Typed::Code(code) => factor::step_of(&*secret, &code, clock::now()),
        Typed::Recovery(_) | Typed::Nothing => None,
    };
    let Some(step) = step else {
        return Err(wrong_code(hub, if person.has_factor { WRONG_OF_NEW } else { WRONG }));
    };
    let (proof, this) = match (now, person.has_factor) {
        (Some(typed), true) => {
            let (proof, this) = proof(hub, may, typed).await?;
            (Some(proof), Some(this))
        }
        (None, true) => return Err(has_one()),
        (_, false) => (None, None),
    };
    let sealed = hub.cells.seal(factor::cell(&person.id.bytes()), clock::random_bytes(), &*secret);
    let (codes, kept) = fresh_codes(person.id);
    let (opened, renewed) = renewed(hub, may);
    let told = told(hub, person, FactorNews::SetUp).await?;
    let new = NewFactor { sealed, step, codes: kept };
    match hub.ledger.enrol_second_factor(may.by(), person.id, new, proof, renewed, told).await? {
        Enrolled::Proved(proved) => of_proved(hub, proved, this)?,
        Enrolled::HasOne => return Err(has_one()),
        Enrolled::SignInAnew => return Err(ApiProblem::sign_in_anew()),
    }
    hub.post.announce();
    tracing::info!(person = %person.id, "a person set up a second factor");
    Ok((opened, codes))
}

/// Gives the person other recovery codes.
pub async fn other_codes(may: &May<acts::OwnAccount>, hub: &Hub, typed: &str) -> Result<Codes, ApiProblem> {
    let person = may.person();
    let (proof, this) = proof(hub, may, typed).await?;
    let (codes, kept) = fresh_codes(person.id);
    let proved = hub.ledger.renew_recovery_codes(may.by(), person.id, proof, kept).await?;
    of_proved(hub, proved, Some(this))?;
    Ok(codes)
}

/// Takes somebody's second factor away.
pub async fn reset(may: &May<acts::ManagePeople>, hub: &Arc<Hub>, id: PersonId) -> Result<(), ApiProblem> {
    if id == may.person().id {
        return Err(ApiProblem::new(
            Code::Oneself,
            "You cannot reset your own second factor; set up another instead.",
        ));
    }
    let by = may.by();
    let person = shown(hub, id).await?.person;
    if person.second_factor.is_none() {
        return Err(ApiProblem::new(Code::NoSecondFactor, "They have no second factor."));
    }
    let letter = Letter::SecondFactor { name: person.name, news: FactorNews::Reset };
    let told = person.email.and_then(|email| hub.post.mail(email, letter, by.at));
    of_changed(off_the_loop(hub, move |ledger| ledger.reset_second_factor(by, id, told)).await?)?;
    hub.post.announce();
    tracing::info!(person = %id, by = may.person().name, "a second factor was reset");
    Ok(())
}

/// The secret that the session is offered: none where its person has a factor and has not given it.
fn offered(hub: &Hub, person: &Person) -> Option<zeroize::Zeroizing<[u8; factor::SECRET_BYTES]>> {
    (person.awaits != Some(Awaits::Code)).then(|| hub.post.key.offer(&person.token_sha256))
}

/// What was typed as a proof of the factor that the person has, as a try that counts.
pub(super) async fn proof<A: Is>(hub: &Hub, may: &May<A>, typed: &str) -> Result<(Proof, Try), ApiProblem> {
    let person = may.person();
    let this = may.visitor().tries(hub, Account::Person(person.id), Secret::Code).await?;
    session::begin(hub, this)?;
    let code = match Typed::read(person.id, typed) {
        Typed::Code(code) => code,
        Typed::Recovery(sha256) => return Ok((Proof::Recovery(sha256), this)),
        Typed::Nothing => return Err(wrong_code(hub, WRONG)),
    };
    let Some(Factor { sealed, .. }) = hub.ledger.second_factor(person.id).await? else {
        return Err(none_yet());
    };
    let secret = hub.cells.open(factor::cell(&person.id.bytes()), &sealed).map_err(|error| {
        tracing::error!(person = %person.id, %error, "a second factor cannot be checked");
        ApiProblem::new(Code::FactorUnreadable, "The hub cannot read your second factor.")
            .detail("give a recovery code, or ask an administrator to reset your second factor")
    })?;
    let step = factor::step_of(&secret, &code, clock::now()).ok_or_else(|| wrong_code(hub, WRONG))?;
    Ok((Proof::Code { sealed, step }, this))
}

/// A whole session in place of the person's.
fn renewed(hub: &Hub, may: &May<acts::SecondFactor>) -> (Opened, Renewed) {
    let (token, new) = passwords::session_token();
    let expires = clock::now().plus(bounds::SESSION_MS);
    let opened = Opened { person: may.person().id, token, lasts_s: bounds::SESSION_MS / 1_000 };
    let (old, network) = (may.person().token_sha256, may.visitor().place().network);
    let provider = session::told_of_provider(hub);
    (opened, Renewed { old, new, expires, network, provider })
}

fn fresh_codes(person: PersonId) -> (Codes, Vec<[u8; 32]>) {
    let codes = factor::recovery_codes();
    let kept = codes.iter().map(|code| factor::recovery_sha256(person, code)).collect();
    (codes, kept)
}

async fn told(hub: &Hub, person: &Person, news: FactorNews) -> Result<Option<NewMail>, ApiProblem> {
    let now = clock::now();
    let email = hub.ledger.person(Whom::Id(person.id), now).await?.and_then(|known| known.email);
    let letter = Letter::SecondFactor { name: person.name.clone(), news };
    Ok(email.and_then(|email| hub.post.mail(email, letter, now)))
}

pub(super) fn of_proved(hub: &Hub, proved: Proved, this: Option<Try>) -> Result<(), ApiProblem> {
    match proved {
        Proved::Yes => {
            if let Some(this) = this {
                hub.throttle.succeeded(this);
            }
            Ok(())
        }
        Proved::Used => Err(ApiProblem::new(Code::CodeUsed, "This code was used already.")
            .detail("This code was used already: wait for the next that the app shows. Each is good once.")),
        Proved::Wrong => Err(wrong_code(hub, SPENT)),
        Proved::NoSession => Err(ApiProblem::sign_in()),
    }
}

const WRONG: &str = "The code is wrong: type the six digits that the app shows now. If they are right, its clock or the hub's is not.";
const WRONG_OF_NEW: &str = "The new app's code is wrong: type the six digits that the new app shows now. If they are right, \
    its clock or the hub's is not.";
/// Of a recovery code, which is forgotten once it was used.
const SPENT: &str = "The recovery code is wrong or was used already: each is good once, and new ones take the place of those \
    before. Take another, or the six digits that the app shows now.";

fn wrong_code(hub: &Hub, why: &str) -> ApiProblem {
    hub.metrics.sign_ins_refused.inc();
    ApiProblem::new(Code::WrongCode, "The code is wrong.").detail(why)
}

fn none_yet() -> ApiProblem {
    ApiProblem::new(Code::NoSecondFactor, "You have no second factor yet; set one up.")
}

fn has_one() -> ApiProblem {
    ApiProblem::new(Code::HasSecondFactor, "You have a second factor; show it to set up another.")
}
