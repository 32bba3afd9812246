//! Acts that bring code to execution.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
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
        ["exec-preloaded", library, program] => exit(Command::new(program).env("LD_PRELOAD", library)),
        ["exec-descriptor", path] => place(path).and_then(|program| exec_descriptor(&program)),
        ["exec-deleted", from, path] => exec_deleted(from, path),
        ["map-code", path] => ok(File::open(path).and_then(|file| raw::memory::map_code(&file))),
        ["map-anonymous"] => ok(raw::memory::map_anonymous()),
        ["map-then-protect", path] => {
            ok(File::open(path).and_then(|file| raw::memory::map_then_protect(&file)))
        }
        ["map-implied", path] => ok(File::open(path).and_then(|file| raw::memory::map_implied(&file))),
        ["map-memfd"] => ok(map_memfd()),
        ["write-then-execute"] => ok(raw::memory::write_then_execute()),
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

/// A descriptor that leads to a file and lets nothing be done with it but this.
fn place(path: &str) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)
}

/// Executes the file that a descriptor leads to, in a child.
fn exec_descriptor(program: &File) -> Outcome {
    let (mut out, into) = io::pipe()?;
    let child = raw::tasks::fork(|| {
        let error = raw::tasks::execute(program);
        // What cannot be told is missed by the parent.
        let _ = (&into).write_all(super::name(&error).as_bytes());
    })?;
    drop(into);
    let mut error = String::new();
    out.read_to_string(&mut error)?;
    let status = raw::tasks::wait(child)?;
    Ok(match (error.as_str(), status) {
        ("", 0) => "ok".to_owned(),
        ("", status) => format!("exit {}", status >> 8),
        (error, _) => error.to_owned(),
    })
}

/// Executes a file that has no name any more.
fn exec_deleted(from: &str, path: &str) -> Outcome {
    std::fs::copy(from, path)?;
    let program = place(path)?;
    std::fs::remove_file(path)?;
    exec_descriptor(&program)
}

fn map_memfd() -> io::Result<()> {
    let memory = File::from(rustix::fs::memfd_create("gov-act", MemfdFlags::empty())?);
    memory.set_len(4096)?;
    raw::memory::map_code(&memory)
}
