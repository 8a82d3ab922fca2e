//! A cohort frozen again: the same question, on the data in use, as its next version.
//!
//! What must stay true: the gate and the threshold decide anew; what was done is in the audit log. Deliberately absent:
//! what may be told to the hub of it, which is nothing.

use flip_storage::audit::{Audit, AuditError};
use serde_json::json;

use super::{Facts, FrozenError, Store, Wanted};
use crate::clock;
use crate::data::{Generation, Generations, GenerationsError};
use crate::engine::{self, CancelFlag, Engine, EngineFailure, Members};

/// What a freeze needs of a site.
pub struct Again<'a> {
    /// The frozen cohorts.
    pub store: &'a Store,
    /// The data.
    pub generations: &'a Generations,
    /// Where it is written down.
    pub audit: &'a Audit,
    /// The fewest persons of a cohort.
    pub threshold: u64,
    /// The engine's limits.
    pub engine: engine::Settings,
    /// Ends it, as when the appliance stops.
    pub cancel: CancelFlag,
}

/// Why a cohort is not frozen again.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// The store.
    #[error(transparent)]
    Frozen(#[from] FrozenError),
    /// The data.
    #[error(transparent)]
    Generations(#[from] GenerationsError),
    /// There are no data.
    #[error("there is no data generation in use")]
    NoData,
    /// The gate has become stricter.
    #[error("the gate does not let the question in any more: {0}")]
    Refused(String),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineFailure),
    /// It is frozen, and that could not be written down.
    #[error("it was done, and could not be written down")]
    Audit(#[from] AuditError),
}

impl Again<'_> {
    /// Freezes a cohort again, by its name with a version or without; `by` whom is for the audit log.
    pub fn freeze(&self, cohort: &str, by: &str) -> Result<Facts, AgainError> {
        let name = self.store.named(cohort)?;
        // Read as a whole, so that a damaged file is noticed. Of a dropped one there is no more than its facts.
        let before = match self.store.members(&name) {
            Ok((before, _)) => before,
            Err(FrozenError::Dropped { .. }) => self.store.facts(&name)?,
            Err(error) => return Err(error.into()),
        };
        let (generation, members) = self.found(&before)?;
        if members.persons.len() < self.threshold {
            return Err(FrozenError::FewerThan { threshold: self.threshold }.into());
        }
        let wanted = Wanted {
            title: &before.title,
            sql: &before.sql,
            canonical: &before.canonical,
            project: before.project,
            query: before.query,
            order: None,
        };
        let facts = self.store.freeze(self.generations, &generation, &wanted, &members, clock::now())?;
        let told = json!({
            "project": facts.project,
            "cohort": facts.name.to_string(),
            "generation": facts.extract.generation,
            "by": by,
        });
        self.audit.append(clock::now().0, "cohort_frozen", told)?;
        Ok(facts)
    }

    /// Who is in a cohort on the data in use. Blocks.
    pub fn found(&self, facts: &Facts) -> Result<(Generation, Members), AgainError> {
        let plan =
            flip_gate::admit(&facts.sql).map_err(|refusal| AgainError::Refused(refusal.message.clone()))?;
        let generation = self.generations.current()?.ok_or(AgainError::NoData)?;
        let members =
            Engine::new(self.engine.clone()).members(&generation.database, &plan, &self.cancel)?.members;
        Ok((generation, members))
    }
}
