//! Sign-ins that were begun at the provider: what has to come back, and to which browser.
//!
//! What must stay true: each is taken once, in its time, by the browser that began it; what strangers begin takes
//! bounded memory, and pushes out nobody's from another network. Kept in memory: a restart forgets it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use flip_protocol::UnixMillis;
use openidconnect::{Nonce, PkceCodeVerifier};
use sha2::{Digest as _, Sha256};

use crate::bounds;
use crate::throttle::Network;

/// A sign-in that was begun.
pub struct Begun {
    /// What the provider sends back with the code.
    pub state: String,
    /// What the token has to hold.
    pub nonce: Nonce,
    /// What redeems the code (RFC 7636).
    pub verifier: PkceCodeVerifier,
    /// The path to go to afterwards.
    pub next: String,
    /// Where it was begun from.
    pub from: Network,
    /// Until when it is good.
    pub expires: UnixMillis,
}

impl Begun {
    /// Whether that state belongs to it, and it is good still. By hashes, so that how long it takes tells nothing of where
    /// they differ.
    fn is(&self, state: &str, now: UnixMillis) -> bool {
        Sha256::digest(&self.state) == Sha256::digest(state) && self.expires > now
    }
}

/// All that were begun and have not come back, by the SHA-256 of their browser's cookie.
#[derive(Default)]
pub struct AllBegun(Mutex<HashMap<[u8; 32], Begun>>);

impl AllBegun {
    /// Keeps one; false where too many are under way.
    pub fn put(&self, cookie: &str, begun: Begun, now: UnixMillis) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= bounds::OIDC_BEGUN {
            all.retain(|_, one| one.expires > now);
        }
        let of_network = || all.iter().filter(|(_, one)| one.from == begun.from);
        if of_network().count() >= bounds::OIDC_BEGUN_NETWORK {
            let oldest = of_network().min_by_key(|(_, one)| one.expires).map(|(key, _)| *key);
            oldest.map(|key| all.remove(&key));
        }
        if all.len() >= bounds::OIDC_BEGUN {
            return false;
        }
        all.insert(key(cookie), begun);
        true
    }

    /// Where the one leads that this browser began and that state belongs to.
    pub fn leads_to(&self, cookie: &str, state: &str, now: UnixMillis) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&key(cookie)).filter(|begun| begun.is(state, now)).map(|begun| begun.next.clone())
    }

    /// Takes the one that this browser began and that state belongs to.
    pub fn take(&self, cookie: &str, state: &str, now: UnixMillis) -> Option<Begun> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(cookie);
        all.get(&key).filter(|begun| begun.is(state, now))?;
        all.remove(&key)
    }
}

fn key(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie).into()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn begun(state: &str, from: u32, expires: u64) -> Begun {
        Begun {
            state: state.to_owned(),
            nonce: Nonce::new("n".to_owned()),
            verifier: PkceCodeVerifier::new("v".to_owned()),
            next: "/queries".to_owned(),
            from: Network::of(IpAddr::from(from.to_be_bytes())),
            expires: UnixMillis(expires),
        }
    }

    #[test]
    fn one_is_taken_once_by_its_browser_and_in_its_time() {
        let (all, now) = (AllBegun::default(), UnixMillis(5));
        assert!(all.put("cookie", begun("state", 1, 10), now) && all.put("late", begun("state", 1, 10), now));
        assert!(all.take("another", "state", now).is_none(), "another browser took it");
        assert!(all.take("cookie", "another", now).is_none(), "it went with a state that is not its own");
        assert_eq!(all.leads_to("cookie", "state", now).as_deref(), Some("/queries"));
        assert!(
            all.leads_to("cookie", "another", now).is_none()
                && all.leads_to("late", "state", UnixMillis(10)).is_none()
        );
        assert!(all.take("cookie", "state", now).is_some(), "a wrong try used it up");
        assert!(all.take("cookie", "state", now).is_none(), "it was taken twice");
        assert!(all.take("late", "state", UnixMillis(10)).is_none(), "it was taken after its time");
    }

    #[test]
    fn strangers_push_out_their_own_alone() {
        let (all, now) = (AllBegun::default(), UnixMillis(5));
        assert!(all.put("mine", begun("s", 1, 10), now));
        for number in 0..=bounds::OIDC_BEGUN_NETWORK {
            assert!(all.put(&format!("theirs {number}"), begun("s", 2, 10 + number as u64), now));
        }
        assert!(all.take("theirs 0", "s", now).is_none(), "the oldest of a network stays however many come");
        assert!(all.take("theirs 1", "s", now).is_some() && all.take("mine", "s", now).is_some());
    }

    #[test]
    fn no_more_than_fit_are_kept_and_those_over_make_room() {
        let all = AllBegun::default();
        for number in 0..bounds::OIDC_BEGUN {
            let from = u32::try_from(number).unwrap();
            assert!(all.put(&number.to_string(), begun("s", from, 10), UnixMillis(5)));
        }
        assert!(!all.put("more", begun("s", u32::MAX, 20), UnixMillis(5)));
        assert!(all.put("more", begun("s", u32::MAX, 20), UnixMillis(10)));
    }
}
