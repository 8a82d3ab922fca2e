//! The appliance's own pages: how this Trust is doing, what left it, what it holds and what it allows.

pub(super) mod attack;
pub(super) mod audit;
pub(super) mod data;
pub(super) mod disclosure;
pub(super) mod door;
pub(super) mod frozen;
pub(super) mod logs;
pub(super) mod orders;
pub(super) mod policy;
pub(super) mod projects;
mod samples;

use serde::Serialize;

use super::{Frame, Moment, Place, Sandbox, Tone};

/// The overview at `/`: how the appliance is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Site {
    /// What surrounds it.
    pub frame: Frame,
    /// The Trust's name.
    pub name: String,
    /// The hub's address.
    pub hub_address: String,
    /// Whether the hub can be reached.
    pub link: Link,
    /// How far this machine's clock is from the hub's, once known.
    pub clock: Option<Clock>,
    /// The Trust's certificate, once enrolled.
    pub certificate: Option<Certificate>,
    /// The data generation in use, once ingested.
    pub data: Option<DataInUse>,
    /// Why the data in use cannot be read, where they cannot.
    pub data_wrong: Option<String>,
    /// What should be looked at, the worst first.
    pub attention: Vec<Attention>,
    /// What the engine may use.
    pub engine: EngineLimits,
    /// How well the engine is shut in.
    pub sandbox: Sandbox,
    /// The last few orders, newest first.
    pub orders: Vec<Order>,
    /// Refused messages, by reason; reasons that never occurred may be left out.
    pub refused_messages: Vec<Counter>,
    /// Seconds until the page asks again.
    pub refresh_seconds: Option<u32>,
}

/// Whether the hub can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Link {
    /// The last sync succeeded.
    Connected {
        /// When it did.
        last_sync: Moment,
    },
    /// It did not.
    Away {
        /// Since when; `None` where no sync has succeeded since the start.
        since: Option<Moment>,
        /// The last error, in words.
        error: String,
    },
    /// No kit has been used yet.
    NotEnrolled,
}

/// A clock's distance from the hub's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// Milliseconds, positive when this machine is ahead.
    pub skew_ms: i64,
    /// False where messages may be refused for it.
    pub acceptable: bool,
}

/// The Trust's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// When it ends.
    pub expires: Moment,
    /// True where it should have been renewed by now.
    pub overdue: bool,
}

/// The data generation in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataInUse {
    /// Its name, for example `g-000003`.
    pub generation: String,
    /// Day of the extract (`YYYY-MM-DD`).
    pub extract_date: String,
    /// When it was ingested.
    pub ingested: Moment,
    /// Persons in it. Shown to the Trust itself only.
    pub persons: u64,
}

/// Something that a person at the Trust should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attention {
    /// How much.
    pub tone: Tone,
    /// What it is, in a sentence.
    pub text: String,
    /// Where more is said.
    pub href: String,
}

/// What the engine may use for one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EngineLimits {
    /// Mebibytes of memory.
    pub memory_mib: u64,
    /// Threads.
    pub threads: u64,
    /// Seconds.
    pub time_seconds: u64,
    /// Rows of a result.
    pub rows: u64,
}

/// An order, and what left the Trust for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// Unique among the orders shown, and the same on every refresh.
    pub id: String,
    /// Path of its page.
    pub href: String,
    /// When it was taken in.
    pub at: Moment,
    /// Its kind in plain words, for example `cohort query`.
    pub kind: String,
    /// The query's name.
    pub name: String,
    /// What it was asked for, where the hub names it.
    pub project: Option<String>,
    /// The question.
    pub sql: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether that has reached the hub.
    pub delivery: Delivery,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outcome {
    /// Stored, not begun.
    Waiting,
    /// The engine is working on it.
    Running,
    /// Statistics were released.
    Released {
        /// Distinct persons in the cohort, as released.
        persons: u64,
    },
    /// The cohort was frozen here; its size was released.
    Frozen {
        /// Distinct persons in the cohort, as released.
        persons: u64,
    },
    /// Statistics were released; nothing was frozen.
    NotFrozen {
        /// Distinct persons in the cohort, as released.
        persons: u64,
        /// Why, in a sentence.
        why: String,
    },
    /// Only the fact that the cohort is below the threshold was released.
    FewerThan {
        /// The threshold, in persons.
        threshold: u64,
    },
    /// The gate did not let the question in; the reason was released.
    Refused {
        /// Why, in a sentence.
        message: String,
        /// Where in the question.
        place: Option<Place>,
    },
    /// It could not be answered; the kind of failure was released.
    Failed {
        /// Why, in a sentence.
        why: String,
    },
    /// Its life ended before it was begun.
    Expired,
    /// The hub cancelled it; nothing left.
    Withdrawn,
    /// What was frozen for a query was dropped.
    Dropped {
        /// How many versions.
        versions: u64,
    },
}

/// What came of a change that was asked for on the page before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "came", content = "text", rename_all = "snake_case")]
pub enum Said {
    /// It was made.
    Done(String),
    /// It was not, and why.
    Not(String),
}

/// Whether an order's answer has reached the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Delivery {
    /// There is no answer yet.
    Nothing,
    /// The answer waits in the outbox.
    Outbox,
    /// The hub has stored it.
    Received,
    /// The hub has refused it for good.
    NotTaken {
        /// Why, in words.
        why: String,
    },
}

/// How often a message was refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counter {
    /// The reason, in words.
    pub reason: String,
    /// How often.
    pub count: u64,
}
