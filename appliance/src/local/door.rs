//! Who may see the local console: who can read the appliance's folder.
//!
//! At every start the appliance writes a secret into a file of its folder that its owner alone can read. With it,
//! `flip-appliance console` asks for a link. A link works once and for some minutes, and makes a session: a cookie
//! that scripts cannot read and other sites cannot have sent. A session is good for the account of this machine that
//! came in with the link, and for no other.
//!
//! What must stay true: the secret is in no address, no page and no log; links and sessions are in memory alone, and
//! bounded. Deliberately absent: passwords.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use flip_protocol::{UnixMillis, text};
use flip_storage::file::{self, Access};
use flip_web::pages::Said;

use crate::bounds;
use crate::clock;

/// The door of one running appliance.
#[derive(Debug)]
pub struct Door {
    secret: String,
    passes: Mutex<Passes>,
}

#[derive(Debug, Default)]
struct Passes {
    links: Vec<Pass>,
    sessions: Vec<Pass>,
}

/// A link or a session.
#[derive(Debug)]
struct Pass {
    token: String,
    ends: UnixMillis,
    /// The account that holds it; `None` for a link, and where the kernel does not say.
    account: Option<u32>,
    /// What came of the session's last change, until a page has shown it.
    said: Option<Said>,
}

impl Door {
    /// A new door, its secret in `file`.
    pub fn open(file: &Path) -> io::Result<Self> {
        let secret = token();
        file::write(file, secret.as_bytes(), Access::Owner)?;
        Ok(Self { secret, passes: Mutex::default() })
    }

    /// True for the secret.
    pub fn knows(&self, secret: &str) -> bool {
        same(&self.secret, secret)
    }

    /// The token of a new link, good for so many minutes.
    pub fn link(&self, minutes: u64, now: UnixMillis) -> String {
        let minutes = minutes.clamp(1, bounds::LINK_MINUTES_MAX);
        let token = token();
        let ends = now.plus(minutes * 60_000);
        self.with(now, |passes| {
            put(&mut passes.links, Pass { token: token.clone(), ends, account: None, said: None });
        });
        token
    }

    /// Comes in by a link, which works no more then; gives the session's token. `None` where it is no link.
    pub fn enter(&self, link: &str, account: Option<u32>, now: UnixMillis) -> Option<String> {
        self.with(now, |passes| {
            let found = passes.links.iter().position(|pass| same(&pass.token, link))?;
            passes.links.remove(found);
            let token = token();
            let ends = now.plus(bounds::SESSION_MS);
            put(&mut passes.sessions, Pass { token: token.clone(), ends, account, said: None });
            Some(token)
        })
    }

    /// True for a session of that account.
    pub fn admits(&self, session: &str, account: Option<u32>, now: UnixMillis) -> bool {
        self.with(now, |passes| {
            passes.sessions.iter().any(|pass| same(&pass.token, session) && pass.account == account)
        })
    }

    /// Keeps what came of a change for the session's next page.
    pub fn say(&self, session: &str, said: Said, now: UnixMillis) {
        self.with(now, |passes| {
            if let Some(pass) = passes.sessions.iter_mut().find(|pass| same(&pass.token, session)) {
                pass.said = Some(said);
            }
        });
    }

    /// What came of the session's last change, once.
    pub fn said(&self, session: &str, now: UnixMillis) -> Option<Said> {
        self.with(now, |passes| {
            passes.sessions.iter_mut().find(|pass| same(&pass.token, session))?.said.take()
        })
    }

    /// Ends a session.
    pub fn leave(&self, session: &str, now: UnixMillis) {
        self.with(now, |passes| passes.sessions.retain(|pass| !same(&pass.token, session)));
    }

    /// After what has ended was forgotten.
    fn with<T>(&self, now: UnixMillis, change: impl FnOnce(&mut Passes) -> T) -> T {
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        passes.links.retain(|pass| pass.ends > now);
        passes.sessions.retain(|pass| pass.ends > now);
        change(&mut passes)
    }
}

fn put(passes: &mut Vec<Pass>, pass: Pass) {
    if passes.len() == bounds::PASSES {
        passes.remove(0);
    }
    passes.push(pass);
}

fn token() -> String {
    text::encode(&clock::random_bytes::<32>())
}

/// Compares without telling by its time how much of it is right.
fn same(one: &str, other: &str) -> bool {
    let different =
        one.bytes().zip(other.bytes()).fold(0, |different, (one, other)| different | (one ^ other));
    one.len() == other.len() && different == 0
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);
    const ME: Option<u32> = Some(1_000);

    fn door() -> (tempfile::TempDir, Door) {
        let folder = tempfile::tempdir().unwrap();
        let door = Door::open(&folder.path().join("secret")).unwrap();
        (folder, door)
    }

    #[test]
    fn the_secret_is_in_a_file_of_its_owner_alone_and_new_at_every_start() {
        let (folder, door) = door();
        let path = folder.path().join("secret");
        let secret = fs::read_to_string(&path).unwrap();
        assert!(door.knows(&secret) && !door.knows("") && !door.knows(&secret[1..]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let next = Door::open(&path).unwrap();
        assert!(!next.knows(&secret));
    }

    #[test]
    fn a_link_works_once() {
        let (_folder, door) = door();
        let link = door.link(10, NOW);
        let session = door.enter(&link, ME, NOW).unwrap();
        assert!(door.admits(&session, ME, NOW));
        assert_eq!(door.enter(&link, ME, NOW), None);
        assert_eq!(door.enter("", ME, NOW), None);
        assert!(!door.admits(&link, ME, NOW) && !door.admits("", ME, NOW));
    }

    #[test]
    fn links_and_sessions_end() {
        let (_folder, door) = door();
        let link = door.link(10, NOW);
        assert_eq!(door.enter(&link, ME, NOW.plus(10 * 60_000)), None);
        let session = door.enter(&door.link(u64::MAX, NOW), ME, NOW).unwrap();
        assert!(door.admits(&session, ME, NOW.plus(bounds::SESSION_MS - 1)));
        assert!(!door.admits(&session, ME, NOW.plus(bounds::SESSION_MS)));
        let session = door.enter(&door.link(1, NOW), ME, NOW).unwrap();
        door.leave(&session, NOW);
        assert!(!door.admits(&session, ME, NOW));
    }

    #[test]
    fn what_came_of_a_change_is_told_once_and_to_its_session_alone() {
        let (_folder, door) = door();
        let [one, other] = [(), ()].map(|()| door.enter(&door.link(10, NOW), ME, NOW).unwrap());
        door.say(&one, Said::Done("it is done".to_owned()), NOW);
        assert_eq!(door.said(&other, NOW), None);
        assert_eq!(door.said(&one, NOW), Some(Said::Done("it is done".to_owned())));
        assert_eq!(door.said(&one, NOW), None);
    }

    #[test]
    fn a_session_is_no_good_for_another_account() {
        let (_folder, door) = door();
        let session = door.enter(&door.link(10, NOW), ME, NOW).unwrap();
        assert!(!door.admits(&session, Some(1_001), NOW) && !door.admits(&session, None, NOW));
    }

    #[test]
    fn old_links_give_way_to_new_ones() {
        let (_folder, door) = door();
        let first = door.link(10, NOW);
        let last = (0..bounds::PASSES).map(|_| door.link(10, NOW)).last().unwrap();
        assert_eq!(door.enter(&first, ME, NOW), None);
        assert!(door.enter(&last, ME, NOW).is_some());
    }
}
