//! `gov-suite [WORD…]`: runs the suite against the `gov` and `govd` on the path; as root, in a virtual machine.
//! With words, only what has one of them in its name. With `--controls`, only that every row's act succeeds
//! ungoverned, which needs neither `gov` nor `govd`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use tests::house::{House, cgroups};
use tests::outside::Outside;
use tests::suite::try_row::{Surroundings, try_control, try_row};
use tests::suite::{rows, scenes};

fn main() -> Result<ExitCode> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let only_controls = words.first().is_some_and(|word| word == "--controls");
    words.drain(..usize::from(only_controls));
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let folder = PathBuf::from("/srv/gov-suite");
    std::fs::create_dir_all(&folder)?;

    let act = std::env::current_exe()?.with_file_name("gov-act");
    let outside = Outside::open(&act)?;
    let around = Surroundings { act, cgroups: cgroups()?, stranger: outside.stranger(), folder };
    let mut score = Score::default();
    if only_controls {
        for row in rows::all().filter(|row| chosen(row.name)) {
            score.enter(row.name, try_control(&around, row));
        }
    } else {
        all(&around, &mut score, chosen)?;
    }
    println!("{} passed, {} failed", score.passed, score.failed);
    Ok(if score.failed == 0 && score.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every row and scene that is chosen, with one daemon after the other.
fn all(around: &Surroundings, score: &mut Score, chosen: impl Fn(&str) -> bool) -> Result<()> {
    let mut house = House::open(&around.folder.join("state"))?;
    for row in rows::all().filter(|row| chosen(row.name)) {
        score.enter(row.name, try_row(&house, around, row));
    }
    for scene in scenes::all().filter(|scene| chosen(scene.name)) {
        score.enter(scene.name, (scene.play)(&mut house, around));
    }
    Ok(())
}

#[derive(Default)]
struct Score {
    passed: usize,
    failed: usize,
}

impl Score {
    fn enter(&mut self, name: &str, result: Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("ok {name}");
            }
            Err(why) => {
                self.failed += 1;
                println!("FAIL {name}: {why:#}");
            }
        }
    }
}
