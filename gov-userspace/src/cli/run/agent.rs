//! The agent of a session: the key that its delegation names as its subject, and the chain up to that delegation.
//!
//! They stand in a file of the session's temporary folder, which only its user can read, and with which `gov run` within
//! the session delegates on. Whoever reads it can delegate what the session has, or less, for as long as the session has
//! it, and no more: every chain is verified, and the kernel judges a session by those around it, too.

use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::cli::{Exit, Failure};
use crate::delegation::{Delegation, Unverified};
use crate::guarded::{self, OTHERS};
use crate::key::Secret;

/// The variable that names the file.
pub(super) const VARIABLE: &str = "GOV_AGENT";
/// The variable that names the session.
pub(super) const SESSION: &str = "GOV_SESSION";
/// The file's name.
const FILE: &str = ".gov-agent";

/// Who may delegate on what a session has.
pub(super) struct Agent {
    /// The key.
    pub(super) key: Secret,
    /// The delegations from the root on to the one whose subject the key is.
    pub(super) chain: Vec<String>,
}

/// The file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    delegations: Vec<String>,
    key: String,
}

impl Agent {
    /// The agent of the session that this process runs in; none where it may delegate nothing, or runs in none.
    pub(super) fn here() -> Result<Option<Self>, Failure> {
        let Some(path) = std::env::var_os(VARIABLE) else { return Ok(None) };
        Self::read(Path::new(&path)).map(Some)
    }

    /// Leaves the file in a session's temporary folder: its path.
    pub(super) fn leave(&self, folder: &Path) -> Result<String, Failure> {
        let key = self.key.to_hex().to_string();
        let mut content = Content { delegations: self.chain.clone(), key };
        let text = serde_json::to_string(&content).map(Zeroizing::new);
        content.key.zeroize();
        let text = text.map_err(|error| Failure::because(Exit::Failed, "the session's key", &error))?;
        let path = folder.join(FILE);
        guarded::create(&path, &text, 0o600)
            .map_err(|error| Failure::because(Exit::Failed, "the session's key", &error))?;
        Ok(path.display().to_string())
    }

    /// The delegation that the session runs on.
    pub(super) fn delegation(&self) -> Result<Delegation, Failure> {
        let last = self.chain.last().map_or("", String::as_str);
        let parsed = Unverified::parse(last.as_bytes());
        let parsed = parsed.map_err(|error| refused(&error))?;
        Ok(parsed.claims().clone())
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let uid = rustix::process::geteuid().as_raw();
        let text = guarded::read(path, uid, OTHERS).map_err(|error| refused(&error))?.map(Zeroizing::new);
        let gone = || Failure::new(Exit::AuthorityRefused, format!("`{}`", path.display()), "it is gone");
        let text = text.ok_or_else(gone)?;
        let Content { delegations, key } = serde_json::from_str(&text).map_err(|error| refused(&error))?;
        let key = Secret::from_hex(&Zeroizing::new(key)).map_err(|error| refused(&error))?;
        Ok(Self { key, chain: delegations })
    }
}

fn refused(error: &dyn std::error::Error) -> Failure {
    Failure::because(Exit::AuthorityRefused, "the session's key", error)
}

#[cfg(test)]
mod tests {
    use super::{Agent, FILE};
    use crate::cli::Exit;
    use crate::key::Secret;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_left_for_a_session_is_its_users_alone_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent { key: Secret::from_seed([3; 32]), chain: vec!["a".to_owned(), "b".to_owned()] };
        let path = std::path::PathBuf::from(agent.leave(folder.path()).unwrap());
        assert_eq!(path, folder.path().join(FILE));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let again = Agent::read(&path).unwrap();
        assert_eq!((again.key.public(), again.chain), (agent.key.public(), agent.chain.clone()));
        assert!(agent.leave(folder.path()).is_err(), "it is left once");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Agent::read(&path).err().unwrap().exit, Exit::AuthorityRefused);
    }
}
