//! `cargo xtask VERB`: builds, checks, tests and shows gov.

mod apt;
mod bench;
mod build;
mod cache;
mod catalogue;
mod check;
mod demo;
mod fuzz;
mod image;
mod kernels;
mod process;
mod progress;
mod rootfs;
mod setup;
mod test;
mod toolchain;
mod vm;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Builds, checks, tests and shows gov.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Verb {
    /// Install or check everything that the other verbs need
    Setup,
    /// Build the kernel object, `gov` and `govd`
    Build,
    /// Hold every file to the rules of the workspace
    Check(check::Check),
    /// Run the checks, the tests on this machine and the suite in virtual machines
    Test(test::Test),
    /// Write `docs/catalogue.md` from the suite's rows
    Catalogue,
    /// Measure gov beside what it is compared with
    Bench(bench::Bench),
    /// Give the readers of what others wrote hostile input until one fails
    Fuzz(fuzz::Fuzz),
    /// Run a command in a virtual machine that has this checkout's gov
    Vm(vm::Machine),
    /// Show gov at work: the real gpt-engineer meets a poisoned answer
    Demo(demo::Demo),
}

fn main() -> ExitCode {
    let done = |result: Result<()>| result.map(|()| ExitCode::SUCCESS);
    let verb = Verb::parse();
    // What a virtual machine cannot do must not look like its command's own exit status.
    let failure = if matches!(verb, Verb::Vm(_)) { 125 } else { 1 };
    let result = match verb {
        Verb::Setup => done(setup::run()),
        Verb::Build => done(build::ready().map(|built| {
            for path in [built.object].iter().chain(&built.programs) {
                println!("{}", path.display());
            }
        })),
        Verb::Check(check) => check::run(&check),
        Verb::Test(test) => test::run(&test),
        Verb::Catalogue => done(catalogue::run()),
        Verb::Bench(bench) => bench::run(&bench),
        Verb::Fuzz(fuzz) => done(fuzz::run(&fuzz)),
        Verb::Vm(machine) => vm::run(machine),
        Verb::Demo(demo) => demo::run(&demo),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(failure)
    })
}
