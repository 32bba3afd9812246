//! `gov-suite [WORD…]`: runs the suite against the `gov` and `govd` on the path; as root, in a virtual machine.
//! With words, only what has one of them in its name. With `--controls`, only that every row's act succeeds
//! ungoverned, which needs neither `gov` nor `govd`. With `--scenes`, no rows, and with `--kernel-scenes` no scene
//! either that is the daemon's alone. With `--catalogue` it prints what it tries, as a document, and needs no machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use tests::house::{House, cgroups};
use tests::outside::Outside;
use tests::score::Score;
use tests::suite::row::Row;
use tests::suite::rows;
use tests::suite::scenes::{self, Scene, of_the_kernel};
use tests::suite::try_row::{Surroundings, series, try_control, try_row};

fn main() -> Result<ExitCode> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words == ["--catalogue"] {
        print!("{}", tests::catalogue::text());
        return Ok(ExitCode::SUCCESS);
    }
    let only_controls = words.first().is_some_and(|word| word == "--controls");
    let only_kernel = words.first().is_some_and(|word| word == "--kernel-scenes");
    let only_scenes = only_kernel || words.first().is_some_and(|word| word == "--scenes");
    words.drain(..usize::from(only_controls || only_scenes));
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let folder = PathBuf::from("/srv/gov-suite");
    std::fs::create_dir_all(&folder)?;

    let act = std::env::current_exe()?.with_file_name("gov-act");
    let outside = Outside::open(&act)?;
    let around = Surroundings { act, cgroups: cgroups()?, stranger: outside.stranger(), folder };
    let mut score = Score::default();
    let series = series()?;
    let chosen_rows = rows::all().filter(|row| !only_scenes && row.is_for(series) && chosen(row.name));
    if only_controls {
        for row in chosen_rows {
            score.enter(row.name, try_control(&around, row));
        }
    } else {
        let scenes: Vec<&Scene> =
            if only_kernel { of_the_kernel().collect() } else { scenes::all().collect() };
        let scenes = scenes.into_iter().filter(|scene| chosen(scene.name));
        all(&around, &mut score, chosen_rows, scenes)?;
    }
    Ok(score.finish())
}

/// Every row and scene that is chosen, with one daemon after the other.
fn all<'a>(
    around: &Surroundings,
    score: &mut Score,
    rows: impl Iterator<Item = &'a Row>,
    scenes: impl Iterator<Item = &'a Scene>,
) -> Result<()> {
    let mut house = House::open(&around.folder.join("state"))?;
    for row in rows {
        score.enter(row.name, try_row(&house, around, row));
    }
    for scene in scenes {
        score.enter(scene.name, (scene.play)(&mut house, around));
    }
    Ok(())
}
