//! `gov-direct [WORD…]`: tries the suite's rows, and scenes of its own, against the kernel object alone, as root in a virtual machine; with
//! words, only those that have one of them in their name. `--counts` prints the verifier's counts instead.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Result, bail};
use gov::kernel::{Kernel, LoadOptions};

use tests::direct::{Bench, act_in, enter, try_direct};
use tests::direct_races::RACES;
use tests::direct_scenes;
use tests::house::cgroups;
use tests::outside::Outside;
use tests::score::Score;
use tests::suite::rows;
use tests::suite::try_row::{Surroundings, series, try_control};

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
    let stranger = outside.stranger();
    let around = Surroundings { act: act.clone(), cgroups: cgroups()?, stranger, folder: folder.clone() };
    let mut bench = Bench { kernel, ring, cgroups: cgroups()?, folder, act, stranger };
    let mut score = Score::default();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let start = Instant::now();
    let series = series()?;
    let rows = rows::all().chain(rows::ALONE);
    for row in rows.filter(|row| row.is_for(series) && chosen(row.name)) {
        let tried = try_control(&around, row).and_then(|()| try_direct(&mut bench, row));
        score.enter(row.name, tried);
    }
    println!("the rows took {} s", start.elapsed().as_secs());
    for scene in direct_scenes::all().chain(RACES).filter(|scene| chosen(scene.name)) {
        score.enter(scene.name, (scene.play)(&mut bench));
    }
    println!("rows and scenes took {} s", start.elapsed().as_secs());
    gov::kernel::pins::clear()?;
    Ok(score.finish())
}
