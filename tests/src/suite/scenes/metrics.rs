//! Metrics, where the configuration asks for them.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::Scene;
use super::sessions::{folder, govern, wait_for};
use crate::house::House;
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] =
    &[Scene { name: "metrics count what is refused, and name nobody", play: counted }];

const CONFIGURATION: &str = "/etc/gov/govd.toml";
const SOCKET: &str = "/run/gov/metrics.sock";

fn counted(house: &mut House, around: &Surroundings) -> Result<()> {
    ensure!(!Path::new(SOCKET).exists(), "there are metrics that nobody asked for");
    house.end(Signal::TERM)?;
    fs::create_dir_all("/etc/gov")?;
    fs::write(CONFIGURATION, format!("metrics = \"{SOCKET}\"\n"))?;
    *house = House::open(&around.folder.join("state"))?;
    let outcome = scraped(house, around);
    // Those who come after find the daemon as it was.
    house.end(Signal::TERM)?;
    fs::remove_file(CONFIGURATION)?;
    *house = House::open(&around.folder.join("state"))?;
    outcome
}

fn scraped(house: &House, around: &Surroundings) -> Result<()> {
    let file = folder(around, "metrics")?.join("a").display().to_string();
    let done = run(
        &mut govern(house, around, &["file:write:/nowhere"], &["write", &file]),
        Duration::from_secs(60),
    )?;
    ensure!(done.out.trim() == "EACCES", "the act ended with `{}`: {}", done.out.trim(), done.err);
    // The sums follow within seconds.
    let metrics = wait_for(|| {
        let metrics = scrape()?;
        Ok(metrics.contains("gov_sessions_ended_total{reason=\"completed\"} 1").then_some(metrics))
    })?;
    for line in [
        "gov_decisions_total{action=\"file.write\",verdict=\"deny\",reason=\"out-of-scope\"} 1",
        "gov_sessions{state=\"running\"} 0",
        "gov_events_lost_total 0",
        "gov_log_unsigned_receipts 0",
        "gov_ring_bytes 16777216",
        "gov_ring_used_bytes 0",
        "gov_enforcement_full 1",
    ] {
        ensure!(metrics.contains(line), "no `{line}` in:\n{metrics}");
    }
    ensure!(!metrics.contains(&file), "the metrics name a file:\n{metrics}");
    Ok(())
}

fn scrape() -> Result<String> {
    let mut stream = UnixStream::connect(SOCKET)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: gov\r\nconnection: close\r\n\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    ensure!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    Ok(reply)
}
