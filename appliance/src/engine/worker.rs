//! The worker: the process that holds the DuckDB connection.
//!
//! What must stay true: it locks itself in before it takes a plan, and it answers a question with counts or a closed
//! reason, never with a row or with what DuckDB says at run time; rows leave it as a frozen cohort's export alone.
//! Call [`main`] before any other thread is started and before anything is written to standard output.

use std::io::{Read, Write};
use std::process::ExitCode;

use flip_protocol::answer::Failed;
use roaring::RoaringTreemap;

use super::database::Fault;
use super::measure::Generation;
use super::wire::{self, Configure, Question, Reply, Request, SpentPersons};
use super::{bounds, export, members, sandbox};

/// Serves the appliance on the other end of the two pipes until it closes them.
pub fn main(mut requests: impl Read, mut replies: impl Write) -> ExitCode {
    match wire::read(&mut requests, bounds::REQUEST_BYTES) {
        Ok(Some((Request::Configure(configure), _))) => serve(&configure, &mut requests, &mut replies),
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some((Request::Run(..) | Request::Members(_) | Request::Export(_), _))) | Err(_) => {
            ExitCode::FAILURE
        }
    }
}

fn serve(configure: &Configure, requests: &mut impl Read, replies: &mut impl Write) -> ExitCode {
    let entered = sandbox::enter(&configure.generation_file, configure.memory_mb, configure.threads);
    let sandbox = match entered {
        Ok(sandbox) => sandbox,
        Err(error) => {
            let note = Some(error.to_string());
            return send(replies, &Reply::Failed { failed: Failed::Internal, note }, &[])
                .err()
                .unwrap_or(LOST);
        }
    };
    let generation = match Generation::open(configure) {
        Ok(generation) => generation,
        Err(fault) => return send(replies, &fault.into(), &[]).err().unwrap_or(LOST),
    };
    let engine_version = generation.database.version().unwrap_or_default();
    if let Err(code) = send(replies, &Reply::Hello { engine_version, sandbox }, &[]) {
        return code;
    }
    // Before the first question comes. Where it cannot be, that question says why.
    if configure.counts {
        drop(generation.population());
    }
    let mut spent = RoaringTreemap::new();
    loop {
        let (question, told, behind) = match wire::read(requests, bounds::REQUEST_BYTES) {
            Ok(Some((Request::Run(question, told), behind))) => (question, told, behind),
            Ok(Some((Request::Members(plan), _))) => {
                let (reply, behind) =
                    members::answer(&generation, &plan).unwrap_or_else(|fault| (fault.into(), Vec::new()));
                if let Err(code) = send(replies, &reply, &behind) {
                    return code;
                }
                continue;
            }
            Ok(Some((Request::Export(wanted), behind))) => {
                match export::write(&generation.database, &wanted, &behind, replies) {
                    Ok(()) => continue,
                    Err(_) => return LOST,
                }
            }
            Ok(None) => return ExitCode::SUCCESS,
            Ok(Some((Request::Configure(_), _))) | Err(_) => return ExitCode::FAILURE,
        };
        if told == SpentPersons::Behind {
            // Without them the counts would be of the wrong persons.
            let Some(persons) = wire::persons_of_bytes(&behind) else { return LOST };
            spent = persons;
        }
        let (reply, subjects) =
            answer(&generation, &question, &spent).unwrap_or_else(|fault| (fault.into(), Vec::new()));
        if let Err(code) = send(replies, &reply, &subjects) {
            return code;
        }
    }
}

/// The reply to a question, and the persons behind it.
fn answer(
    generation: &Generation<'_>,
    question: &Question,
    spent: &RoaringTreemap,
) -> Result<(Reply, Vec<u8>), Fault> {
    let cost = generation.cost(&question.plan)?;
    if !generation.allows(cost) {
        return Ok((Reply::TooCostly, Vec::new()));
    }
    let (counts, subjects) = generation.measure(question, spent, cost)?;
    Ok((Reply::Counts(counts), wire::persons_to_bytes(&subjects)))
}

const LOST: ExitCode = ExitCode::FAILURE;

fn send(replies: &mut impl Write, reply: &Reply, behind: &[u8]) -> Result<(), ExitCode> {
    wire::write(replies, reply, behind, bounds::REPLY_BYTES).map_err(|_| ExitCode::FAILURE)
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self::Failed { failed: fault.failed, note: fault.note }
    }
}
