//! Decides on whose authority a session runs: the delegation is verified, its root trusted, its scopes compiled.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use jiff::Timestamp;

use super::answers::{code, refusal, refusal_with};
use super::engine::Peer;
use super::ground::Ground;
use super::own;
use crate::accounts::Accounts;
use crate::control::message::Refusal;
use crate::delegation::{Delegation, Unverified, verify_chain};
use crate::host::paths::ThisHost;
use crate::library;
use crate::policy::{Compiled, Grants, compile};
use crate::profile::Variables;
use crate::scope::{CleanPath, FileRight, Scope};
use crate::trust::{TrustRoots, authorize};

/// The home of a user without one: nothing can be granted there by mistake.
const NO_HOME: &str = "/nonexistent";

/// A session's authority.
pub(super) struct Authority {
    /// What is delegated.
    pub(super) delegation: Delegation,
    /// The delegation's bytes as they came.
    pub(super) bytes: Vec<u8>,
    /// What the kernel will enforce.
    pub(super) policy: Compiled,
}

/// Verifies a chain of delegations, from its root on, for the user who asks.
pub(super) fn authorise(
    ground: &Ground,
    peer: &Peer,
    delegations: &[String],
    temporary: &Path,
    now: Timestamp,
) -> Result<Authority, Refusal> {
    let refused = |error: &dyn std::error::Error| refusal(code::AUTHORITY, "the delegation", error);
    let chain = delegations
        .iter()
        .map(|text| Unverified::parse(text.as_bytes()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refused(&error))?;
    let verified = verify_chain(chain, now).map_err(|error| refused(&error))?;
    let roots = TrustRoots::load(&ground.config.trust, ground.owner).map_err(|error| refused(&error))?;
    let authorized = authorize(&verified, peer.uid, &roots).map_err(|error| refused(&error))?;
    tracing::debug!(uid = peer.uid, root = authorized.root, "a delegation is trusted");
    let may_delegate_on = verified.delegation().depth > 0;
    let policy = policy(ground, peer, verified.scopes(), may_delegate_on, temporary)?;
    Ok(Authority { delegation: verified.delegation().clone(), bytes: verified.bytes().to_vec(), policy })
}

/// The policy of these scopes for this session: profiles expanded, links resolved.
fn policy(
    ground: &Ground,
    peer: &Peer,
    mut scopes: Vec<Scope>,
    may_delegate_on: bool,
    temporary: &Path,
) -> Result<Compiled, Refusal> {
    let cannot = |error: &dyn std::error::Error| refusal(code::USAGE, "the delegation's scopes", error);
    let library = library::load(&ground.config.profiles, ground.owner)
        .map_err(|error| refusal(code::FAILED, "the host's profiles", &error))?;
    let accounts =
        Accounts::read().map_err(|error| refusal(code::FAILED, "the user's home folder", &error))?;
    let home = accounts.with_uid(peer.uid).map_or(Path::new(NO_HOME), |account| &account.home);
    let clean = |path: &Path| {
        CleanPath::new(path.as_os_str().as_bytes()).map_err(|error| {
            refusal_with(
                code::FAILED,
                format!("`{}`", path.display()),
                error,
                "name it by a clean absolute path",
            )
        })
    };
    let variables = Variables { session_tmp: clean(temporary)?, home: clean(home)? };
    if may_delegate_on {
        scopes.extend(to_delegate_on(clean(&ground.config.socket)?, variables.session_tmp.clone()));
    }
    let scopes = library.expand(&scopes, &variables).map_err(|error| cannot(&error))?;
    let host = ThisHost::read().map_err(|error| refusal(code::FAILED, "this host's addresses", &error))?;
    let reserved = own::reserved(ground, may_delegate_on, temporary, home, &host)?;
    compile(Grants::from(&scopes).but(&reserved).in_own(&variables.session_tmp), &host)
        .map_err(|error| cannot(&error))
}

/// What a session that may delegate on is granted beyond its delegation: the way to the daemon, and its own
/// temporary folder, where the key to delegate with is.
fn to_delegate_on(socket: CleanPath, temporary: CleanPath) -> [Scope; 2] {
    [Scope::Unix(socket), Scope::File(FileRight::Read, temporary)]
}
