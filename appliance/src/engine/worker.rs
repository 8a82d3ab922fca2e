//! The worker: the process that holds the DuckDB connection.
//!
//! What must stay true: it locks itself in before it takes a plan, and it answers with counts or a closed reason,
//! never with a row or with what DuckDB says at run time. Call [`main`] before any other thread is started and
//! before anything is written to standard output.

use std::io::{Read, Write};
use std::process::ExitCode;

use flip_protocol::answer::Failed;

use super::database::{self, Fault};
use super::wire::{self, Configure, Reply, Request};
use super::{bounds, measure, sandbox};

/// Serves the appliance on the other end of the two pipes until it closes them.
pub fn main(mut requests: impl Read, mut replies: impl Write) -> ExitCode {
    match wire::read(&mut requests, bounds::REQUEST_BYTES) {
        Ok(Some(Request::Configure(configure))) => serve(&configure, &mut requests, &mut replies),
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(Request::Run(_))) | Err(_) => ExitCode::FAILURE,
    }
}

fn serve(configure: &Configure, requests: &mut impl Read, replies: &mut impl Write) -> ExitCode {
    let sandbox = match sandbox::enter(&configure.generation_file, configure.memory_mb) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            let note = Some(error.to_string());
            return send(replies, &Reply::Failed { failed: Failed::Internal, note }).err().unwrap_or(LOST);
        }
    };
    let database = match database::open(configure) {
        Ok(database) => database,
        Err(fault) => return send(replies, &fault.into()).err().unwrap_or(LOST),
    };
    let engine_version = database.version().unwrap_or_default();
    if let Err(code) = send(replies, &Reply::Hello { engine_version, sandbox }) {
        return code;
    }
    loop {
        let question = match wire::read(requests, bounds::REQUEST_BYTES) {
            Ok(Some(Request::Run(question))) => question,
            Ok(None) => return ExitCode::SUCCESS,
            Ok(Some(Request::Configure(_))) | Err(_) => return ExitCode::FAILURE,
        };
        let reply = match measure::measure(&database, &question, configure.rows_max) {
            Ok(counts) => Reply::Counts(counts),
            Err(fault) => fault.into(),
        };
        if let Err(code) = send(replies, &reply) {
            return code;
        }
    }
}

const LOST: ExitCode = ExitCode::FAILURE;

fn send(replies: &mut impl Write, reply: &Reply) -> Result<(), ExitCode> {
    wire::write(replies, reply, bounds::REPLY_BYTES).map_err(|_| ExitCode::FAILURE)
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self::Failed { failed: fault.failed, note: fault.note }
    }
}
