//! Puts one program of the object in force.

use aya::programs::links::FdLink;
use aya::programs::{BtfTracePoint, Lsm, Program, ProgramError};
use aya::{Btf, Ebpf};

use super::enforcement::HookStatus;
use super::error::{KernelError, causes, is_not_permitted};
use super::hooks::{Hook, Kind};
use super::offsets::Types;

/// Loads and attaches one program; a hook that the kernel does not have is left out and says so.
pub(super) fn put_in_force(
    object: &mut Ebpf,
    hook: &Hook,
    types: &Types,
    btf: &Btf,
) -> Result<(HookStatus, Option<FdLink>), KernelError> {
    if !hook.exists(types) {
        return Ok((HookStatus::absent(hook), None));
    }
    let program = object
        .program_mut(hook.name)
        .ok_or_else(|| KernelError::Object { message: format!("it holds no program `{}`", hook.name) })?;
    let link = attach(program, hook, btf)
        .map_err(|error| refusal(&error).unwrap_or_else(|| failed(hook, &error)))?;
    let tag = program.info().map_err(|error| failed(hook, &error))?.tag();
    Ok((HookStatus::attached(hook, Some(tag)), Some(link)))
}

/// Loads and attaches one program.
fn attach(program: &mut Program, hook: &Hook, btf: &Btf) -> Result<FdLink, ProgramError> {
    match hook.kind {
        Kind::Lsm => {
            let program: &mut Lsm = program.try_into()?;
            program.load(hook.name, btf)?;
            let link = program.attach()?;
            Ok(program.take_link(link)?.into())
        }
        Kind::Tracepoint => {
            let program: &mut BtfTracePoint = program.try_into()?;
            program.load(hook.name, btf)?;
            let link = program.attach()?;
            Ok(program.take_link(link)?.into())
        }
    }
}

/// A program that does not load or attach.
pub(super) fn failed(hook: &Hook, error: &ProgramError) -> KernelError {
    KernelError::Program { hook: hook.name, message: end_of(&causes(error)).to_owned() }
}

/// The end of a long message: the verifier says last what it did not accept.
fn end_of(message: &str) -> &str {
    const KEPT: usize = 1500;
    let from = message.len().saturating_sub(KEPT);
    message
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| *at >= from)
        .and_then(|at| message.get(at..))
        .unwrap_or("")
}

/// The plain word for a kernel that refuses on principle.
pub(super) fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<KernelError> {
    is_not_permitted(error).then_some(KernelError::NotPermitted)
}
