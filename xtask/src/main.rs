//! The commands that build, check and measure the project: `cargo xtask <command>`.
//!
//! Start with [`test`], the one command that continuous integration runs. Every command has a file of its own;
//! what the guards of `tidy` look at is under `tidy/`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people prints")]

mod api;
mod bench;
mod commands;
mod openapi;
mod prepare;
mod sim;
mod test;
mod tidy;
mod web;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test                               everything that must hold: format, lints, tidy, tests, a short simulation
  tidy                               guards floors, sizes, names and documents
  web check|e2e [ARGUMENTS]          looks at the page's types; has a browser walk through it
  api [SECONDS [SEED]]               has schemathesis try the API of the real program
  openapi                            writes docs/openapi.json anew from the code
  sim --seed S [--seeds N] [--steps M]  runs the deterministic simulation
  bench [ARGUMENTS]                  runs the benchmarks (release build)
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_str() {
        "test" => test::run(),
        "tidy" => tidy::run(),
        "web" => web::command(test::binary(), &rest),
        "api" => api::command(test::binary(), &rest),
        "openapi" => openapi::run(),
        "sim" => sim::run(&rest),
        "bench" => bench::run(&rest),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
