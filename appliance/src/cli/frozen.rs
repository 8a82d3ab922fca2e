//! `flip-appliance frozen`: the cohorts that are frozen here.

use std::path::Path;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use flip_storage::audit::Audit;
use serde_json::{Value, json};

use crate::clock;
use crate::config::Config;
use crate::data::Generations;
use crate::disclosure::Policy;
use crate::engine::CancelFlag;
use crate::frozen::drift::{self, Drift, Moves};
use crate::frozen::{Again, Facts, FrozenError, Listed, Name, Store};
use crate::place::Place;
use crate::run;

use super::write_down;

#[derive(Subcommand)]
pub(super) enum FrozenCommand {
    /// List the frozen cohorts: of which question, generation and size, and whether they are still kept
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one version, after reading its whole file
    Show {
        /// Such as f-3fa9c1d20b7e.v1; without a version, the newest
        cohort: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Freeze a cohort again as its next version, on the generation in use, and say how it differs
    Refreeze {
        /// Such as f-3fa9c1d20b7e
        cohort: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Say how a version differs from another, or from what the generation in use would give; nothing is kept
    Drift {
        /// Such as f-3fa9c1d20b7e.v1; without a version, the newest
        cohort: String,
        /// Compare with this version in place of the generation in use
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget who is in a version, for good; whoever holds a token for it reads nothing any more
    Drop {
        /// Such as f-3fa9c1d20b7e.v1
        cohort: String,
        /// Do not ask whether you are sure
        #[arg(long)]
        yes: bool,
    },
}

/// What every act here needs.
struct Here {
    config: Config,
    policy: Policy,
    generations: Generations,
    store: Store,
    audit: Audit,
}

impl Here {
    fn again(&self) -> Again<'_> {
        Again {
            store: &self.store,
            generations: &self.generations,
            audit: &self.audit,
            threshold: self.policy.threshold(),
            engine: run::engine_of(&self.config),
            cancel: CancelFlag::default(),
        }
    }
}

/// Carries out `flip-appliance frozen`.
pub(super) fn frozen(data: &Path, command: &FrozenCommand) -> anyhow::Result<()> {
    let place = Place::new(data);
    let generations = Generations::open(&place.generations())?;
    let store = Store::open(&place.frozen(), &generations)?;
    let (config, policy) = (Config::load(data)?, Policy::load(data)?);
    let here = Here { config, policy, generations, store, audit: Audit::new(&place.audit()) };
    match command {
        FrozenCommand::List { json } => list(&here, *json),
        FrozenCommand::Show { cohort, json } => show(&here, cohort, *json),
        FrozenCommand::Refreeze { cohort, json } => refreeze(&here, cohort, *json),
        FrozenCommand::Drift { cohort, to, json } => compare(&here, cohort, to.as_deref(), *json),
        FrozenCommand::Drop { cohort, yes } => {
            let name: Name = cohort.parse().with_context(|| format!("{cohort:?}: say which version"))?;
            super::sure(*yes, &format!("Who is in {name} is deleted, and training on it is over."))?;
            here.store.drop_one(&here.generations, &name, "command line", clock::now())?;
            let facts = json!({ "cohort": name.to_string(), "by": "command line" });
            write_down(&place, "cohort_dropped", facts, &format!("{name} is dropped"))?;
            say!("{name} is dropped: who was in it is no longer kept here.");
            Ok(())
        }
    }
}

fn list(here: &Here, as_json: bool) -> anyhow::Result<()> {
    let listed = here.store.list()?;
    if as_json {
        let all: Vec<Value> = listed
            .iter()
            .map(|one| match one {
                Listed::Version(facts) => to_json(facts),
                Listed::Unreadable(name, error) => {
                    json!({ "name": name.to_string(), "state": "unreadable", "wrong": error.to_string() })
                }
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    if listed.is_empty() {
        say!("No cohort is frozen here. The hub's order to freeze one does that.");
        return Ok(());
    }
    say!("cohort              frozen            generation    persons  accessions  title");
    for one in listed {
        match one {
            Listed::Version(facts) => say!(
                "{:18}  {}  {:10}  {:>9}  {:>10}  {}{}",
                facts.name.to_string(),
                &clock::readable(facts.frozen)[..16],
                facts.extract.generation,
                facts.persons,
                facts.accessions,
                facts.title,
                if facts.dropped.is_some() { " (dropped)" } else { "" }
            ),
            Listed::Unreadable(name, error) => say!("{:18}  {error}", name.to_string()),
        }
    }
    Ok(())
}

fn show(here: &Here, cohort: &str, as_json: bool) -> anyhow::Result<()> {
    let name = here.store.named(cohort)?;
    let facts = match here.store.members(&name) {
        Ok((facts, _)) => facts,
        Err(FrozenError::Dropped { .. }) => here.store.facts(&name)?,
        Err(error) => return Err(error.into()),
    };
    if as_json {
        let mut value = to_json(&facts);
        value["seal"] = json!(here.store.told(&name)?.seal);
        say!("{}", serde_json::to_string_pretty(&value)?);
        return Ok(());
    }
    say!("{name}: {}", facts.title);
    say!(
        "frozen      {}, on {} of {}",
        clock::readable(facts.frozen),
        facts.extract.generation,
        facts.extract.date
    );
    say!(
        "for         project {}, query {}",
        facts.project.map_or("-".to_owned(), |id| id.to_string()),
        facts.query
    );
    if let Some(dropped) = &facts.dropped {
        say!("dropped     {}, by {}", clock::readable(dropped.at), dropped.by);
    } else {
        say!("kept        its file has the SHA-256 that it was frozen with");
    }
    say!("persons     {}\naccessions  {}\nrows        {}", facts.persons, facts.accessions, facts.rows);
    if let Some(drift) = &facts.drift {
        say_drift(drift);
    }
    say!("\n{}", facts.sql);
    Ok(())
}

fn refreeze(here: &Here, cohort: &str, as_json: bool) -> anyhow::Result<()> {
    let facts = here.again().freeze(cohort, "command line")?;
    if as_json {
        say!("{}", serde_json::to_string_pretty(&to_json(&facts))?);
        return Ok(());
    }
    say!("{} is frozen on {}: {} persons.", facts.name, facts.extract.generation, facts.persons);
    if let Some(drift) = &facts.drift {
        say_drift(drift);
    }
    say!(
        "Tokens for earlier versions go on reading those; make new ones: flip-appliance token new --frozen {}",
        facts.name
    );
    Ok(())
}

fn compare(here: &Here, cohort: &str, to: Option<&str>, as_json: bool) -> anyhow::Result<()> {
    let name = here.store.named(cohort)?;
    let (before, members) = here.store.members(&name)?;
    let (extract, after) = if let Some(to) = to {
        let to = here.store.named(to)?;
        if to.cohort != name.cohort {
            bail!("{to} is another cohort than {name}");
        }
        let (facts, members) = here.store.members(&to)?;
        (facts.extract, members)
    } else {
        let (generation, members) = here.again().found(&before)?;
        (generation.extract(), members)
    };
    let drift = drift::between((&before.extract, name.version, &members), (&extract, &after));
    if as_json {
        say!("{}", serde_json::to_string_pretty(&drift)?);
    } else {
        say_drift(&drift);
    }
    Ok(())
}

fn to_json(facts: &Facts) -> Value {
    let mut value = serde_json::to_value(facts).expect("facts are plain strings and numbers");
    value["name"] = json!(facts.name.to_string());
    value["state"] = json!(if facts.dropped.is_some() { "dropped" } else { "kept" });
    value
}

fn say_drift(drift: &Drift) {
    let line = |what: &str, moves: Moves| {
        say!("{what}: {} kept, {} gained, {} lost", moves.kept, moves.gained, moves.lost);
    };
    say!(
        "From version {} on {} of {} to {} of {}",
        drift.from_version,
        drift.from.generation,
        drift.from.date,
        drift.to.generation,
        drift.to.date
    );
    line("  persons", drift.persons);
    line("  accession ids", drift.accessions);
}
