//! `gov-suite [WORD…]`: runs the suite against the `gov` and `govd` on the path; as root, in a virtual machine.
//! With words, only what has one of them in its name.

use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use tests::house::{House, cgroups};
use tests::suite::try_row::{Surroundings, try_row};
use tests::suite::{rows, scenes};

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let folder = PathBuf::from("/srv/gov-suite");
    std::fs::create_dir_all(&folder)?;

    let listeners = listen()?;
    let mut stranger = Command::new("sleep").arg("100000").spawn()?;
    let around = Surroundings {
        act: std::env::current_exe()?.with_file_name("gov-act"),
        cgroups: cgroups()?,
        stranger: stranger.id(),
        folder,
    };
    let mut house = House::open(&around.folder.join("state"))?;

    let mut score = Score::default();
    for row in rows::all().filter(|row| chosen(row.name)) {
        score.enter(row.name, try_row(&house, &around, row));
    }
    for scene in scenes::all().filter(|scene| chosen(scene.name)) {
        score.enter(scene.name, (scene.play)(&mut house, &around));
    }
    drop(listeners);
    stranger.kill()?;
    stranger.wait()?;
    println!("{} passed, {} failed", score.passed, score.failed);
    Ok(if score.failed == 0 && score.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

/// What the network rows reach for: both ports, both families, streams and datagrams.
fn listen() -> Result<(Vec<TcpListener>, Vec<UdpSocket>)> {
    let addresses = ["127.0.0.1:47001", "127.0.0.1:47002", "[::1]:47001", "[::1]:47002"];
    let streams = addresses.iter().map(TcpListener::bind).collect::<Result<_, _>>();
    let datagrams = addresses.iter().map(UdpSocket::bind).collect::<Result<_, _>>();
    Ok((streams.context("cannot listen")?, datagrams.context("cannot receive")?))
}
