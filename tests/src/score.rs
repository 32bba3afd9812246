//! How many rows and scenes held, each told in a line as it ends.

use std::process::ExitCode;

use anyhow::Result;

/// What was counted so far.
#[derive(Debug, Default)]
pub struct Score {
    passed: usize,
    failed: usize,
}

impl Score {
    /// Counts one, and prints `ok NAME` or `FAIL NAME: why`.
    pub fn enter(&mut self, name: &str, result: Result<()>) {
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

    /// Prints the sum. To have tried nothing is no success.
    pub fn finish(&self) -> ExitCode {
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 && self.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
