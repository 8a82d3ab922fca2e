//! What may leave the Trust: counts in, a [`Release`] out.
//!
//! What must stay true:
//! - a [`Release`] is the only value the uplink can send, and only this module makes one;
//! - every count has noise before anything is decided on it (but for the exact threshold, which noise hides), the null
//!   counts too, and the persons in it are charged for what was told ([`Answered::units`]): as much as follows from the
//!   count with its noise, since who is left out for it shows in later answers;
//! - no count from 1 to the threshold less one is ever in a release, and where a site gives exact counts none can be had
//!   by subtracting shown counts of a statistic from its total;
//! - zero persons and too few persons look the same.
//!
//! Deliberately absent: IO, clocks, randomness (a site's secret comes in) and any way to see raw counts but through
//! [`release`].
//!
//! Code elsewhere can read a release and cannot make one:
//!
//! ```
//! use flip_appliance::disclosure::Release;
//! use flip_protocol::answer::{CohortOutcome, Failed};
//!
//! let release = Release::failed(Failed::Timeout);
//! assert_eq!(release.outcome(), &CohortOutcome::Failed { reason: Failed::Timeout });
//! ```
//!
//! ```compile_fail,E0451
//! use flip_appliance::disclosure::Release;
//! use flip_protocol::answer::{CohortOutcome, Failed};
//!
//! let release = Release { outcome: CohortOutcome::Failed { reason: Failed::Timeout } };
//! ```
//!
//! Nor can it read or print raw counts:
//!
//! ```compile_fail,E0277
//! fn print(counts: flip_appliance::engine::RawCounts) -> String {
//!     format!("{counts:?}")
//! }
//! ```
//!
//! ```compile_fail,E0616
//! fn peek(counts: flip_appliance::engine::RawCounts) -> u64 {
//!     counts.0.rows
//! }
//! ```

mod budget;
mod columns;
mod fold;
mod noise;
mod policy;
mod raw;
mod statistics;
#[cfg(test)]
mod tests;

use flip_protocol::answer::{
    Cell, CohortAnswer, CohortOutcome, Extract, Failed, Field, Place, Protection, Refused, Unit,
};
use roaring::RoaringTreemap;

use crate::engine::Blur;

pub use noise::Noise;
pub(crate) use noise::clear_of;
pub use policy::{FILE, Policy, PolicyError, Setting, THRESHOLD_DEFAULT, THRESHOLD_MIN};
pub use raw::RawCounts;
pub(crate) use raw::{
    Bin, CategoryColumn, ColumnCounts, Group, ImageCounts, ImageGroup, Measured, NumberColumn,
};

use budget::Details;
pub(crate) use budget::{Statistics, blur_sigma, described_from, sigma as count_sigma, usual_units};
use fold::Part;
use statistics::{Counts, Labels, Width};

/// The label under which small cells are counted together.
pub const OTHER: &str = "Other";
/// The label of what the records do not say.
pub const UNKNOWN: &str = "Unknown";

/// The labels of ages, in their order.
const AGES: [&str; 11] =
    ["0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80-89", "90+", UNKNOWN];

/// What a Trust has let out about one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    outcome: CohortOutcome,
}

impl Release {
    /// The gate did not let the question in.
    pub fn refused(refusal: &flip_gate::Refusal) -> Self {
        let place = refusal.place.map(|place| Place { line: place.line, column: place.column });
        let refused =
            Refused { code: refusal.code.name().to_owned(), message: refusal.message.clone(), place };
        Self { outcome: CohortOutcome::Refused(refused) }
    }

    /// The question was let in and not begun, because of what it would have cost. The estimate stays here.
    pub fn too_costly() -> Self {
        let message = "the engine would have to go through far more rows than the Trust allows; join tables by their \
                       keys (person_id, visit_occurrence_id) with =, and narrow each with WHERE before it is joined";
        let refused = Refused { code: "too_costly".to_owned(), message: message.to_owned(), place: None };
        Self { outcome: CohortOutcome::Refused(refused) }
    }

    /// The question was let in and not begun, because its project has asked so many new ones in a week; it may ask
    /// another after a moment.
    pub(crate) fn over_quota(in_a_week: u64, of_all: bool, again: &str) -> Self {
        let (whose, who) =
            if of_all { ("all projects together", "they have") } else { ("a project", "this project has") };
        let message = format!(
            "the Trust answers {in_a_week} new questions of {whose} in a week, and {who} had them; another may be asked \
             after {again} UTC; questions that were answered before are answered again at any time"
        );
        Self {
            outcome: CohortOutcome::Refused(Refused { code: "quota_spent".to_owned(), message, place: None }),
        }
    }

    /// The question was let in and begun, and somebody at the Trust has ended it.
    pub(crate) fn ended_here() -> Self {
        let message = "somebody at the Trust has ended the question while it was worked on; ask something that takes \
                       less, or ask the Trust why";
        let refused = Refused { code: "ended_by_trust".to_owned(), message: message.to_owned(), place: None };
        Self { outcome: CohortOutcome::Refused(refused) }
    }

    /// Somebody at the Trust refuses the project.
    pub(crate) fn project_refused(reason: &str) -> Self {
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let message = format!("the Trust refuses this project{why}");
        let refused = Refused { code: "project_refused".to_owned(), message, place: None };
        Self { outcome: CohortOutcome::Refused(refused) }
    }

    /// What was released before, as the ledger of past cohorts has kept it.
    pub(crate) fn again(outcome: CohortOutcome) -> Self {
        Self { outcome }
    }

    /// The question was let in and could not be answered.
    pub fn failed(failed: Failed) -> Self {
        Self { outcome: CohortOutcome::Failed { reason: failed } }
    }

    /// What it says.
    pub fn outcome(&self) -> &CohortOutcome {
        &self.outcome
    }

    /// What it says, to be sent.
    pub fn into_outcome(self) -> CohortOutcome {
        self.outcome
    }
}

/// What a Trust lets out about one question, and what that tells about each person in it.
pub struct Answered {
    /// What leaves.
    pub release: Release,
    /// Who it is about.
    pub persons: RoaringTreemap,
    /// What each of them is charged, in the ledger's units; zero where counts are exact.
    pub units: u64,
}

/// What the engine finds caps and bounds in: nothing where counts are exact, and the threshold alone decides.
pub fn blur(policy: &Policy, noise: &Noise) -> Option<Blur> {
    (!policy.is_exact()).then(|| Blur { noise: policy.noise(), seed: noise.seed() })
}

/// Protects the counts of one question as the site's policy asks.
pub fn release(raw: RawCounts, policy: &Policy, noise: &Noise, extract: Extract) -> Answered {
    let RawCounts(mut raw) = raw;
    let subjects = std::mem::take(&mut raw.subjects);
    let exact = subjects.len();
    let own = budget::sigma(policy.noise(), exact);
    let noisy = if policy.is_exact() { exact } else { noise.added(exact, own, "persons", "") };
    // From here on the size of the cohort is what its noisy count says.
    let sigma = budget::sigma(policy.noise(), noisy);
    let width = Width { sigma, step: noise::step_of(policy.rounding(), sigma) };
    let details = Details::of(policy.noise(), noisy);
    let sigma_charged = budget::sigma_charged(policy.noise(), noisy);
    let charged = |details| if policy.is_exact() { 0 } else { budget::units(sigma_charged, details) };
    if exact < policy.threshold() || noisy < noise::clear_of(policy.threshold(), sigma, policy::CLEAR) {
        let outcome = CohortOutcome::FewerThan { threshold: policy.shown_min(), extract };
        return Answered { release: Release { outcome }, persons: subjects, units: charged(None) };
    }
    let persons = noise::rounded_above(noisy, width.step, policy.shown_min());
    let affordable = charged(Some(details)) <= budget::units_within(budget::question_max(policy.noise()));
    let is_detailed = policy.is_exact() || (details.are_shown() && affordable);
    let units = charged(is_detailed.then_some(details));
    let mut answer = CohortAnswer {
        persons,
        records: persons,
        threshold: policy.shown_min(),
        protection: None,
        extract,
        fields: Vec::new(),
    };
    let mut records = width;
    if is_detailed {
        let counts = Counts::new(policy, noise, details, raw.statistics);
        records = counts.width(count_of(raw.rows_cap));
        let noised = counts.noised(raw.rows, records, "records", "");
        answer.records = noise::rounded(noised, records.step).max(persons);
        answer.fields = fields(raw, subjects.len(), noised, records, &counts);
    }
    if !policy.is_exact() {
        answer.protection = Some(Protection {
            rounded_to: policy.rounding(),
            persons_margin: noise::margin(width.sigma, width.step),
            records_margin: noise::margin(records.sigma, records.step),
        });
    }
    Answered { release: Release { outcome: CohortOutcome::Value(answer) }, persons: subjects, units }
}

/// Every statistic of a cohort. `records` are the result's rows with their noise, of that width.
fn fields(raw: Measured, subjects: u64, records: u64, width: Width, counts: &Counts<'_>) -> Vec<Field> {
    let mut fields = counts_and_nulls(&raw.columns, records, width, counts);
    let one = counts.width(1.0);
    let (mut ages, mut sexes) = (raw.ages, raw.sexes);
    if one.sigma > 0.0 {
        // An age that nobody has is counted as well: that somebody has it says something.
        ages = AGES.map(|label| group_of(&ages, label)).to_vec();
        sexes.sort_by(|group, other| group.label.cmp(&other.label));
    }
    fields.push(persons_field("Age Distribution", ages, subjects, (one, Labels::Fixed), counts));
    fields.push(persons_field("Sex Distribution", sexes, subjects, (one, Labels::FromRecords), counts));
    fields.extend(raw.images.map(|images| modalities(images, counts)));
    if !raw.years.is_empty() || one.sigma > 0.0 {
        fields.push(columns::years(raw.years, raw.years_cap, subjects, counts));
    }
    fields.extend(raw.numbers.iter().filter_map(|column| columns::histogram(column, subjects, counts)));
    fields.extend(raw.categories.into_iter().map(|column| columns::top_values(column, counts)));
    fields
}

/// `Counts` and `Nulls`, which add up to the rows. Of exact counts both of a column are withheld where either, in rows or
/// in persons, is small, so that one does not give the other away. With noise a column has one draw, and what is too
/// small to be told from nothing is shown as nothing.
fn counts_and_nulls(columns: &[ColumnCounts], records: u64, width: Width, counts: &Counts<'_>) -> Vec<Field> {
    let floor = counts.floor(width, Labels::Fixed);
    let small = |count: u64| (1..floor).contains(&count);
    let mut cells = (Vec::new(), Vec::new());
    let mut folded = false;
    for (at, column) in columns.iter().enumerate() {
        let (values, nulls) = if width.sigma > 0.0 {
            let shown = |count: u64| if small(count) { 0 } else { counts.rounded(count, width) };
            let nulls = counts.noised(column.nulls, width, "Nulls", &format!("{at} {}", column.name));
            (Some(shown(records.saturating_sub(nulls))), Some(shown(nulls)))
        } else {
            let withheld = [column.values, column.nulls, column.persons_with, column.persons_without]
                .into_iter()
                .any(small);
            folded |= withheld;
            let shown = |count| (!withheld).then(|| counts.rounded(count, width));
            (shown(column.values), shown(column.nulls))
        };
        cells.0.push(Cell { label: column.name.clone(), count: values });
        cells.1.push(Cell { label: column.name.clone(), count: nulls });
    }
    let field = |name, cells| width.field(name, Unit::Records, cells, folded);
    vec![field("Counts", cells.0), field("Nulls", cells.1)]
}

fn group_of(groups: &[Group], label: &str) -> Group {
    let persons = groups.iter().find(|group| group.label == label).map_or(0, |group| group.persons);
    Group { label: label.to_owned(), persons }
}

fn persons_field(
    name: &str,
    groups: Vec<Group>,
    persons: u64,
    how: (Width, Labels),
    counts: &Counts<'_>,
) -> Field {
    let parts = groups.into_iter().map(|group| Part {
        label: group.label,
        count: group.persons,
        persons: group.persons,
    });
    // Persons of different groups are different persons, so those behind a fold add up.
    counts.folded(name, Unit::Persons, parts.collect(), persons, how, |sum, more| sum + more)
}

fn modalities(images: ImageCounts, counts: &Counts<'_>) -> Field {
    let parts = images.modalities.into_iter().map(|group| Part {
        label: group.label,
        count: group.images,
        persons: group.persons,
    });
    let mut parts: Vec<Part> = parts.collect();
    if !counts.policy.is_exact() {
        parts.sort_by(|part, other| part.label.cmp(&other.label));
    }
    let width = counts.width(count_of(images.images_cap));
    let how = (width, Labels::FromRecords);
    // One person may have images of several modalities: only the largest group is sure to count persons once.
    counts.folded("Modality Distribution", Unit::Images, parts, images.persons, how, u64::max)
}

fn count_of(cap: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "rows of one person")]
    let cap = cap as f64;
    cap
}
