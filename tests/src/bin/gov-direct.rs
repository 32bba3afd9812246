//! `gov-direct [WORD…]`: tries the suite's rows, and scenes of its own, against the kernel object alone, as root in a virtual machine; with
//! words, only those that have one of them in their name. `--counts` prints the verifier's counts instead.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use gov::kernel::{Kernel, LoadOptions};

use tests::direct::{Bench, act_in, enter, try_direct};
use tests::house::cgroups;
use tests::outside::Outside;
use tests::suite::rows;
use tests::{direct_races, direct_scale, direct_scenes};

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["--in", cgroup, act @ ..] = words.as_slice() {
        println!("{}", act_in(cgroup, act)?);
        return Ok(ExitCode::SUCCESS);
    }
    if let ["--into", cgroup, program, act @ ..] = words.as_slice() {
        enter(cgroup)?;
        bail!("cannot execute `{program}`: {}", Command::new(program).args(act).exec());
    }
    let (mut kernel, mut ring) = Kernel::load(&LoadOptions::default())?;
    if words == ["--counts"] {
        for (hook, count) in kernel.verifier_counts()? {
            println!("{hook} {count}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:?}", kernel.enforcement().status);
    kernel.self_test(&mut ring, &cgroups()?, 0)?;
    kernel.pin()?;
    let act = std::env::current_exe()?.with_file_name("gov-act");
    let outside = Outside::open(&act)?;
    let folder = PathBuf::from("/srv/gov-direct");
    std::fs::create_dir_all(&folder)?;
    let mut bench = Bench { kernel, ring, cgroups: cgroups()?, folder, act, stranger: outside.stranger() };
    let (mut passed, mut failed) = (0, 0);
    for row in rows::all().chain(rows::ALONE) {
        if !words.is_empty() && !words.iter().any(|word| row.name.contains(word)) {
            continue;
        }
        match try_direct(&mut bench, row) {
            Ok(()) => passed += 1,
            Err(error) => {
                failed += 1;
                println!("FAILED {}: {error:#}", row.name);
            }
        }
    }
    let scenes = [direct_scenes::SCENES, direct_scale::SCENES, direct_races::RACES];
    for scene in scenes.into_iter().flatten() {
        if !words.is_empty() && !words.iter().any(|word| scene.name.contains(word)) {
            continue;
        }
        match (scene.play)(&mut bench) {
            Ok(()) => passed += 1,
            Err(error) => {
                failed += 1;
                println!("FAILED {}: {error:#}", scene.name);
            }
        }
    }
    gov::kernel::pins::clear()?;
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
