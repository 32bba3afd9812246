//! `gov-direct [WORD…]`: tries the suite's rows, and scenes of its own, against the kernel object alone, as root in a virtual machine; with
//! words, only those that have one of them in their name. `--counts` prints the verifier's counts instead.

use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use gov::kernel::{Kernel, LoadOptions};

use tests::direct::{Bench, act_in, try_direct};
use tests::house::cgroups;
use tests::suite::rows;
use tests::{direct_cache, direct_scenes};

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["--in", cgroup, act @ ..] = words.as_slice() {
        println!("{}", act_in(cgroup, act)?);
        return Ok(ExitCode::SUCCESS);
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
    let pins = kernel.pin()?;
    let _listeners = (
        TcpListener::bind("127.0.0.1:47001")?,
        TcpListener::bind("127.0.0.1:47002")?,
        UdpSocket::bind("127.0.0.1:47002")?,
        TcpListener::bind("[::1]:47001").context("loopback has no IPv6")?,
    );
    let mut stranger = Command::new("sleep").arg("100000").spawn()?;
    let folder = PathBuf::from("/srv/gov-direct");
    std::fs::create_dir_all(&folder)?;
    let mut bench = Bench { kernel, ring, cgroups: cgroups()?, folder, stranger: stranger.id() };
    let (mut passed, mut failed) = (0, 0);
    for row in rows::all() {
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
    for scene in direct_scenes::SCENES.iter().chain(direct_cache::SCENES) {
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
    pins.remove()?;
    stranger.kill()?;
    stranger.wait()?;
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
