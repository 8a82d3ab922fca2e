//! `flip-appliance`: the site daemon's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    flip_appliance::cli::main()
}
