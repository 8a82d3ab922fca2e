//! `flip-hub`: the coordinator's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    flip_hub::cli::main()
}
