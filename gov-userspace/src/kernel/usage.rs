//! What stands in the maps and what they take up, as the kernel itself says it.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};

use aya::maps::{IterableMap, MapData};

use super::batch::each;
use super::error::KernelError;
use super::load::Kernel;

/// A map's content and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapUsage {
    /// Elements that stand in it.
    pub elements: u64,
    /// Bytes that the kernel accounts for it. Before 6.4 it says what a full map would take.
    pub bytes: u64,
}

/// The maps that sessions and their policies take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Sessions.
    pub sessions: MapUsage,
    /// Their accounts; room for all is set aside when the object is loaded.
    pub states: MapUsage,
    /// Steps down the policies' trees.
    pub edges: MapUsage,
    /// The policies' networks.
    pub nets: MapUsage,
    /// Directories that sessions have read in.
    pub reads: MapUsage,
}

impl Kernel {
    /// Counts what stands in the maps; it reads all of them.
    ///
    /// # Errors
    /// A map cannot be read.
    pub fn usage(&self) -> Result<Usage, KernelError> {
        const COUNT: &str = "count what stands in the kernel";
        let (maps, policies) = (&self.sessions.maps, &self.sessions.policies);
        let mut sessions = 0_u64;
        each(&maps.sessions, COUNT, |_, _| sessions = sessions.saturating_add(1))?;
        let mut edges = 0_u64;
        each(&policies.edges, COUNT, |_, _| edges = edges.saturating_add(1))?;
        let mut reads = 0_u64;
        each(&maps.reads, COUNT, |_, _| reads = reads.saturating_add(1))?;
        let mut nets = 0_u64;
        for key in policies.nets.keys() {
            key.map_err(KernelError::map(COUNT))?;
            nets = nets.saturating_add(1);
        }
        Ok(Usage {
            sessions: usage(maps.sessions.map(), sessions)?,
            states: usage(maps.states.map(), u64::from(maps.states.len()))?,
            edges: usage(policies.edges.map(), edges)?,
            nets: usage(policies.nets.map(), nets)?,
            reads: usage(maps.reads.map(), reads)?,
        })
    }
}

/// A map's usage, of which the size stands in `/proc`.
fn usage(map: &MapData, elements: u64) -> Result<MapUsage, KernelError> {
    let failed = |message: String| KernelError::Map { what: "learn how large a map is", message };
    let path = format!("/proc/self/fdinfo/{}", map.fd().as_fd().as_raw_fd());
    let text = fs::read_to_string(&path).map_err(|error| failed(format!("`{path}`: {error}")))?;
    let bytes = text
        .lines()
        .find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok())
        .ok_or_else(|| failed(format!("`{path}` does not say `memlock`")))?;
    Ok(MapUsage { elements, bytes })
}
