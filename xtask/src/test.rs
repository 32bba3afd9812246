//! `cargo xtask test`: the checks, the tests on this machine, then the suite inside virtual machines.

mod count;
mod tpm;

use std::io;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Result, bail};

use crate::check::{self, Score};
use crate::kernels::Series;
use crate::vm::{self, Machine};
use crate::{build, fuzz, process};
use count::{Cargo, Counting, Rows};

/// How much to test.
#[derive(clap::Args)]
pub struct Test {
    /// The suite on every kernel, not only on 6.12
    #[arg(long, conflicts_with = "quick")]
    all_kernels: bool,
    /// Each row and scene through gov and govd on every kernel; otherwise on 6.12, and on the others the rows against the
    /// kernel object alone, and the scenes in which the kernel has a part
    #[arg(long, requires = "all_kernels")]
    every_row: bool,
    /// Nothing that needs a virtual machine
    #[arg(long)]
    quick: bool,
}

/// Runs the tests and prints how many passed and failed.
pub fn run(test: &Test) -> Result<ExitCode> {
    let mut score = Score::default();
    heading("checks");
    check::everywhere(&mut score)?;
    heading("tests on this machine");
    on_this_machine(&mut score)?;
    score.enter("no hostile input makes a reader panic or hold more than it is worth", fuzz::bounded);
    if !test.quick {
        let kernels = if test.all_kernels { &Series::ALL[..] } else { &[Series::V6_12] };
        for kernel in kernels {
            heading(&format!("the kernel object alone on {}", kernel.name()));
            suite(*kernel, &["gov-direct"], &mut score)?;
            heading(&format!("through gov and govd on {}", kernel.name()));
            // What a receipt says does not depend on the kernel: each row has had its event on this one already. Nor does
            // what the daemon does by itself.
            let all = *kernel == Series::V6_12 || test.every_row;
            suite(*kernel, if all { &["gov-suite"] } else { &["gov-suite", "--kernel-scenes"] }, &mut score)?;
        }
        heading("where the kernel cannot enforce");
        score.enter("without the BPF LSM nothing runs ungoverned", refused_without_lsm);
        heading("as a service");
        score.enter("the unit starts, is started again when killed, and stops in order", served_by_systemd);
        heading("with a TPM");
        score
            .enter("a sealed key opens on its own machine and on no other", tpm::seals_for_one_machine_alone);
        heading("verifier");
        check::counts(kernels, false, &mut score)?;
    }
    println!("{} passed, {} failed", score.passed, score.failed);
    Ok(if score.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Unit and property tests and the vectors.
fn on_this_machine(score: &mut Score) -> Result<()> {
    let mut cargo = Command::new(process::cargo());
    cargo.current_dir(build::workspace()?).args(["test", "--quiet", "--no-fail-fast"]);
    // Tests that hand evidence on to others' programs may install those into the target folder.
    cargo.env("GOV_TEST_CLIENTS", "install");
    let mut child = cargo.stdout(Stdio::piped()).stdin(Stdio::null()).spawn()?;
    let mut counting = Counting::<Cargo, _>::new(io::stdout());
    if let Some(mut output) = child.stdout.take() {
        io::copy(&mut output, &mut counting)?;
    }
    let counted = counting.finish()?;
    add(score, "cargo test", counted, child.wait()?.success());
    Ok(())
}

/// One boot runs all of one program's rows and scenes.
fn suite(kernel: Series, command: &[&str], score: &mut Score) -> Result<()> {
    let [program, ..] = command else { bail!("no program to run") };
    let programs = [build::ready()?.programs, build::of_tests(&["gov-act", "gov-crashd", program])?].concat();
    let machine = Machine {
        programs,
        timeout: 1800,
        ..Machine::new(kernel, command.iter().map(|word| (*word).to_owned()).collect())
    };
    let name = format!("{program} on {}", kernel.name());
    for attempt in 1..=vm::ATTEMPTS {
        let mut counting = Counting::<Rows, _>::new(io::stdout());
        let status = vm::boot(&machine, &mut counting, &mut io::stderr());
        let counted = counting.finish()?;
        let Err(error) = &status else {
            add(score, &name, counted, matches!(status, Ok(0)));
            break;
        };
        println!("{error:#}");
        // What failed before the machine died stays failed. What passed is tried again.
        score.failed += counted.failed;
        if attempt == vm::ATTEMPTS || !vm::died_by_itself(error) {
            add(score, &name, Score::default(), false);
            break;
        }
        println!("the machine died, and of none of gov's programs: once more");
    }
    Ok(())
}

/// Adds what was counted. A run that failed without a failure counted, or that counted nothing, is one itself.
fn add(score: &mut Score, name: &str, counted: Score, succeeded: bool) {
    score.passed += counted.passed;
    score.failed += counted.failed;
    if (!succeeded && counted.failed == 0) || counted == Score::default() {
        score.failed += 1;
        println!("FAIL {name} did not run to its end");
    }
}

/// A kernel that was told to leave the BPF LSM out: the same command runs without gov and is refused under it.
fn refused_without_lsm() -> Result<()> {
    const TRY: &str = "touch /srv/bare && test -e /srv/bare || exit 90
        gov doctor && exit 91
        govd >/dev/null 2>&1 & sleep 2
        gov run --scope file:read:/ --scope file:write:/srv --scope code:execute:/ -- touch /srv/governed
        status=$?
        test ! -e /srv/governed || exit 92
        exit $status";
    let programs = build::ready()?.programs;
    let command = ["sh", "-c", TRY].map(str::to_owned).into();
    let append = "lsm=landlock,yama".to_owned();
    let machine = Machine { programs, append, ..Machine::new(Series::V6_12, command) };
    let (status, said) = tried(&machine)?;
    match status {
        121 | 123 if said.contains("bpf") => Ok(()),
        121 | 123 => bail!("no word on the missing LSM:\n{said}"),
        90 => bail!("the act fails without gov too:\n{said}"),
        91 => bail!("`gov doctor` finds nothing wrong:\n{said}"),
        92 => bail!("the act was done:\n{said}"),
        other => bail!("`gov run` ended with {other} instead of 123:\n{said}"),
    }
}

/// The unit in `dist/`, as a host has it: governs, comes back after a kill, and leaves no hook behind when stopped.
fn served_by_systemd() -> Result<()> {
    const TRY: &str = "cp $(which gov) $(which govd) /usr/bin/ && cp \"$0/govd.service\" /etc/systemd/system/
        systemctl daemon-reload && systemctl start govd || exit 90
        gov run --profile base --scope code:execute:/usr/bin/cat -- cat /etc/hostname || exit 91
        gov run --profile base --scope code:execute:/usr/bin/cat -- cat /etc/shadow && exit 92
        kill -9 $(systemctl show govd -p MainPID --value)
        test -e /sys/fs/bpf/gov/file_open || exit 93
        for turn in $(seq 60); do sleep 1; gov ps && break; done 2>/dev/null
        gov run --profile base --scope code:execute:/usr/bin/cat -- cat /etc/hostname || exit 94
        systemctl stop govd && test ! -e /sys/fs/bpf/gov || exit 95";
    let programs = build::ready()?.programs;
    let units = build::workspace()?.join("dist/systemd");
    let command = ["sh", "-c", TRY, &units.display().to_string()].map(str::to_owned).into();
    let machine =
        Machine { programs, systemd: true, share: vec![units], ..Machine::new(Series::V6_12, command) };
    let (status, said) = tried(&machine)?;
    match status {
        0 => Ok(()),
        90 => bail!("the unit does not start:\n{said}"),
        91 => bail!("what is granted is refused:\n{said}"),
        92 => bail!("what is not granted is done:\n{said}"),
        93 => bail!("the hooks went with the daemon:\n{said}"),
        94 => bail!("the unit does not come back after a kill:\n{said}"),
        95 => bail!("the unit does not stop, or leaves its hooks:\n{said}"),
        other => bail!("it ended with {other}:\n{said}"),
    }
}

/// A machine's exit status and all that it said.
fn tried(machine: &Machine) -> Result<(u8, String)> {
    let (status, stdout, stderr) = vm::output(machine)?;
    Ok((status, format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr))))
}

fn heading(text: &str) {
    println!("\n— {text}");
}
