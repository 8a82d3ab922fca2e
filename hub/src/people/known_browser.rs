//! The cookie by which a browser is known again to whoever has signed in with it, so that nobody else's wrong passwords make
//! it wait.
//!
//! What must stay true: it opens nothing; each person who signs in with a browser has a token of their own in it, which
//! is void with their sessions and with another password; it holds no more than [`bounds::BROWSER_PEOPLE`].

use std::fmt;

use axum::http::HeaderMap;

use super::session::cookie_named;
use super::visitor::Visitor;
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::passwords;
use crate::person::PersonId;

const COOKIE: &str = "__Host-flip-known";
/// Letters of a token.
const TOKEN: usize = 43;

/// The tokens in a browser's cookie, the newest first.
#[derive(Clone, Default)]
pub struct Cookie(Vec<String>);

/// No token is shown.
impl fmt::Debug for Cookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} tokens", self.0.len())
    }
}

impl Cookie {
    /// That of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let tokens = cookie_named(headers, COOKIE).unwrap_or_default().split('.');
        let whole = tokens.filter(|token| token.len() == TOKEN);
        Self(whole.take(bounds::BROWSER_PEOPLE).map(str::to_owned).collect())
    }

    /// Its tokens as the ledger keeps them.
    pub fn kept(&self) -> Vec<[u8; 32]> {
        self.0.iter().map(|token| passwords::token_sha256(token)).collect()
    }

    /// With that token first; of too many the oldest goes.
    fn with(self, token: &str) -> Self {
        let others = self.0.into_iter().filter(|other| other != token);
        Self(std::iter::once(token.to_owned()).chain(others).take(bounds::BROWSER_PEOPLE).collect())
    }

    /// As it is set. It comes along from the identity provider, so it cannot be strict; nothing is done for it alone.
    fn set(&self) -> String {
        let lasts_s = bounds::BROWSER_KNOWN_MS / 1_000;
        let tokens = self.0.join(".");
        format!("{COOKIE}={tokens}; Path=/; Max-Age={lasts_s}; HttpOnly; Secure; SameSite=Lax")
    }
}

/// Remembers that a person is signed in with a browser, wholly; gives the cookie to set there.
pub async fn remember(hub: &Hub, visitor: &Visitor, person: PersonId) -> Option<String> {
    let (fresh, fresh_kept) = passwords::session_token();
    let cookie = visitor.known.clone();
    let kept = cookie.kept();
    let theirs = match hub.ledger.remember_browser(person, kept.clone(), fresh_kept, clock::now()).await {
        Ok(theirs) => theirs,
        Err(error) => {
            tracing::warn!(%error, "a browser is not remembered; who signs in with it waits as strangers do");
            return None;
        }
    };
    let known = kept.iter().position(|token| *token == theirs).map(|place| cookie.0[place].clone());
    Some(cookie.with(&known.unwrap_or(fresh)).set())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    fn of(tokens: &[String]) -> Cookie {
        let value = format!("a=b; {COOKIE}={}", tokens.join("."));
        Cookie::of(&HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&value).unwrap())]))
    }

    #[test]
    fn a_cookie_holds_so_many_and_whoever_comes_last_pushes_out_the_oldest() {
        let tokens: Vec<String> = (0..20).map(|_| passwords::session_token().0).collect();
        assert_eq!(of(&tokens).0, tokens[..bounds::BROWSER_PEOPLE]);
        let with = of(&tokens).with(&tokens[3]);
        assert_eq!(
            (&with.0[..4], with.0.len()),
            (&[3, 0, 1, 2].map(|at| tokens[at].clone())[..], bounds::BROWSER_PEOPLE)
        );
        let with = with.with(&tokens[19]);
        assert_eq!((with.0.len(), &with.0[0], &with.0[1]), (bounds::BROWSER_PEOPLE, &tokens[19], &tokens[3]));
        assert!(with.set().len() < 500 && with.set().contains("; HttpOnly; Secure; SameSite="));
        assert_eq!(format!("{with:?}"), "8 tokens");
        assert!(of(&["short".to_owned(), String::new()]).0.is_empty());
        assert!(Cookie::of(&HeaderMap::new()).0.is_empty());
    }
}
