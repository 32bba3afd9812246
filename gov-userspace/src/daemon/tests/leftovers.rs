//! What a daemon that is gone left, and the next one finds.

use std::collections::{BTreeMap, BTreeSet};

use super::super::inherit::Estate;
use super::super::temporary;
use super::{House, me};

#[test]
fn nothing_stays_of_sessions_that_never_stood_in_the_kernel() {
    let mut house = House::new();
    let ground = &house.core.ground;
    let outer = ground.hierarchy.create("outer-1").unwrap();
    let inner = outer.create("inner-1").unwrap();
    for cgroup in [&outer, &inner] {
        let (base, folder) = (&ground.folders.temporary, ground.temporary(cgroup));
        temporary::create(base, &folder, me().uid, me().gid).unwrap();
        std::fs::write(folder.join("a"), "x").unwrap();
    }
    assert!(ground.folders.temporary.join("outer-1/inner-1/a").exists());
    // A cgroup that is gone has nobody in it; a folder that stands for one cannot hold the file that says so and go.
    inner.remove().unwrap();
    outer.remove().unwrap();
    let cgroups = BTreeMap::from([(1, outer), (2, inner)]);
    house.core.inherit(Estate { sessions: Vec::new(), cgroups, pinned: BTreeSet::new() }).unwrap();
    assert_eq!(house.left_over(), Vec::<std::path::PathBuf>::new());
}
