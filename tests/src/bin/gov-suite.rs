//! `gov-suite [WORD…]`: runs the suite against the `gov` and `govd` on the path; as root, in a virtual machine.
//! With words, only what has one of them in its name. With `--controls`, only that every row's act succeeds
//! ungoverned, which needs neither `gov` nor `govd`. With `--scenes`, no rows. With `--catalogue` it prints what it tries, as a document, and
//! needs no machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use tests::house::{House, cgroups};
use tests::outside::Outside;
use tests::score::Score;
use tests::suite::row::Row;
use tests::suite::try_row::{Surroundings, series, try_control, try_row};
use tests::suite::{rows, scenes};

fn main() -> Result<ExitCode> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words == ["--catalogue"] {
        print!("{}", tests::catalogue::text());
        return Ok(ExitCode::SUCCESS);
    }
    let only_controls = words.first().is_some_and(|word| word == "--controls");
    let only_scenes = words.first().is_some_and(|word| word == "--scenes");
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
        all(&around, &mut score, chosen_rows, chosen)?;
    }
    Ok(score.finish())
}

/// Every row and scene that is chosen, with one daemon after the other.
fn all<'a>(
    around: &Surroundings,
    score: &mut Score,
    rows: impl Iterator<Item = &'a Row>,
    chosen: impl Fn(&str) -> bool,
) -> Result<()> {
    let mut house = House::open(&around.folder.join("state"))?;
    for row in rows {
        score.enter(row.name, try_row(&house, around, row));
    }
    for scene in scenes::all().filter(|scene| chosen(scene.name)) {
        score.enter(scene.name, (scene.play)(&mut house, around));
    }
    Ok(())
}
