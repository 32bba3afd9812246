//! `cargo xtask vm`: runs one command as root in a virtual machine with this checkout's gov, and exits as it does.

mod cpio;
mod guest;
mod qemu;
mod tpm;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::kernels::{self, Series};
use crate::{apt, build, rootfs};

/// What to run, and in which machine.
#[derive(clap::Args, Clone, Debug)]
pub struct Machine {
    /// The kernel
    #[arg(long, value_enum, default_value = "6.12")]
    pub kernel: Series,
    /// Boot systemd to multi-user and run the command as one of its units
    #[arg(long)]
    pub systemd: bool,
    /// A TPM 2.0, fresh and of no other machine
    #[arg(long)]
    pub tpm: bool,
    /// Memory in megabytes
    #[arg(long, default_value_t = 1024)]
    pub memory: u32,
    /// A folder whose content stands at the same path inside; what is written to it there is lost
    #[arg(long, value_name = "FOLDER")]
    pub share: Vec<PathBuf>,
    /// A variable of the command's environment
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// More words for the kernel's command line, like `lsm=landlock,yama`
    #[arg(long, value_name = "WORDS", default_value = "")]
    pub append: String,
    /// Seconds that the command may take; without a limit when it is interactive
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Show the kernel's messages on the standard error
    #[arg(long)]
    pub console: bool,
    /// One CPU whose clock advances a nanosecond an instruction, so that times are instruction counts
    #[arg(long)]
    pub count_instructions: bool,
    /// The command and its arguments; a shell when the standard input is a terminal: `-- bash`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Programs of the host to install inside
    #[arg(skip)]
    pub programs: Vec<PathBuf>,
}

impl Machine {
    /// A machine as the command line gives it without options.
    pub fn new(kernel: Series, command: Vec<String>) -> Self {
        Self {
            kernel,
            systemd: false,
            tpm: false,
            memory: 1024,
            share: Vec::new(),
            env: Vec::new(),
            append: String::new(),
            timeout: 600,
            console: false,
            count_instructions: false,
            command,
            programs: Vec::new(),
        }
    }
}

/// Builds gov, boots the machine with it and gives back the command's exit status.
pub fn run(mut machine: Machine) -> Result<ExitCode> {
    machine.programs.extend(build::ready()?.programs);
    Ok(ExitCode::from(boot(&machine, &mut std::io::stdout(), &mut std::io::stderr())?))
}

/// Sees to it that everything is there that a machine needs from its host.
pub fn tools() -> Result<()> {
    guest::busybox()?;
    apt::programs(&[&qemu::NEEDED[..], &tpm::NEEDED, &[("mke2fs", "e2fsprogs")]].concat())
}

/// Machines that may die under the emulator before what they were to show counts as failed.
pub const ATTEMPTS: u32 = 3;

/// Whether a machine died, or did not come up, for a reason that is not gov's: a kernel's trace names eBPF programs.
pub fn died_by_itself(error: &anyhow::Error) -> bool {
    let last_words = format!("{error:#}");
    (last_words.contains(qemu::STOPPED) || last_words.contains(qemu::NOT_UP))
        && !last_words.contains("bpf_prog_")
}

/// Boots a machine and gives back its command's status and output; another one if the first dies by itself.
pub fn output(machine: &Machine) -> Result<(u8, Vec<u8>, Vec<u8>)> {
    let mut attempt = 1;
    loop {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        match boot(machine, &mut stdout, &mut stderr) {
            Ok(status) => return Ok((status, stdout, stderr)),
            Err(error) if attempt < ATTEMPTS && died_by_itself(&error) => eprintln!("{error:#}: once more"),
            Err(error) => return Err(error),
        }
        attempt += 1;
    }
}

/// Boots a machine; its command's output goes to `stdout` and `stderr` as it comes, unless the command is
/// interactive and has the terminal itself.
///
/// # Errors
/// When the machine does not come up or its command does not end in time. A command that fails is no error: its
/// exit status is the answer.
pub fn boot(
    machine: &Machine,
    stdout: &mut (impl std::io::Write + Send),
    stderr: &mut (impl std::io::Write + Send),
) -> Result<u8> {
    let kernel = kernels::ready(machine.kernel)?;
    let root = rootfs::ready()?;
    let guest = guest::Guest::new(machine).context("cannot put the machine together")?;
    let interactive = guest.interactive;
    let process = qemu::start(machine, &kernel, &root, &guest)?;
    let limit = (!interactive).then(|| Duration::from_secs(machine.timeout));
    process.finish(limit, machine.console, stdout, stderr)
}
