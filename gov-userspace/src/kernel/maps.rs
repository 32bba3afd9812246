//! The object's maps: their names, and what sessions and policies need of them.

use aya::maps::{Array, HashMap, LpmTrie, Map};

use super::error::KernelError;
use super::grants::Grants;
use super::policies::Policies;
use super::sessions::{SessionMaps, Sessions};

pub(super) const CONTROL: &str = ".bss.control";
pub(super) const EDGES: &str = "EDGES";
pub(super) const GATES: &str = "GATES";
pub(super) const NETS: &str = "NETS";
pub(super) const READS: &str = "READS";
pub(super) const REFUSALS: &str = "REFUSALS";
pub(super) const RING: &str = "RING";
pub(super) const SESSIONS: &str = "SESSIONS";
pub(super) const STATES: &str = "STATES";
pub(super) const TAKEN: &str = "TAKEN";
pub(super) const TALLIES: &str = "TALLIES";
pub(super) const VERSION: &str = ".rodata.abi";

/// The maps of sessions and policies.
pub(super) fn sessions(
    mut open: impl FnMut(&'static str) -> Result<Map, KernelError>,
) -> Result<Sessions, KernelError> {
    const OPEN: &str = "open the kernel object's maps";
    let edges = HashMap::try_from(open(EDGES)?).map_err(KernelError::map(OPEN))?;
    let nets = LpmTrie::try_from(open(NETS)?).map_err(KernelError::map(OPEN))?;
    let maps = SessionMaps {
        control: Array::try_from(open(CONTROL)?).map_err(KernelError::map(OPEN))?,
        sessions: HashMap::try_from(open(SESSIONS)?).map_err(KernelError::map(OPEN))?,
        states: Array::try_from(open(STATES)?).map_err(KernelError::map(OPEN))?,
        reads: HashMap::try_from(open(READS)?).map_err(KernelError::map(OPEN))?,
        refusals: HashMap::try_from(open(REFUSALS)?).map_err(KernelError::map(OPEN))?,
        taken: Array::try_from(open(TAKEN)?).map_err(KernelError::map(OPEN))?,
    };
    let grants = Grants {
        gates: Array::try_from(open(GATES)?).map_err(KernelError::map(OPEN))?,
        tallies: Array::try_from(open(TALLIES)?).map_err(KernelError::map(OPEN))?,
    };
    Ok(Sessions::new(maps, Policies::new(edges, nets), grants))
}
