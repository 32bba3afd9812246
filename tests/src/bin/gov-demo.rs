//! `gov-demo ROOT DATA GENERATOR`: tells the story below ROOT (`/` in a virtual machine), as root, with `gov` and
//! `govd` on the path. DATA is clients/gpt-engineer, GENERATOR the folder with gpt-engineer's virtual environment.

use std::path::PathBuf;

use anyhow::{Result, bail};

use tests::house::cgroups;
use tests::story::{Stage, tell};

fn main() -> Result<()> {
    let words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [root, data, generator] = words.as_slice() else {
        bail!("give the stage's folder, clients/gpt-engineer, and the folder of the virtual environment");
    };
    tell(&Stage {
        root: root.canonicalize()?,
        data: data.canonicalize()?,
        generator: generator.canonicalize()?,
        cgroups: cgroups()?,
    })
}
