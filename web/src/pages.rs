//! The contexts of all pages, and the shapes they share.

mod access;
mod answer;
mod api_guide;
mod audit;
mod decisions;
mod files;
mod hub;
mod link;
mod mail;
mod models;
mod people;
mod problem;
mod project_history;
mod projects;
mod queries;
mod query;
mod query_new;
mod second_factor;
mod sessions;
mod sign_in;
mod site;
mod sticks;
mod tokens;
mod trust;
mod trusts;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::words::plural;

pub use access::{AskAccess, Forgot, OwnPassword, RequestRow, RequestState, Requests};
pub(crate) use answer::headline_parts;
pub use answer::{Answer, Combined, Margins, Rule, Tally, Tone, TrustAnswer, headline};
pub use api_guide::{
    ApiAnswer, ApiForm, ApiGroup, ApiGuide, ApiKind, ApiMember, ApiOperation, ApiRefusal, ApiShape,
};
pub use audit::{ActChoice, Audit};
pub use decisions::{Case, Decisions};
pub use files::{Bring, FileRow, FileState, Need, NeedState};
pub use hub::{Hub, Maintenance};
pub use link::{Link as OneTimeLink, LinkCame, LinkDone, LinkPurpose};
pub use mail::{MailRow, MailState, Mails};
pub use models::{Model, ModelForm, ModelNew, ModelRow, Models};
pub use people::{
    Choice, Delivery as LinkDelivery, People, PeopleTabs, Person, PersonForm, PersonRow, PersonState,
};
pub use problem::Problem;
pub use project_history::{Change, ProjectHistory, Question};
pub use projects::seats::{Decide, Decided, Seat, StagedAt};
pub use projects::{Project, ProjectForm, ProjectNew, ProjectRow, Projects};
pub use queries::{Queries, QueryRow};
pub use query::{Field, Freeze, FreezeState, FrozenAt, Query};
pub use query_new::{QueryNew, Refusal};
pub use second_factor::{GiveCode, OwnFactor, RecoveryCodes, SetUpFactor};
pub use sessions::{SessionRow, Sessions};
pub use sign_in::{GoOn, ProviderWay, SignIn, SignedOut};
pub use site::attack::{AttackReport, AttackRow, SiteAttack};
pub use site::audit::{Act, Chain, SiteAudit};
pub use site::data::{
    Became, Completeness, Delivered, Described, Finding, Generation, Measured, Quality, SiteData, Table,
};
pub use site::disclosure::{Alike, Budgets, ProjectUse, SiteDisclosure};
pub use site::door::{SiteDoor, SiteEntered};
pub use site::frozen::{FrozenCohort, Read, ReadToken, SiteFrozen};
pub use site::logs::{Level, LogLine, SiteLogs};
pub use site::orders::{OrderFilter, Released, SiteOrder, SiteOrders};
pub use site::policy::{Setting, SitePolicy};
pub use site::projects::{SiteProject, SiteProjects};
pub use site::{
    Attention, Certificate, Clock, Counter, DataInUse, Delivery, EngineLimits, Link, Order, Outcome, Said,
    Site,
};
pub use sticks::{StickCame, StickMake, StickProgress, StickStep, StickWatch, StickWork, Sticks};
pub use tokens::{ScopeChoice, TokenRow, Tokens};
pub use trust::{Disk, Trust};
pub use trusts::{TrustAdded, TrustRow, TrustState, Trusts};

pub use crate::chart::Reach;

/// What surrounds every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// Version of the program that serves the page, for the footer.
    pub version: String,
    /// Who is signed in at the hub; `None` hides the navigation.
    pub person: Option<SignedIn>,
    /// The Trust whose appliance is looked at; `None` at the hub, and for who has not come in.
    pub site: Option<String>,
    /// What everybody is to know, whichever page they look at.
    pub notices: Vec<Notice>,
}

/// A word to everybody, at the head of every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// True where something is not as it should be.
    pub warns: bool,
    /// Plain text.
    pub text: String,
    /// Where more is said; `https:` or a path.
    pub href: Option<String>,
}

/// Who is signed in at the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedIn {
    /// Their name.
    pub name: String,
    /// The page's own key: a form that makes something is carried out once with it, however often it is sent.
    pub once: String,
    /// True where the navigation leads to the people.
    pub sees_people: bool,
    /// True where it leads to the hub's own page.
    pub runs_hub: bool,
    /// True where it leads to the audit.
    pub sees_audit: bool,
    /// Set where it leads to the decisions.
    pub decides: Option<Decides>,
}

/// The way to somebody's decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Decides {
    /// True for a Trust's own admin.
    pub own_trust: bool,
    /// How many projects wait for them.
    pub waiting: u64,
}

/// The links of a list that is shown by pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pager {
    /// Path of its beginning; `None` there.
    pub first_href: Option<String>,
    /// Path of what follows; `None` at its end.
    pub next_href: Option<String>,
}

/// The heads of a list's columns by which it can be sorted, by the columns' names.
pub type SortHeads = BTreeMap<String, SortHead>;

/// A column's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SortHead {
    /// Path of the list sorted by it; the other way around where it is sorted by it already.
    pub href: String,
    /// How the list is sorted by it; `None` where it is sorted by another.
    pub sorted: Option<Sorted>,
}

/// Which way, in the words of `aria-sort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sorted {
    /// The lowest first.
    Ascending,
    /// The highest first.
    Descending,
}

/// A project to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectChoice {
    /// What the form sends.
    pub value: String,
    /// Its name.
    pub name: String,
    /// True where it is chosen.
    pub chosen: bool,
}

/// A point in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// ISO 8601 in UTC, for example `2026-07-21T08:12:03Z`.
    pub iso: String,
    /// How far away it is, for example `3 minutes ago` or `in 6 days`.
    pub relative: String,
}

impl Moment {
    /// A moment and how far it is from `now_ms`, both in milliseconds since 1970.
    pub fn at(moment_ms: u64, now_ms: u64) -> Self {
        let seconds = i64::try_from(moment_ms / 1_000).unwrap_or(i64::MAX);
        let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let iso = moment.format(&Rfc3339).unwrap_or_default();
        let words = |size: u64| match size / 1_000 {
            0..60 => plural(size / 1_000, "second", None),
            60..3_600 => plural(size / 60_000, "minute", None),
            3_600..172_800 => plural(size / 3_600_000, "hour", None),
            172_800.. => plural(size / 86_400_000, "day", None),
        };
        let relative = if moment_ms > now_ms {
            // What lasts seven days begins with seven, not with six and some hours.
            let left = moment_ms - now_ms;
            format!("in {}", words(left + if left < 172_800_000 { 0 } else { 43_200_000 }))
        } else if now_ms - moment_ms < 1_000 {
            "just now".to_owned()
        } else {
            format!("{} ago", words(now_ms - moment_ms))
        };
        Self { iso, relative }
    }
}

/// A place in a question's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

/// How well a Trust's engine process is shut in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Sandbox {
    /// Everything the appliance knows to enforce is enforced.
    Full,
    /// Some of it is.
    Partial {
        /// What is missing, for example `the kernel has no Landlock`.
        missing: String,
    },
    /// None of it is.
    Absent {
        /// Why.
        why: String,
    },
}

/// Values for samples.
mod sample {
    use super::{
        Decides, Frame, Moment, Notice, Pager, ProjectChoice, SignedIn, SortHead, SortHeads, Sorted,
    };

    pub(super) fn pager(path: &str) -> Pager {
        Pager { first_href: Some(path.to_owned()), next_href: Some(format!("{path}?after=1.7.AB")) }
    }

    /// Of a list that is sorted by the first of these columns, downwards.
    pub(super) fn heads(path: &str, columns: &[&str]) -> SortHeads {
        let each = columns.iter().enumerate().map(|(number, column)| {
            let sorted = (number == 0).then_some(Sorted::Descending);
            (column.to_string(), SortHead { href: format!("{path}?sort={column}"), sorted })
        });
        each.collect()
    }

    pub(super) fn frame() -> Frame {
        let person = SignedIn {
            once: "7f3c".to_owned(),
            name: "r.okafor@flip.example".to_owned(),
            sees_people: false,
            runs_hub: false,
            sees_audit: false,
            decides: None,
        };
        Frame { person: Some(person), ..stranger() }
    }

    pub(super) fn admin() -> Frame {
        let decides = Some(Decides { own_trust: false, waiting: 0 });
        let name = "admin".to_owned();
        let person = SignedIn {
            name,
            once: "7f3c".to_owned(),
            sees_people: true,
            runs_hub: true,
            sees_audit: true,
            decides,
        };
        Frame { person: Some(person), ..frame() }
    }

    pub(super) fn trust_admin() -> Frame {
        let decides = Some(Decides { own_trust: true, waiting: 2 });
        let name = "i.fernandez@flip.example".to_owned();
        let person = SignedIn {
            name,
            once: "7f3c".to_owned(),
            sees_people: false,
            runs_hub: false,
            sees_audit: false,
            decides,
        };
        Frame { person: Some(person), ..frame() }
    }

    /// With a word of each kind.
    pub(super) fn noticed() -> Frame {
        let href = Some("https://flip.example/news".to_owned());
        let banner = Notice { warns: false, text: "The network is slow on Friday.".to_owned(), href };
        let text = "Maintenance: new questions wait.".to_owned();
        Frame { notices: vec![banner, Notice { warns: true, text, href: None }], ..admin() }
    }

    pub(super) fn projects() -> Vec<ProjectChoice> {
        let choice = |value: &str, name: &str, chosen| ProjectChoice {
            value: value.to_owned(),
            name: name.to_owned(),
            chosen,
        };
        vec![choice("", "My own questions", false), choice("2", "Lung nodules on chest CT", true)]
    }

    pub(super) fn site() -> Frame {
        Frame { site: Some("Northmoor University Hospitals".to_owned()), ..stranger() }
    }

    pub(super) fn stranger() -> Frame {
        Frame { version: "0.1.0".to_owned(), person: None, site: None, notices: Vec::new() }
    }

    pub(super) fn moment(iso: &str, relative: &str) -> Moment {
        Moment { iso: iso.to_owned(), relative: relative.to_owned() }
    }

    pub(super) const SQL: &str = "\
SELECT p.person_id,
       p.gender_concept_id,
       c.condition_concept_id
FROM   omop.person AS p
JOIN   omop.condition_occurrence AS c USING (person_id)
WHERE  c.condition_concept_id IN (255848, 4110056)
  AND  c.condition_start_date >= DATE '2019-01-01'";
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn a_moment_says_how_far_away_it_is() {
        let now = 1_784_621_523_000;
        let relative = |moment| Moment::at(moment, now).relative;
        assert_eq!(Moment::at(now, now).iso, "2026-07-21T08:12:03Z");
        assert_eq!(relative(now - 999), "just now");
        assert_eq!(relative(now - 61_000), "1 minute ago");
        assert_eq!(relative(now + 7 * 86_400_000), "in 7 days");
        assert_eq!(relative(now + 7 * 86_400_000 - 1_000), "in 7 days", "a moment after it was made");
        assert_eq!(relative(now - 47 * 3_600_000), "47 hours ago");
    }
}
