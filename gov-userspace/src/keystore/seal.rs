//! A key that only this host's TPM opens: sealed and opened by `systemd-creds`, which has its own form and keeps it.
//!
//! The program is named by its whole path, gets an empty environment, and what passes through it is zeroed.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::guarded::{self, GuardError, OTHERS};
use crate::key::{KeyError, Secret};

const PROGRAM: &str = "/usr/bin/systemd-creds";
/// How programs reach a TPM 2.0, through the kernel's resource manager.
const TPM: &str = "/dev/tpmrm0";
/// The credential's name, which is sealed with it.
const NAME: &str = "--name=log.key";
/// More than a key's text, and less than anything else that somebody might have sealed.
const ROOM: usize = 256;

/// Why a key cannot be sealed or opened, with what to do.
#[derive(Debug, Error)]
pub enum SealError {
    /// No TPM.
    #[error(
        "this host has no TPM 2.0 that the kernel knows, `{TPM}` is not there: enable it in the firmware and load its driver (`modprobe tpm_crb`, `modprobe tpm_tis`), or hand the key to the daemon as a credential"
    )]
    NoTpm,
    /// No program.
    #[error("cannot start `{PROGRAM}`: {0}: install systemd 250 or later")]
    NoProgram(std::io::Error),
    /// The program failed.
    #[error(
        "`{PROGRAM} {verb}` failed: {said}: see that `{TPM}` is there and the libraries of tpm2-tss are installed (`systemd-creds has-tpm2`); what another TPM sealed, or another boot state, this one does not open"
    )]
    Refused {
        /// What it was to do.
        verb: &'static str,
        /// What it said.
        said: String,
    },
    /// It gave something else than a key.
    #[error("what `{path}` holds is no key: {source}", path = .path.display())]
    Content {
        /// The sealed file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// The sealed file.
    #[error(transparent)]
    Guard(#[from] GuardError),
}

/// The text of a file that only this host's TPM opens.
pub(super) fn seal(secret: &Secret) -> Result<String, SealError> {
    if !Path::new(TPM).exists() {
        return Err(SealError::NoTpm);
    }
    let sealed = run("encrypt", &["--with-key=tpm2"], secret.to_hex().as_bytes(), 64 << 10)?;
    Ok(String::from_utf8_lossy(&sealed).into_owned())
}

/// The key in a sealed file, if there is one.
pub(super) fn open(path: &Path, uid: u32) -> Result<Option<Secret>, SealError> {
    let Some(sealed) = guarded::read(path, uid, OTHERS)? else { return Ok(None) };
    let opened = run("decrypt", &[], sealed.as_bytes(), ROOM)?;
    let text = std::str::from_utf8(&opened).unwrap_or_default();
    let secret = Secret::from_hex(text.trim_end_matches('\n'));
    secret.map(Some).map_err(|source| SealError::Content { path: path.to_owned(), source })
}

fn run(
    verb: &'static str,
    options: &[&str],
    input: &[u8],
    most: usize,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut child = Command::new(PROGRAM)
        .env_clear()
        .arg(verb)
        .arg(NAME)
        .args(options)
        .args(["-", "-"])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(SealError::NoProgram)?;
    let failed = |error: std::io::Error| SealError::Refused { verb, said: error.to_string() };
    // What it reads fits into a pipe, so nobody waits for nobody. One that ended early says why itself.
    let given = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input));
    // With room for all of it the buffer never moves and leaves no copy behind.
    let mut output = Zeroizing::new(Vec::with_capacity(most.saturating_add(1)));
    if let Some(stdout) = child.stdout.take() {
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        stdout.take(limit).read_to_end(&mut output).map_err(failed)?;
    }
    let ended = child.wait_with_output().map_err(failed)?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr).trim().replace('\n', "; ");
        return Err(SealError::Refused { verb, said });
    }
    given.map_err(failed)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::{SealError, TPM, seal};
    use crate::key::Secret;

    #[test]
    fn without_a_tpm_it_says_what_to_do() {
        if std::path::Path::new(TPM).exists() {
            return;
        }
        let error = seal(&Secret::from_seed([1; 32])).unwrap_err();
        assert!(matches!(error, SealError::NoTpm) && error.to_string().contains("credential"), "{error}");
    }
}
