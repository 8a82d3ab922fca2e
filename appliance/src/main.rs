//! The appliance's binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => {
            flip_appliance::engine::worker::main(std::io::stdin().lock(), std::io::stdout().lock())
        }
        _ => ExitCode::FAILURE,
    }
}
