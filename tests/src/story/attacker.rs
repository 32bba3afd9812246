//! The attacker's machine, played on loopback: serves a payload and remembers who came.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Where the attacker listens.
pub(super) const ADDRESS: &str = "127.0.0.1:47001";
/// The port of that.
pub(super) const PORT: &str = "47001";
/// What the attacker would have run.
const PAYLOAD: &str = "echo owned > ~/owned-by-payload\n";

/// What came in, first lines only.
#[derive(Clone, Default)]
pub(super) struct Attacker(Arc<Mutex<Vec<String>>>);

impl Attacker {
    /// Listens from now on, for as long as the program runs.
    pub(super) fn listen() -> Result<Self> {
        let listener = TcpListener::bind(ADDRESS).with_context(|| format!("cannot listen on {ADDRESS}"))?;
        let attacker = Self::default();
        let heard = attacker.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let line = stream.and_then(serve).unwrap_or_else(|error| format!("a connection: {error}"));
                heard.note(line);
            }
        });
        Ok(attacker)
    }

    fn note(&self, line: String) {
        if let Ok(mut lines) = self.0.lock() {
            lines.push(line);
        }
    }

    /// What has come in since this was last asked.
    pub(super) fn heard(&self) -> Result<Vec<String>> {
        let mut lines = self.0.lock().map_err(|_poisoned| anyhow::anyhow!("the attacker's thread died"))?;
        Ok(std::mem::take(&mut *lines))
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<String> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut request = [0; 1024];
    let length = stream.read(&mut request)?;
    let head = format!("HTTP/1.0 200 OK\r\ncontent-length: {}\r\n\r\n{PAYLOAD}", PAYLOAD.len());
    stream.write_all(head.as_bytes())?;
    let text = String::from_utf8_lossy(&request[..length]).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
