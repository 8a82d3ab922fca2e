//! How often passwords, codes and the public forms may be tried, and how long whoever failed waits.
//!
//! What must stay true: a try counts from when it begins, so that many at once are no way around; the browser that somebody
//! has signed in with before is counted by itself, and else the network that they have signed in from apart from everybody
//! else, so that strangers keep nobody out of where they usually are; of one account's failures few count for all who share
//! an address; it behaves the same for names that nobody has. Kept in memory: a restart forgets it. Deliberately absent:
//! with what and from where somebody has signed in before ([`crate::ledger`]).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flip_protocol::UnixMillis;

use crate::bounds;
use crate::person::PersonId;

/// Where somebody comes from: an IPv4 address, or the first half of an IPv6 one, which is one customer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The one of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [first, second, third, fourth, ..] = address.segments();
                IpAddr::from([first, second, third, fourth, 0, 0, 0, 0])
            }
        })
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(formatter),
            IpAddr::V6(address) => write!(formatter, "{address}/64"),
        }
    }
}

/// Whose secret is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account {
    /// A person's.
    Person(PersonId),
    /// Of a name that nobody has, by its SHA-256.
    Nobody([u8; 32]),
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Secret {
    /// A password.
    Password,
    /// A code of a second factor.
    Code,
}

/// By what somebody is known who has signed in before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Known {
    /// Their browser, by the SHA-256 of the token that its cookie has of them.
    Browser([u8; 32]),
    /// Where they are, which they share with whoever else is there.
    Network(Network),
}

/// A try at somebody's secret.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    /// Whose.
    pub account: Account,
    /// Which.
    pub secret: Secret,
    /// From where.
    pub from: Network,
    /// By what whoever tries is known as the account's owner; `None`: by nothing.
    pub known: Option<Known>,
}

/// A form that strangers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// For a new password.
    Forgotten,
    /// For access.
    Access,
    /// For a session on the identity provider's word, that was refused: so many are noted in the audit.
    Refused,
}

/// So many seconds have to pass first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    /// The seconds, at least one.
    pub seconds: u32,
}

/// What was tried of late.
#[derive(Default)]
pub struct Throttle(Mutex<Tries>);

#[derive(Default)]
struct Tries {
    /// Of people: from each browser and each network that knows them, and from everywhere else together. So many as there
    /// are people, times the browsers and networks that are remembered of each.
    people: HashMap<(PersonId, Secret, Option<Known>), Count>,
    names: HashMap<([u8; 32], Secret), Count>,
    networks: HashMap<Network, Count>,
    /// What each account has failed in each network: the first few make up the network's count.
    shares: HashMap<(Network, Account), Count>,
    forms: HashMap<(Form, Network), Count>,
}

/// How often something failed, and when last.
#[derive(Debug, Clone, Copy)]
struct Count {
    failed: u32,
    last: UnixMillis,
}

impl Throttle {
    /// Begins a try, which counts as failed until it is [`Self::succeeded`].
    pub fn begin(&self, this: Try, now: UnixMillis) -> Result<(), Wait> {
        let mut tries = self.lock();
        if let Some(wait) = tries.wait(&this, now) {
            return Err(wait);
        }
        tries.account(&this).add(now);
        if this.known.is_none() && tries.share(&this).add(now) <= bounds::TRIES_FREE {
            tries.networks.entry(this.from).or_insert(Count::NONE).add(now);
        }
        tries.bound(now);
        Ok(())
    }

    /// Takes back what [`Self::begin`] counted. From where they are known, what failed before is forgotten.
    pub fn succeeded(&self, this: Try) {
        self.take_back(this);
        if this.known.is_some() {
            self.lock().account(&this).failed = 0;
        }
    }

    /// Takes back what [`Self::begin`] counted of a try that nobody looked at: what failed before stands.
    pub fn take_back(&self, this: Try) {
        let mut tries = self.lock();
        tries.account(&this).take_one();
        if this.known.is_none() && tries.share(&this).take_one() < bounds::TRIES_FREE {
            tries.networks.entry(this.from).or_insert(Count::NONE).take_one();
        }
    }

    /// Counts a form from there.
    pub fn form(&self, form: Form, from: Network, now: UnixMillis) -> Result<(), Wait> {
        let mut tries = self.lock();
        let count = tries.forms.entry((form, from)).or_insert(Count::NONE);
        if let Some(wait) = count.wait(bounds::FORMS_FREE, now) {
            return Err(wait);
        }
        count.add(now);
        tries.bound(now);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Tries> {
        // Counts are right after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tries {
    /// How long a try waits. A refused one leaves nothing here: else made-up names would fill the memory.
    fn wait(&self, this: &Try, now: UnixMillis) -> Option<Wait> {
        let account = match this.account {
            Account::Person(person) => self.people.get(&(person, this.secret, this.known)),
            Account::Nobody(name) => self.names.get(&(name, this.secret)),
        };
        let network = if this.known.is_some() { None } else { self.networks.get(&this.from) };
        let of = |count: Option<&Count>, free| count.and_then(|count| count.wait(free, now));
        of(account, bounds::TRIES_FREE).max(of(network, bounds::NETWORK_TRIES_FREE))
    }

    /// The count of the account that is tried.
    fn account(&mut self, this: &Try) -> &mut Count {
        match this.account {
            Account::Person(person) => {
                self.people.entry((person, this.secret, this.known)).or_insert(Count::NONE)
            }
            Account::Nobody(name) => self.names.entry((name, this.secret)).or_insert(Count::NONE),
        }
    }

    /// What the account has failed where the try is from.
    fn share(&mut self, this: &Try) -> &mut Count {
        self.shares.entry((this.from, this.account)).or_insert(Count::NONE)
    }

    /// Forgets what is long past, and of what strangers can make up the oldest.
    fn bound(&mut self, now: UnixMillis) {
        forget(&mut self.people, usize::MAX, now);
        forget(&mut self.names, bounds::COUNTS_KEPT, now);
        forget(&mut self.networks, bounds::COUNTS_KEPT, now);
        forget(&mut self.shares, bounds::COUNTS_KEPT, now);
        forget(&mut self.forms, bounds::COUNTS_KEPT, now);
    }
}

fn forget<K: Hash + Eq + Copy>(counts: &mut HashMap<K, Count>, most: usize, now: UnixMillis) {
    // Not at each try: a look at all of them costs as much as there are.
    if counts.len() <= most && !counts.len().is_multiple_of(bounds::COUNTS_LOOKED_AT) {
        return;
    }
    counts.retain(|_, count| now.since(count.last) < bounds::TRIES_FORGOTTEN_MS);
    if counts.len() > most {
        let mut by_age: Vec<(UnixMillis, K)> = counts.iter().map(|(key, count)| (count.last, *key)).collect();
        by_age.sort_unstable_by_key(|(last, _)| *last);
        for (_, key) in by_age.iter().take(counts.len() - most / 2) {
            counts.remove(key);
        }
    }
}

impl Count {
    const NONE: Self = Self { failed: 0, last: UnixMillis(0) };

    /// One more; gives how many there are now.
    fn add(&mut self, now: UnixMillis) -> u32 {
        // One is forgotten for each of the longest waits that has passed, so that a trickle does not add up.
        let forgotten = u32::try_from(now.since(self.last) / bounds::TRY_WAIT_MOST_MS).unwrap_or(u32::MAX);
        let before = if now.since(self.last) < bounds::TRIES_FORGOTTEN_MS { self.failed } else { 0 };
        *self = Self { failed: before.saturating_sub(forgotten).saturating_add(1), last: now };
        self.failed
    }

    /// One less; gives how many are left.
    fn take_one(&mut self) -> u32 {
        self.failed = self.failed.saturating_sub(1);
        self.failed
    }

    /// How long the next try waits: nothing at first, then a second, and twice as long each time.
    fn wait(&self, free: u32, now: UnixMillis) -> Option<Wait> {
        let over = self.failed.checked_sub(free)?;
        let wait_ms = 1_000_u64.checked_shl(over.min(30)).unwrap_or(u64::MAX).min(bounds::TRY_WAIT_MOST_MS);
        // A clock that was set back says nothing of how long ago it was.
        let passed_ms = now.0.checked_sub(self.last.0).unwrap_or(u64::MAX);
        if passed_ms >= wait_ms || passed_ms >= bounds::TRIES_FORGOTTEN_MS {
            return None;
        }
        let seconds = u32::try_from((wait_ms - passed_ms).div_ceil(1_000)).unwrap_or(u32::MAX);
        Some(Wait { seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    fn at(s: u64) -> UnixMillis {
        UnixMillis(1_000_000_000 + s * 1_000)
    }

    fn by(from: &str, known: bool) -> Try {
        let account = Account::Person(PersonId::from_bytes([1; 16]));
        let from = network(from);
        Try { account, secret: Secret::Password, from, known: known.then_some(Known::Network(from)) }
    }

    /// Fails until it has to wait; gives how often that was.
    fn fail(throttle: &Throttle, this: Try, s: u64) -> u32 {
        (0..1_000).find(|_| throttle.begin(this, at(s)).is_err()).unwrap()
    }

    #[test]
    fn who_fails_waits_longer_each_time_and_a_refused_try_costs_nothing() {
        let throttle = Throttle::default();
        let this = by("192.0.2.7", false);
        assert_eq!(fail(&throttle, this, 0), bounds::TRIES_FREE);
        let mut s = 0;
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(throttle.begin(this, at(s)), Err(Wait { seconds: wait }));
            assert_eq!(throttle.begin(this, at(s + u64::from(wait) - 1)), Err(Wait { seconds: 1 }));
            s += u64::from(wait);
            assert_eq!(throttle.begin(this, at(s)), Ok(()));
        }
        s += bounds::TRIES_FORGOTTEN_MS / 1_000;
        assert_eq!(fail(&throttle, this, s), bounds::TRIES_FREE, "a day later nothing is forgotten");
    }

    #[test]
    fn strangers_keep_nobody_out_of_where_they_have_been_before() {
        let throttle = Throttle::default();
        for of in 0..200 {
            fail(&throttle, by(&format!("198.51.100.{of}"), false), 0);
        }
        assert!(
            throttle.begin(by("203.0.113.9", false), at(0)).is_err(),
            "strangers are not counted together"
        );
        let known = by("192.0.2.7", true);
        assert_eq!(fail(&throttle, known, 0), bounds::TRIES_FREE);
        assert_eq!(fail(&throttle, by("192.0.2.8", true), 0), bounds::TRIES_FREE, "two networks are one");
        throttle.succeeded(known);
        assert_eq!(fail(&throttle, known, 0), bounds::TRIES_FREE, "what came before it counts on");
    }

    #[test]
    fn nobody_else_makes_the_browser_wait_that_somebody_has_signed_in_with() {
        let throttle = Throttle::default();
        let browser = |of| Try { known: Some(Known::Browser([of; 32])), ..by("192.0.2.7", false) };
        // A colleague behind the same address, which the account knows, and strangers.
        fail(&throttle, by("192.0.2.7", true), 0);
        fail(&throttle, by("192.0.2.7", false), 0);
        assert_eq!(fail(&throttle, browser(1), 0), bounds::TRIES_FREE);
        assert_eq!(fail(&throttle, browser(2), 0), bounds::TRIES_FREE, "two browsers are one");
        assert!(throttle.begin(by("192.0.2.7", true), at(0)).is_err());
    }

    #[test]
    fn a_stranger_waits_also_with_another_name_each_time_and_who_succeeds_is_not_counted() {
        let throttle = Throttle::default();
        let named = |name: u8, from| {
            let account = Account::Nobody([name; 32]);
            Try { account, secret: Secret::Password, from: network(from), known: None }
        };
        let tries =
            (0..250).find(|name| throttle.begin(named(*name, "2001:db8::1"), at(0)).is_err()).unwrap();
        assert_eq!(u32::from(tries), bounds::NETWORK_TRIES_FREE);
        assert!(throttle.begin(named(251, "2001:db8::ffff"), at(0)).is_err(), "a /64 is one customer's");
        assert!(throttle.begin(named(252, "2001:db8:0:1::1"), at(0)).is_ok());
        for _ in 0..100 {
            let fine = named(253, "::ffff:192.0.2.1");
            throttle.begin(fine, at(0)).unwrap();
            throttle.succeeded(fine);
        }
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }

    #[test]
    fn one_account_s_failures_keep_nobody_else_out_behind_the_same_address() {
        let throttle = Throttle::default();
        let here = network("192.0.2.7");
        let of = |person: u8, secret| {
            let account = Account::Person(PersonId::from_bytes([person; 16]));
            Try { account, secret, from: here, known: None }
        };
        // All day long, each time as soon as they may.
        for s in 0..100_000 {
            for secret in [Secret::Password, Secret::Code] {
                let _ = throttle.begin(of(1, secret), at(s));
            }
        }
        let new_here = of(2, Secret::Password);
        throttle.begin(new_here, at(100_000)).unwrap();
        throttle.succeeded(new_here);
        // Of several accounts it is somebody who guesses.
        for person in 10..10 + u8::try_from(bounds::NETWORK_TRIES_FREE).unwrap() {
            let _ = throttle.begin(of(person, Secret::Password), at(100_000));
        }
        assert!(throttle.begin(of(3, Secret::Password), at(100_000)).is_err());
        assert!(
            throttle
                .begin(Try { known: Some(Known::Network(here)), ..of(4, Secret::Password) }, at(100_000))
                .is_ok()
        );
    }

    #[test]
    fn many_at_once_are_no_way_around_and_made_up_names_take_bounded_memory() {
        let throttle = Throttle::default();
        let through = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| throttle.begin(by("192.0.2.7", false), at(0)).is_ok()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|through| *through).count()
        });
        assert_eq!(through, bounds::TRIES_FREE as usize);
        for of in 0..u32::try_from(bounds::COUNTS_KEPT).unwrap() * 3 {
            let account = Account::Nobody(std::array::from_fn(|at| of.to_be_bytes()[at % 4]));
            let from = Network(IpAddr::from(std::net::Ipv4Addr::from(of)));
            throttle.begin(Try { account, secret: Secret::Password, from, known: None }, at(1)).unwrap();
        }
        // From one network, past its wait, with another name each time.
        let here = network("192.0.2.99");
        for of in 0..u32::try_from(bounds::COUNTS_KEPT).unwrap() * 3 {
            let account = Account::Nobody(std::array::from_fn(|at| (!of).to_be_bytes()[at % 4]));
            let _ = throttle.begin(Try { account, secret: Secret::Password, from: here, known: None }, at(1));
        }
        let tries = throttle.lock();
        assert!(tries.names.len() <= bounds::COUNTS_KEPT && tries.networks.len() <= bounds::COUNTS_KEPT);
        assert_eq!(tries.people.len(), 1, "a person's count went");
    }

    #[test]
    fn a_try_that_nobody_looked_at_forgives_nothing() {
        let throttle = Throttle::default();
        let known = by("192.0.2.7", true);
        for _ in 0..100 {
            throttle.begin(known, at(0)).unwrap();
            throttle.take_back(known);
        }
        assert_eq!(fail(&throttle, known, 0), bounds::TRIES_FREE);
        throttle.take_back(known);
        throttle.begin(known, at(0)).unwrap();
        assert!(throttle.begin(known, at(0)).is_err(), "what failed before was forgotten");
    }

    #[test]
    fn a_trickle_does_not_add_up_and_a_clock_that_is_set_back_keeps_nobody_waiting() {
        let throttle = Throttle::default();
        let here = network("192.0.2.7");
        for form in 0..200 {
            assert_eq!(throttle.form(Form::Access, here, at(form * 1_800)), Ok(()), "form {form}");
        }
        let this = by("192.0.2.8", false);
        fail(&throttle, this, 1_000_000);
        assert!(throttle.begin(this, at(1_000_000)).is_err());
        assert!(throttle.begin(this, at(0)).is_ok());
    }

    #[test]
    fn forms_are_counted_by_where_they_come_from() {
        let throttle = Throttle::default();
        let (here, there) = (network("192.0.2.7"), network("192.0.2.8"));
        let sent = (0..1_000).find(|_| throttle.form(Form::Access, here, at(0)).is_err()).unwrap();
        assert_eq!(sent, bounds::FORMS_FREE);
        assert!(
            throttle.form(Form::Forgotten, here, at(0)).is_ok()
                && throttle.form(Form::Access, there, at(0)).is_ok()
        );
    }
}
