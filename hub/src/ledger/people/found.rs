//! Finding people: those who sign in, and those who were invited and have not come yet.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};

use super::super::cursor::{Place, cut};
use super::super::mail::address;
use super::super::{Ledger, LedgerError};
use super::{NO_PASSWORD, Whom, role_of};
use crate::email::EmailAddress;
use crate::links::Nonce;
use crate::person::{PersonId, Role};
use crate::search::Words;
use crate::sorting::{self, Sorting};

/// A person as the hub knows them.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id. Who was invited keeps it when they come.
    pub id: PersonId,
    /// The name that they sign in with, as it was first written.
    pub name: String,
    /// Where mail reaches them; none where nobody said.
    pub email: Option<EmailAddress>,
    /// Their role.
    pub role: Role,
    /// When they were added or invited.
    pub added: UnixMillis,
    /// Whether they can sign in.
    pub state: PersonState,
    /// Since when they have a second factor.
    pub second_factor: Option<UnixMillis>,
    /// Since when the identity provider can vouch for them.
    pub identity: Option<UnixMillis>,
}

/// Whether a person can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonState {
    /// They can.
    Active,
    /// Kept out.
    Disabled {
        /// Since when.
        since: UnixMillis,
    },
    /// An admin voided their password: their link lets them choose another.
    Reset {
        /// That link, while it works.
        link: Option<Link>,
    },
    /// They have not come yet.
    Invited {
        /// Who invited them; `None`: whoever runs the hub, on its command line.
        by: Option<String>,
        /// Their link, while it works.
        link: Option<Link>,
    },
}

/// A one-time link that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// What it is made from.
    pub nonce: Nonce,
    /// Until when it works.
    pub expires: UnixMillis,
}

impl PersonState {
    /// Its name, as in the API, the command line and the console.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled { .. } => "disabled",
            Self::Reset { .. } => "reset",
            Self::Invited { .. } => "invited",
        }
    }

    /// All names.
    pub const NAMES: [&str; 4] = ["active", "disabled", "reset", "invited"];

    /// The link that lets them in, while it works.
    pub fn link(&self) -> Option<Link> {
        match self {
            Self::Active | Self::Disabled { .. } => None,
            Self::Reset { link } | Self::Invited { link, .. } => *link,
        }
    }
}

/// Which people are looked for.
#[derive(Debug, Clone)]
pub struct Search {
    /// Words in their name or address.
    pub words: Words,
    /// The name of a state; any where empty.
    pub state: String,
    /// Their order.
    pub sorting: Sorting<PersonColumn>,
    /// From after this place in it on.
    pub after: Option<Place>,
    /// So many at most.
    pub most: u32,
}

/// People that were found.
#[derive(Debug, Clone)]
pub struct Found {
    /// In the order that was asked for.
    pub people: Vec<Person>,
    /// The last one's place, where there are more after it.
    pub next: Option<Place>,
    /// How many there are in all that fit words and state.
    pub all: u64,
}

/// What a list of people can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonColumn {
    /// Their name.
    Name,
    /// Their role.
    Role,
    /// Whether they can sign in.
    State,
    /// When they were added or invited.
    Added,
}

impl sorting::Column for PersonColumn {
    const ALL: &'static [(&'static str, Self, bool)] = &[
        ("name", Self::Name, false),
        ("role", Self::Role, false),
        ("state", Self::State, false),
        ("added", Self::Added, true),
    ];
    const USUAL: Sorting<Self> = Sorting { by: Self::Name, down: false };
}

impl PersonColumn {
    /// The key of a [`Place`], as SQL.
    fn sql(self) -> &'static str {
        match self {
            Self::Name => "lower(name)",
            Self::Role => "role",
            Self::State => "state",
            Self::Added => "printf('%020d', added_ms)",
        }
    }
}

/// Everybody, with a row's columns as [`of_row`] reads them; `?1` is the moment.
const EVERYBODY: &str = "
    WITH everybody AS (
        SELECT person.id, person.name, email, role, added_ms, NULL AS inviter,
               CASE WHEN disabled_ms IS NOT NULL THEN 'disabled' WHEN password = '' THEN 'reset' ELSE 'active' END AS state,
               disabled_ms, link.nonce, link.expires_ms, enrolled_ms,
               (SELECT min(bound_ms) FROM identity WHERE identity.person = person.id) AS bound_ms
        FROM person LEFT JOIN second_factor ON second_factor.person = person.id LEFT JOIN link ON link.token_sha256 =
            (SELECT token_sha256 FROM link WHERE person = person.id AND expires_ms > ?1 ORDER BY expires_ms DESC LIMIT 1)
        UNION ALL
        SELECT invitation.id, invitation.name, invitation.email, invitation.role, invited_ms, inviter.name,
               'invited', NULL, link.nonce, link.expires_ms, NULL, NULL
        FROM invitation LEFT JOIN person AS inviter ON inviter.id = invited_by
            LEFT JOIN link ON link.invitation = invitation.id AND link.expires_ms > ?1
    )
    SELECT id, name, email, role, added_ms, inviter, state, disabled_ms, nonce, expires_ms, enrolled_ms, bound_ms
    FROM everybody";

impl Ledger {
    /// All people by name. Blocks.
    pub fn people(&self, now: UnixMillis) -> Result<Vec<Person>, LedgerError> {
        self.run("people", move |tx| {
            tx.prepare_cached(&format!("{EVERYBODY} ORDER BY name COLLATE NOCASE"))?
                .query_map([now.0], of_row)?
                .collect()
        })
    }

    /// Looks for people.
    pub async fn search_people(&self, search: Search, now: UnixMillis) -> Result<Found, LedgerError> {
        self.call("search people", move |tx| {
            let wild = search.words.like();
            let fits = "(name LIKE ?2 ESCAPE '\\' OR email LIKE ?2 ESCAPE '\\') AND (?3 = '' OR state = ?3)";
            let all = tx
                .prepare_cached(&format!("SELECT count(*) FROM ({EVERYBODY} WHERE {fits})"))?
                .query_row((now.0, &wild, &search.state), |row| row.get(0))?;
            let (way, past) = if search.sorting.down { ("DESC", "<") } else { ("ASC", ">") };
            let (key, name) = search.after.map(|after| (after.key, after.name)).unzip();
            let found: Vec<(Place, Person)> = tx
                .prepare_cached(&format!(
                    "SELECT *, {place} AS place FROM ({EVERYBODY} WHERE {fits})
                     WHERE ?5 IS NULL OR place {past} ?4 OR (place = ?4 AND name > ?5 COLLATE NOCASE)
                     ORDER BY place {way}, name COLLATE NOCASE LIMIT ?6",
                    place = search.sorting.by.sql()
                ))?
                .query_map(
                    (now.0, &wild, &search.state, key.flatten(), name, u64::from(search.most) + 1),
                    |row| {
                        let person = of_row(row)?;
                        Ok((Place { key: row.get("place")?, name: person.name.clone() }, person))
                    },
                )?
                .collect::<Result<_, _>>()?;
            let (found, next) = cut(found, search.most, |(place, _)| place.clone());
            Ok(Found { people: found.into_iter().map(|(_, person)| person).collect(), next, all })
        })
        .await
    }

    /// A person.
    pub async fn person(&self, who: Whom, now: UnixMillis) -> Result<Option<Person>, LedgerError> {
        self.call("person", move |tx| find(tx, &who, now)).await
    }

    /// The same for the command line. Blocks.
    pub fn person_now(&self, who: Whom, now: UnixMillis) -> Result<Option<Person>, LedgerError> {
        self.run("person", move |tx| find(tx, &who, now))
    }

    /// How many admins can sign in.
    pub async fn admins(&self) -> Result<u64, LedgerError> {
        self.call("admins", |tx| {
            tx.prepare_cached(
                "SELECT count(*) FROM person WHERE role = 'admin' AND disabled_ms IS NULL AND password <> ?1",
            )?
            .query_row([NO_PASSWORD], |row| row.get(0))
        })
        .await
    }
}

pub(in crate::ledger) fn find(
    tx: &Transaction<'_>,
    who: &Whom,
    now: UnixMillis,
) -> rusqlite::Result<Option<Person>> {
    match who {
        Whom::Id(id) => tx
            .prepare_cached(&format!("{EVERYBODY} WHERE id = ?2"))?
            .query_row((now.0, id.bytes()), of_row)
            .optional(),
        Whom::Named(name) => tx
            .prepare_cached(&format!("{EVERYBODY} WHERE name = ?2 COLLATE NOCASE"))?
            .query_row((now.0, name.trim()), of_row)
            .optional(),
    }
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Person> {
    let (email, state): (Option<String>, String) = (row.get(2)?, row.get(6)?);
    let nonce: Option<[u8; 16]> = row.get(8)?;
    let link = match (nonce, row.get::<_, Option<u64>>(9)?) {
        (Some(nonce), Some(expires)) => {
            Some(Link { nonce: Nonce::from_bytes(nonce), expires: UnixMillis(expires) })
        }
        _ => None,
    };
    Ok(Person {
        id: PersonId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        email: email.map(|text| address(2, &text)).transpose()?,
        role: role_of(row, 3)?,
        added: UnixMillis(row.get(4)?),
        state: match state.as_str() {
            "disabled" => PersonState::Disabled { since: UnixMillis(row.get(7)?) },
            "reset" => PersonState::Reset { link },
            "invited" => PersonState::Invited { by: row.get(5)?, link },
            _ => PersonState::Active,
        },
        second_factor: row.get::<_, Option<u64>>(10)?.map(UnixMillis),
        identity: row.get::<_, Option<u64>>(11)?.map(UnixMillis),
    })
}
