//! gpt-engineer 0.3.1 as it comes from PyPI, and the recorded model that it asks.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Stage, attacker};

/// The port of the recorded model.
pub(super) const MODEL_PORT: &str = "8080";
/// Python starts slowly on an emulated processor.
pub(super) const LIMIT: Duration = Duration::from_secs(400);

/// The recorded model, listening on loopback until dropped.
pub(super) struct Model(Child);

impl Model {
    /// Starts the model with the answers of that name.
    pub(super) fn listen(stage: &Stage, answers: &str, stranger: u32) -> Result<Self> {
        let file = |suffix: &str| stage.data.join(format!("answers/{answers}{suffix}.md"));
        let set = |name: &str, value: &str| ["--set".to_owned(), format!("{name}={value}")];
        let mut child = Command::new("/usr/bin/python3")
            .arg(stage.data.join("recorded_model.py"))
            .args(["--port", MODEL_PORT, "--code"])
            .arg(file(""))
            .arg("--entrypoint")
            .arg(file("-run"))
            .args(set("HOME", &stage.home().display().to_string()))
            .args(set("PROJECT", &stage.project().display().to_string()))
            .args(set("CGROUP", &stage.cgroups.display().to_string()))
            .args(set("ATTACKER", attacker::PORT))
            .args(set("STRANGER", &stranger.to_string()))
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the recorded model")?;
        let mut first = String::new();
        let out = child.stdout.take().context("the recorded model has an output")?;
        BufReader::new(out).read_line(&mut first)?;
        if !first.contains("listening") {
            bail!("the recorded model does not listen on port {MODEL_PORT}: {first}");
        }
        Ok(Self(child))
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("the recorded model could not be ended: {error}");
        }
    }
}

/// Completes a command (nothing, or `gov run … --`) with gpt-engineer and its surroundings. It is answered `y` when it
/// asks whether to run the code, and `n` when it asks to send the prompts home.
pub(super) fn complete(mut command: Command, stage: &Stage, answers: &Path) -> Result<Command> {
    fs::write(answers, "y\nn\n")?;
    let bin = stage.generator.join("venv/bin");
    command
        .arg(stage.project())
        .args(["--model", "gpt-4o"])
        .current_dir(stage.project())
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()))
        .env("HOME", stage.home())
        .env("LANG", "C.UTF-8")
        .env("OPENAI_API_KEY", "sk-recorded")
        .env("OPENAI_API_BASE", format!("http://127.0.0.1:{MODEL_PORT}/v1"))
        .env("TIKTOKEN_CACHE_DIR", stage.generator.join("tiktoken"))
        .stdin(fs::File::open(answers)?);
    Ok(command)
}

/// The path of the generator's program.
pub(super) fn program(stage: &Stage) -> String {
    stage.generator.join("venv/bin/gpte").display().to_string()
}
