//! What people do about their API tokens.

use uuid::Uuid;

use crate::bounds;
use crate::clock;
use crate::hub::{self, Hub};
use crate::ledger::people::Whom;
use crate::ledger::second_factors::Proved;
use crate::ledger::tokens::{Given, NewToken, Token};
use crate::mail::letter::Letter;
use crate::people::act::second_factor;
use crate::people::may::May;
use crate::permissions::{Scope, Scopes, acts};
use crate::problem::{ApiProblem, Code};

/// A token that was made, shown this once.
pub struct Made {
    /// The token.
    pub token: String,
    /// What it was made from.
    pub new: NewToken,
}

/// The person's tokens, the newest first.
pub async fn own(may: &May<acts::OwnAccount>, hub: &Hub) -> Result<Vec<Token>, ApiProblem> {
    Ok(hub.ledger.tokens(may.person().id, clock::now()).await?)
}

/// Makes the person a token. Who has a second factor gives a code of it: a session that somebody else got hold of makes
/// nothing that outlives it. Who has none has to have signed in of late.
pub async fn make(
    may: &May<acts::OwnAccount>,
    hub: &Hub,
    name: &str,
    scopes: &[String],
    days: Option<u64>,
    code: Option<&str>,
) -> Result<Made, ApiProblem> {
    let by = may.by();
    let (name, scopes, days) = checked(name, scopes, days)?;
    let (proof, this) = match (may.person().has_factor, code) {
        (true, Some(code)) => {
            let (proof, this) = second_factor::proof(hub, may, code).await?;
            (Some(proof), Some(this))
        }
        (true, None) => return Err(no_code()),
        (false, _) => (None, None),
    };
    let (token, new) = NewToken::fresh(name, scopes, days, by.at);
    let person = may.person();
    let email = hub.ledger.person(Whom::Id(person.id), by.at).await?.and_then(|known| known.email);
    let letter = Letter::TokenMade { name: person.name.clone(), token: new.name.clone() };
    let told = email.and_then(|email| hub.post.mail(email, letter, by.at));
    let given = hub.ledger.make_token(by, person.id, person.token_sha256, new.clone(), proof, told).await?;
    if let (Given::TooMany | Given::NoSession | Given::SignInAnew, Some(this)) = (&given, this) {
        // Nobody looked at the code.
        hub.throttle.take_back(this);
    }
    match given {
        Given::Yes => second_factor::of_proved(hub, Proved::Yes, this)?,
        Given::NoCode => return Err(no_code()),
        Given::Unproved(unproved) => {
            return second_factor::of_proved(hub, unproved, None).and(Err(no_code()));
        }
        Given::TooMany => {
            let title = "You have as many tokens as anybody may have; revoke one first.";
            return Err(ApiProblem::new(Code::TooManyTokens, title));
        }
        Given::NoSession => return Err(ApiProblem::sign_in()),
        Given::SignInAnew => return Err(ApiProblem::sign_in_anew()),
    }
    hub.post.announce();
    tracing::info!(person = %person.id, token = %new.id, "a token was made");
    Ok(Made { token, new })
}

/// Makes one of the person's tokens void. That it is so already is as good.
pub async fn revoke(may: &May<acts::OwnAccount>, hub: &Hub, id: Uuid) -> Result<(), ApiProblem> {
    hub.ledger.revoke_token(may.by(), may.person().id, id).await?;
    Ok(())
}

fn no_code() -> ApiProblem {
    ApiProblem::new(Code::CodeNeeded, "Making a token needs a code of your second factor.")
        .detail("give the six digits that your app shows now, or a recovery code")
}

/// Checks what was typed of a token.
fn checked(name: &str, scopes: &[String], days: Option<u64>) -> Result<(String, Scopes, u64), ApiProblem> {
    let name = hub::check_name(name).map_err(ApiProblem::bad_name)?.to_owned();
    let scopes: Scopes = scopes.join(" ").parse().map_err(|error: crate::permissions::NoScope| {
        ApiProblem::new(Code::BadScope, "There is no such scope.").detail(error.to_string())
    })?;
    if scopes.is_empty() {
        let names = Scope::ALL.map(Scope::name).join(", ");
        return Err(
            ApiProblem::new(Code::BadScope, "A token needs a scope.").detail(format!("scopes are: {names}"))
        );
    }
    let days = days.unwrap_or(bounds::TOKEN_DAYS);
    if !(1..=bounds::TOKEN_DAYS_MOST).contains(&days) {
        let why = format!("a token works for 1 to {} days", bounds::TOKEN_DAYS_MOST);
        return Err(ApiProblem::new(Code::BadDays, "A token does not work for so long.").detail(why));
    }
    Ok((name, scopes, days))
}
