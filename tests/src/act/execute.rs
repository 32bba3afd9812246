//! Acts that bring code to execution.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::Command;

use rustix::fs::MemfdFlags;

use super::{Outcome, ok, raw};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match words {
        ["exec", program, arguments @ ..] => exit(Command::new(program).args(arguments)),
        ["exec-copy", from, to, arguments @ ..] => {
            std::fs::copy(from, to).and_then(|_| exit(Command::new(to).args(arguments)))
        }
        ["exec-memfd", program] => exec_memfd(program),
        ["map-code", path] => ok(File::open(path).and_then(|file| raw::memory::map_code(&file))),
        ["map-anonymous"] => ok(raw::memory::map_anonymous()),
        ["map-then-protect", path] => {
            ok(File::open(path).and_then(|file| raw::memory::map_then_protect(&file)))
        }
        _ => return None,
    })
}

/// `ok` for status 0, else `exit N`; an errno where it could not be executed.
fn exit(command: &mut Command) -> Outcome {
    let status = command.output()?.status;
    Ok(if status.success() { "ok".to_owned() } else { format!("exit {}", status.code().unwrap_or(-1)) })
}

/// Copies a program into memory that has no name and executes that.
fn exec_memfd(program: &str) -> Outcome {
    let memory = rustix::fs::memfd_create("gov-act", MemfdFlags::empty())?;
    let mut memory = File::from(memory);
    memory.write_all(&std::fs::read(program)?)?;
    let path = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
    match exit(&mut Command::new(path)) {
        Err(error) if error.raw_os_error() == Some(libc::ETXTBSY) => read_only_memfd(program),
        outcome => outcome,
    }
}

/// As [`exec_memfd`], for kernels that refuse to execute a memory file while it is open for writing.
fn read_only_memfd(program: &str) -> Outcome {
    let memory = File::from(rustix::fs::memfd_create("gov-act", MemfdFlags::empty())?);
    let mut writer = &memory;
    writer.write_all(&std::fs::read(program)?)?;
    let path = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
    let reader = File::open(&path)?;
    drop(memory);
    let path = format!("/proc/{}/fd/{}", std::process::id(), reader.as_raw_fd());
    exit(&mut Command::new(path))
}
