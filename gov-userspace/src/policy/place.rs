//! Where a scope's path leads, with the symbolic links in it followed as the kernel follows them.

use super::{Found, HostFacts, PolicyError};
use crate::scope::{CleanPath, Scope};
use gov_common::policy::MAX_DEPTH;

/// Links that Linux follows in one path.
pub(super) const MAX_LINKS: usize = 40;

/// A path without symbolic links.
pub(super) struct Place {
    /// Its components, from the root's child on.
    pub(super) components: Vec<Vec<u8>>,
    /// A directory stands there.
    pub(super) is_directory: bool,
    /// Where the links stand that lead there.
    pub(super) links: Vec<Vec<Vec<u8>>>,
}

/// One directory on the way.
struct Step {
    component: Vec<u8>,
    /// From the root to here, only root can change what stands in the directories.
    only_root: bool,
}

/// Follows `path`. A link is followed where only root could have placed it: root owns it and every directory on
/// the way to it, and nobody else may write to them. Any other link could be pointed elsewhere after the grant was
/// signed, so it is an error. What does not exist is kept as it is written.
pub(super) fn resolve(scope: &Scope, path: &CleanPath, facts: &dyn HostFacts) -> Result<Place, PolicyError> {
    let mut pending: Vec<Vec<u8>> = path.components().map(<[u8]>::to_vec).collect();
    pending.reverse();
    let mut steps: Vec<Step> = Vec::new();
    let root_only = look(scope, &steps, facts)?.1 == Found::Directory { only_root: true };
    let mut links = Vec::new();
    let mut is_directory = true;
    while let Some(component) = pending.pop() {
        match component.as_slice() {
            b"" | b"." => continue,
            b".." => {
                steps.pop();
                continue;
            }
            _ => {}
        }
        let only_root = steps.last().map_or(root_only, |step| step.only_root);
        steps.push(Step { component, only_root: false });
        let (here, found) = look(scope, &steps, facts)?;
        is_directory = matches!(found, Found::Directory { .. });
        match found {
            Found::Directory { only_root: here_too } => {
                if let Some(step) = steps.last_mut() {
                    step.only_root = only_root && here_too;
                }
            }
            Found::Link { target, by_root } => {
                // Such a link leads each process elsewhere, and what it reads as is not always where it leads.
                if here.as_bytes().starts_with(b"/proc/") {
                    return Err(PolicyError::ProcLink { scope: scope.clone(), link: here });
                }
                if links.len() >= MAX_LINKS {
                    return Err(PolicyError::LinkLoop(scope.clone()));
                }
                if !by_root || !only_root {
                    let target = target.escape_ascii().to_string();
                    return Err(PolicyError::Link { scope: scope.clone(), link: here, target });
                }
                links.push(steps.iter().map(|step| step.component.clone()).collect());
                steps.pop();
                if target.starts_with(b"/") {
                    steps.clear();
                }
                pending.extend(target.rsplit(|byte| *byte == b'/').map(<[u8]>::to_vec));
                is_directory = true;
            }
            Found::Nothing | Found::File | Found::Other => {
                let rest = pending.iter().rev().filter(|rest| !matches!(rest.as_slice(), b"" | b"."));
                let rest: Vec<Vec<u8>> = rest.cloned().collect();
                if rest.iter().any(|component| component == b"..") {
                    return Err(PolicyError::Dangling(scope.clone()));
                }
                pending.clear();
                steps.extend(rest.into_iter().map(|component| Step { component, only_root: false }));
            }
        }
    }
    if steps.len() >= MAX_DEPTH {
        return Err(PolicyError::TooDeep(scope.clone()));
    }
    Ok(Place { components: steps.into_iter().map(|step| step.component).collect(), is_directory, links })
}

/// The place that `path` names if nothing in it is a link.
pub(super) fn unresolved(path: &CleanPath) -> Place {
    let components = path.components().map(<[u8]>::to_vec).collect();
    Place { components, is_directory: false, links: Vec::new() }
}

fn look(scope: &Scope, steps: &[Step], facts: &dyn HostFacts) -> Result<(CleanPath, Found), PolicyError> {
    let components: Vec<Vec<u8>> = steps.iter().map(|step| step.component.clone()).collect();
    let path = CleanPath::from_components(&components).map_err(|_| PolicyError::Dangling(scope.clone()))?;
    match facts.look(&path) {
        Ok(found) => Ok((path, found)),
        Err(source) => Err(PolicyError::Look { scope: scope.clone(), path, source }),
    }
}
