//! `POST /v1/sync`: one round trip carries everything that either side has for the other.
//!
//! A side takes no notice of fields that it does not know, so that either may be the newer. Messages travel as base64 text inside JSON. A receiver takes them one by one, so a damaged one spoils no other.

use serde::{Deserialize, Serialize};

use crate::answer::Extract;
use crate::heads::Heads;
use crate::ident::{MessageId, UnixMillis};
use crate::message::Unwelcome;

/// The path on the hub's sites listener.
pub const PATH: &str = "/v1/sync";

/// What an appliance says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// Orders that are durably stored here since the last sync that the hub answered.
    pub received: Vec<MessageId>,
    /// Messages that were not taken, and why.
    pub refused: Vec<NotTaken>,
    /// Every order that the appliance holds and has not yet had acknowledged: its lease is renewed.
    pub holding: Vec<Holding>,
    /// Results, as base64 of sealed messages.
    pub results: Vec<String>,
    /// How the appliance is.
    pub health: Health,
    /// Milliseconds the hub may hold the request until work arrives.
    pub wait_ms: u64,
    /// How many orders the appliance can take now.
    pub room: u32,
    /// Heads of the audits, now and then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Heads>,
}

/// What the hub answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncResponse {
    /// The hub's clock, so that an appliance can tell when its own is wrong.
    pub hub_time: UnixMillis,
    /// Results that are durably stored at the hub.
    pub acknowledged: Vec<MessageId>,
    /// Results that were not taken, and why.
    pub refused: Vec<NotTaken>,
    /// Orders, as base64 of sealed messages, oldest first.
    pub orders: Vec<String>,
    /// True where the appliance is to make new keys and show them at [`crate::enrolment::ROTATE_PATH`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotate: bool,
    /// Heads of the audits, where the appliance told its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Heads>,
    /// Orders among those that the appliance holds which are not wanted any more: it ends them without an answer. Not
    /// signed: who could forge it could as well keep the orders back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cancelled: Vec<MessageId>,
}

/// A message that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotTaken {
    /// The message.
    pub message: MessageId,
    /// Why.
    pub reason: Unwelcome,
}

/// An order at the appliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The order.
    pub order: MessageId,
    /// How far it is.
    pub stage: Stage,
}

/// How far an order is at the appliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Stored, not begun.
    Waiting,
    /// Being worked on.
    Running,
    /// Finished; the result is on its way.
    Answered,
}

/// An appliance's state, without anything about patients.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Health {
    /// The appliance's version.
    pub version: String,
    /// The data generation in use.
    pub extract: Option<Extract>,
    /// Whole seconds since the appliance started.
    pub uptime_s: u64,
    /// Free bytes where the appliance keeps its state.
    pub disk_free_bytes: u64,
    /// Messages refused since the appliance was enrolled.
    pub refused_messages: u64,
    /// How far the kernel confines the engine's process; `None` until it has run once.
    pub engine: Option<Confinement>,
    /// Bytes of the disk where the appliance keeps its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// By how many milliseconds its clock is ahead of the hub's, once it has heard that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_ms: Option<i64>,
    /// What somebody at the Trust should look at, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concerns: Vec<Concern>,
}

/// What somebody at a Trust should look at. None of it tells what was asked or what the data hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// The data in use cannot be read.
    DataDamaged,
    /// There are no data.
    NoData,
    /// The data in use are older than is usual.
    DataOld,
    /// The newest delivery into the watched folder was refused.
    DeliveryRefused,
    /// The certificate should have been renewed by now.
    CertificateOverdue,
    /// The disk is nearly full.
    DiskLow,
    /// The kernel does not confine the engine wholly.
    EngineNotConfined,
    /// The site's policy lets out more than is safe.
    PolicyLoosened,
    /// Something that a newer version knows.
    #[serde(other)]
    Other,
}

impl Concern {
    /// What it is, in a sentence without a full stop.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::DataDamaged => "the data in use cannot be read",
            Self::NoData => "there are no data yet",
            Self::DataOld => "the data in use are old",
            Self::DeliveryRefused => "the newest delivery of data was refused",
            Self::CertificateOverdue => "the certificate should have been renewed by now",
            Self::DiskLow => "the disk is nearly full",
            Self::EngineNotConfined => "the kernel does not confine the engine wholly",
            Self::PolicyLoosened => "the site's policy lets out more than is safe",
            Self::Other => "something that this version does not know; the Trust's console says what",
        }
    }
}

/// How far the kernel confines an appliance's engine to reading its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confinement {
    /// Wholly.
    Full,
    /// With some of the rules that the appliance knows.
    Partial,
    /// Not at all: the kernel has no Landlock. Resource limits and the engine's own locks hold all the same.
    None,
}
