//! The decoding child of the tests' servers.

use std::process::ExitCode;

fn main() -> ExitCode {
    if preview::child::run(preview::Strictness::Whole).is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
