//! What the API's document says of types that are not the hub's own: those that cross a Trust's boundary.
//!
//! What must stay true: each has the members that its namesake of `flip_protocol` is written with; the scenarios compare
//! every answer that they see with the document. Deliberately absent: values. Nothing makes one of these.

use serde::Serialize;
use utoipa::ToSchema;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Serialize, ToSchema)]
#[schema(value_type = u64, example = 1_795_773_600_000_u64)]
pub struct Moment(u64);

/// A Trust's data that an answer is of.
#[derive(Serialize, ToSchema)]
pub struct Extract {
    /// The data generation's name at the Trust.
    #[schema(example = "g-000003")]
    generation: String,
    /// The day of the extract.
    #[schema(format = Date, example = "2026-11-01")]
    date: String,
}

/// How far a Trust's counts are from the exact ones.
#[derive(Serialize, ToSchema)]
pub struct Protection {
    /// Every count is a multiple of this.
    #[schema(example = 10)]
    rounded_to: u64,
    /// `persons` is within this of the exact count in 95 of 100 answers.
    #[schema(example = 30)]
    persons_margin: u64,
    /// The same of `records`.
    #[schema(example = 60)]
    records_margin: u64,
}

/// A place in a text.
#[derive(Serialize, ToSchema)]
pub struct Place {
    /// Line, from 1.
    #[schema(example = 1, minimum = 1)]
    line: u64,
    /// Column in characters, from 1.
    #[schema(example = 8, minimum = 1)]
    column: u64,
}

/// Mean and standard deviation of a numeric column.
#[derive(Serialize, ToSchema)]
pub struct Summary {
    /// The mean.
    #[schema(example = 61.5)]
    mean: f64,
    /// The standard deviation.
    #[schema(example = 12.25)]
    spread: f64,
}

/// What counts count.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Distinct persons.
    Persons,
    /// Rows of the result.
    Records,
    /// Imaging occurrences.
    Images,
}

/// How the cells of a statistic are to be read.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Groups beside each other.
    Groups,
    /// Bins of a numeric column, ascending.
    Histogram,
    /// The most frequent values, the most frequent first.
    TopValues,
}

/// Why a question that was let in was not answered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Failed {
    /// No data are in use at the Trust yet.
    NoData,
    /// The engine does not know a name or a type combination in the question.
    NotUnderstood,
    /// A value could not be converted or computed.
    BadValue,
    /// It took longer than the Trust allows.
    Timeout,
    /// It needed more memory than the Trust allows.
    OutOfMemory,
    /// It has more rows than the Trust allows.
    TooManyRows,
    /// The engine was lost twice.
    EngineLost,
    /// Anything else.
    Internal,
}

/// Why an appliance would not take a message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unwelcome {
    /// Not a message.
    Malformed,
    /// Of a later format.
    UnknownVersion,
    /// Of a kind that is not taken there.
    WrongKind,
    /// For another receiver.
    Foreign,
    /// From a sender that is not known there.
    UnknownSender,
    /// It names a key that is not in use.
    UnknownKey,
    /// Its signature does not fit.
    BadSignature,
    /// Past its expiry.
    Expired,
    /// Its sequence number was used before.
    Replayed,
    /// It does not open.
    Undecipherable,
    /// Its body is not what its kind says.
    BadBody,
}

/// A Trust's gate did not let the question in.
#[derive(Serialize, ToSchema)]
pub struct Refused {
    /// A code of the gate.
    #[schema(example = "table_not_allowed")]
    code: String,
    /// What is wrong and what to write instead.
    #[schema(example = "the table “secrets” is not one of OMOP's")]
    message: String,
    /// Where in the question.
    #[schema(nullable = false)]
    place: Option<Place>,
}

/// What a Trust released of a cohort.
#[derive(Serialize, ToSchema)]
pub struct CohortAnswer {
    /// Distinct persons.
    #[schema(example = 540)]
    persons: u64,
    /// Rows.
    #[schema(example = 1_210)]
    records: u64,
    /// The Trust's threshold, in persons.
    #[schema(example = 10)]
    threshold: u64,
    /// Absent where the counts are exact.
    #[schema(nullable = false)]
    protection: Option<Protection>,
    /// The data.
    extract: Extract,
    /// The statistics.
    fields: Vec<Field>,
}

/// The answer of an order that is done.
#[derive(Serialize, ToSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// At or above the Trust's threshold.
    Value(CohortAnswer),
    /// Fewer persons than the Trust's threshold, perhaps none.
    FewerThan {
        /// The threshold, in persons.
        #[schema(example = 10)]
        threshold: u64,
        /// The data.
        extract: Extract,
    },
    /// Of an order to drop frozen cohorts.
    Dropped {
        /// How many versions were dropped.
        #[schema(example = 1)]
        versions: u32,
    },
}

/// A statistic of one Trust.
#[derive(Serialize, ToSchema)]
pub struct Field {
    /// Its name.
    #[schema(example = "Age Distribution")]
    name: String,
    /// What its counts count.
    unit: Unit,
    /// Its cells.
    cells: Vec<Cell>,
    /// True where a cell was folded or withheld.
    folded: bool,
    /// How they are to be read; absent for groups.
    #[schema(nullable = false)]
    shape: Option<Shape>,
    /// Of a numeric column.
    #[schema(nullable = false)]
    summary: Option<Summary>,
    /// Each count is within this of the exact one in 95 of 100 answers.
    #[schema(nullable = false)]
    margin: Option<u64>,
}

/// A cell of a statistic.
#[derive(Serialize, ToSchema)]
pub struct Cell {
    /// A group, bin or value.
    #[schema(example = "40-49")]
    label: String,
    /// Null where it is withheld.
    #[schema(example = 120)]
    count: Option<u64>,
}

/// Whether a cohort was frozen at a Trust.
#[derive(Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Freezing {
    /// It is kept at the Trust.
    Frozen {
        /// Its name at the Trust.
        #[schema(example = "f-3fa9c1d20b7e")]
        cohort: String,
        /// Its version, from 1.
        #[schema(example = 1)]
        version: u32,
        /// The data generation that it was frozen on.
        #[schema(example = "g-000003")]
        generation: String,
        /// By which the Trust can show later that it keeps what it froze.
        #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
        seal: String,
    },
    /// Nothing is kept.
    NotFrozen {
        /// Why.
        reason: NotFrozen,
    },
}

/// Why nothing was frozen.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotFrozen {
    /// The answer is no cohort at or above the threshold.
    NoCohort,
    /// The Trust's disk is full.
    DiskFull,
    /// The cohort is larger than the Trust can freeze.
    TooLarge,
    /// So much was asked for in a week that the Trust takes no more.
    QuotaSpent,
    /// Somebody at the Trust has ended the order.
    EndedHere,
    /// Anything else.
    Failed,
}

/// How an appliance is, without anything about patients.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// Its version.
    #[schema(example = "0.1.0")]
    version: String,
    /// The data in use.
    extract: Option<Extract>,
    /// Whole seconds since it started.
    #[schema(example = 86_400)]
    uptime_s: u64,
    /// Free bytes where it keeps its state.
    #[schema(example = 52_000_000_000_u64)]
    disk_free_bytes: u64,
    /// Messages that it refused since it was enrolled.
    #[schema(example = 0)]
    refused_messages: u64,
    /// How far the kernel confines its engine; null until that has run once.
    engine: Option<Confinement>,
    /// Bytes of the disk.
    #[schema(nullable = false, example = 100_000_000_000_u64)]
    disk_bytes: Option<u64>,
    /// By how many milliseconds its clock is ahead of the hub's.
    #[schema(nullable = false, example = 12)]
    clock_ahead_ms: Option<i64>,
    /// What somebody at the Trust should look at; absent where there is nothing.
    #[schema(required = false)]
    concerns: Vec<Concern>,
}

/// How far the kernel confines an engine.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confinement {
    /// Wholly.
    Full,
    /// With some of the rules.
    Partial,
    /// Not at all.
    None,
}

/// What somebody at a Trust should look at.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// The data in use cannot be read.
    DataDamaged,
    /// There are no data.
    NoData,
    /// The data are old.
    DataOld,
    /// The newest delivery was refused.
    DeliveryRefused,
    /// The certificate should have been renewed.
    CertificateOverdue,
    /// The disk is nearly full.
    DiskLow,
    /// The kernel does not confine the engine wholly.
    EngineNotConfined,
    /// The policy lets out more than is safe.
    PolicyLoosened,
    /// Something that a newer version knows.
    Other,
}
