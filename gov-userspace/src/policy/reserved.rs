//! What no scope grants: gov's own files, and what lies apart from the tree around it.
//!
//! The deepest node that a path reaches decides, so a place is kept out of a grant above it by a node of its own with
//! fewer rights. A place is known by its path: so that nobody takes it to another one, every directory above it and
//! every link on the way to it is kept as it is.

use gov_common::rights::Rights;

use super::place::MAX_LINKS;
use super::tree::{Border, Branch};
use super::{Found, HostFacts};
use crate::scope::CleanPath;

/// Components from the root's child on.
type Components = Vec<Vec<u8>>;

/// What a policy keeps out of its grants. The default keeps nothing.
#[derive(Clone, Debug, Default)]
pub struct Reserved {
    /// What gov keeps to itself, with the rights that scopes may grant there.
    kept: Vec<(Components, Rights)>,
    /// Links, and directories that nobody need reserve, on the way to it.
    ways: Vec<Components>,
    /// Places that only scopes reach which name them, or something in them.
    apart: Vec<Components>,
    /// Places within the former where scopes grant these rights all the same.
    open: Vec<(Components, Rights)>,
}

impl Reserved {
    /// Keeps what stands at the path, and below it, out of all scopes but for `leaving`. Each link on the way there is
    /// kept as it is, whoever owns it.
    ///
    /// # Errors
    /// Why it cannot be known where the path leads.
    pub fn keep(&mut self, path: &CleanPath, leaving: Rights, facts: &dyn HostFacts) -> std::io::Result<()> {
        let mut pending: Components = path.components().map(<[u8]>::to_vec).collect();
        pending.reverse();
        let mut here = Components::new();
        let mut links: usize = 0;
        while let Some(component) = pending.pop() {
            match component.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    here.pop();
                    continue;
                }
                _ => here.push(component),
            }
            let Ok(at) = CleanPath::from_components(&here) else { continue };
            let Found::Link { target, .. } = facts.look(&at)? else { continue };
            links = links.saturating_add(1);
            if links > MAX_LINKS {
                return Err(std::io::Error::other("it leads through more than 40 symbolic links"));
            }
            self.ways.push(here.clone());
            here.pop();
            if target.starts_with(b"/") {
                here.clear();
            }
            pending.extend(target.rsplit(|byte| *byte == b'/').map(<[u8]>::to_vec));
        }
        self.kept.push((here, leaving));
        Ok(())
    }

    /// Keeps what stands below the path out of scopes that name only something above it.
    pub fn set_apart(&mut self, path: &CleanPath) {
        self.apart.push(path.components().map(<[u8]>::to_vec).collect());
    }

    /// Lets scopes grant these rights at the path and below it, though it lies in what is kept.
    pub fn open(&mut self, path: &CleanPath, rights: Rights) {
        self.open.push((path.components().map(<[u8]>::to_vec).collect(), rights));
    }

    /// Whether no scope grants these rights at the place.
    pub(super) fn refuses(&self, place: &[Vec<u8>], right: Rights) -> bool {
        let opened = self.open.iter().any(|(at, rights)| place.starts_with(at) && rights.covers(right));
        let refused = self.kept.iter().any(|(at, rights)| place.starts_with(at) && !rights.covers(right));
        refused && !opened
    }

    /// Draws the borders of what is kept into the tree of what is granted, where a grant reaches across one.
    pub(super) fn draw(&self, tree: &mut Branch) {
        for way in &self.ways {
            tree.keep(way);
        }
        for place in &self.apart {
            tree.limit(place, Border::Apart);
        }
        for (place, leaving) in &self.kept {
            if !tree.limit(place, Border::Kept(*leaving)) {
                continue;
            }
            for (within, rights) in self.open.iter().filter(|(within, _)| within.starts_with(place)) {
                tree.limit(within, Border::Open(*rights));
            }
        }
    }
}
