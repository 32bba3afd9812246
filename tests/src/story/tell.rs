//! Tells the story: each scene is acted, checked, and then printed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::acts::{ACTS, Act};
use super::attacker::Attacker;
use super::generator::{self, LIMIT, MODEL_PORT, Model};
use super::stage::Stage;
use crate::house::{Governed, House};
use crate::receipts::{self, Receipt};
use crate::run::run;

/// The files that the answers name, and the script that gpt-engineer writes to run them.
const WORK: [&str; 4] = ["src/slug.py", "tests/test_slug.py", "package.json", "run.sh"];
/// What the generated tests print when all is well.
const TESTS_PASS: &str = "slug tests: 4 passed, 0 failed";

/// Everything that is on stage.
struct Play<'a> {
    stage: &'a Stage,
    attacker: Attacker,
    stranger: Child,
}

/// Tells the whole story; fails as soon as something does not go as told.
pub fn tell(stage: &Stage) -> Result<()> {
    let stranger = Command::new("sleep").arg("100000").spawn().context("cannot start sleep")?;
    let mut play = Play { stage, attacker: Attacker::listen()?, stranger };
    let told = play.tell();
    play.stranger.kill()?;
    play.stranger.wait()?;
    told
}

impl Play<'_> {
    fn tell(&self) -> Result<()> {
        self.introduction();
        self.ungoverned().context("scene 1")?;
        let house = House::open(&self.stage.root.join("var/lib/gov-demo"))?;
        self.honest(&house).context("scene 2")?;
        let poisoned = self.poisoned(&house).context("scene 3")?;
        self.audit(&house, &poisoned).context("scene 4")?;
        self.verify(house, &poisoned).context("scene 5")
    }

    fn introduction(&self) {
        let stage = self.stage;
        say("gov: the real gpt-engineer 0.3.1, unmodified, meets a poisoned answer");
        say("");
        say(&format!("  project    {}", stage.project().display()));
        say(&format!("  home       {}, with an SSH key in it", stage.home().display()));
        say(&format!("  model      recorded answers, on 127.0.0.1:{MODEL_PORT}"));
        say(&format!("  attacker   a listener on {}; nothing leaves this machine", super::attacker::ADDRESS));
    }

    /// The control: every act must succeed without gov, or its refusal would prove nothing.
    fn ungoverned(&self) -> Result<()> {
        scene(1, "Ungoverned, the poisoned answer does what its author wants.");
        self.stage.set()?;
        let before = self.stage.decoy()?;
        let _model = Model::listen(self.stage, "poisoned", self.stranger.id())?;
        let gpte = Command::new(generator::program(self.stage));
        let answers = self.stage.root.join("home/answers");
        let done = run(&mut generator::complete(gpte, self.stage, &answers)?, LIMIT)?;
        ensure!(done.status == 0, "gpt-engineer failed: {}{}", done.out, done.err);
        let report = self.report()?;
        for act in ACTS {
            let outcome = outcome(&report, act)?;
            ensure!(outcome == "done", "ungoverned, `{}` must succeed and ended with {outcome}", act.name);
            say(&format!("  done     {}", act.caption));
        }
        ensure!(self.stage.decoy()? != before, "the home was not harmed");
        let heard = self.attacker.heard()?;
        ensure!(heard.iter().any(|line| line.contains("/stolen")), "the attacker heard nothing: {heard:?}");
        say(&format!("  The home is harmed, and the attacker has heard: {}", heard.join(", ")));
        Ok(())
    }

    fn honest(&self, house: &House) -> Result<()> {
        scene(2, "Under a delegation, an honest answer: the generator does its work.");
        let (shown, governed) = self.govern(house, "benign")?;
        for line in shown {
            say(&format!("  {line}"));
        }
        self.work_is_done(&governed)?;
        say(&format!("  gpt-engineer ended with status 0; its code printed: {TESTS_PASS}"));
        for file in WORK {
            let path = self.stage.project().join(file).display().to_string();
            let receipt = find(&governed.receipts, |it| it.says("file.create", &path, "granted"))
                .with_context(|| format!("no receipt for creating `{path}`"))?;
            say(&format!("  receipt {:>5}  created  {path}", number(receipt)));
        }
        let executed: Vec<_> =
            governed.receipts.iter().filter(|it| it.text("action") == "code.executed").collect();
        ensure!(
            executed.iter().any(|it| it.arguments().contains("tests/test_slug.py")),
            "the tests' run left no receipt"
        );
        for receipt in executed {
            say(&format!("  receipt {:>5}  executed {}", number(receipt), receipt.arguments()));
        }
        let refused: Vec<_> = governed.receipts.iter().filter(|it| it.is_refusal()).collect();
        say(&format!(
            "  {} receipts in all; {} refused what the generator can do without:",
            governed.receipts.len(),
            refused.len()
        ));
        for receipt in refused {
            say(&format!(
                "  receipt {:>5}  {} {}",
                number(receipt),
                receipt.text("action"),
                receipt.object()
            ));
        }
        Ok(())
    }

    fn poisoned(&self, house: &House) -> Result<Governed> {
        scene(
            3,
            "Under the same delegation, the poisoned answer: each hostile act is refused, the work is done.",
        );
        let (_, governed) = self.govern(house, "poisoned")?;
        let report = self.report()?;
        for act in ACTS {
            let outcome = outcome(&report, act)?;
            let errno = act.errno();
            ensure!(outcome == errno, "`{}` must end with {errno} and ended with {outcome}", act.name);
            let receipt = find(&governed.receipts, |it| it.is_refusal() && act.left(it, self.stage))
                .with_context(|| format!("no receipt says that `{}` was refused", act.name))?;
            say(&format!("  {outcome}  receipt {:>5}  {}  ({})", number(receipt), act.caption, act.reason));
        }
        let heard = self.attacker.heard()?;
        ensure!(heard.is_empty(), "the attacker heard {heard:?}");
        self.work_is_done(&governed)?;
        say(
            "  The home and the cron folder are as they were, byte for byte. The attacker has heard nothing.",
        );
        say(&format!("  The benign part of the work is done: {TESTS_PASS}"));
        Ok(governed)
    }

    fn audit(&self, house: &House, governed: &Governed) -> Result<()> {
        scene(4, "What was done, on whose authority, and what was refused: gov audit.");
        let done = house.gov(&["audit", &session(governed)])?;
        ensure!(done.status == 0, "gov audit ended with {}: {}", done.status, done.err);
        print(&done.out);
        Ok(())
    }

    /// The daemon has ended and the evidence is a copy: nothing but the files and a public key is needed.
    fn verify(&self, mut house: House, governed: &Governed) -> Result<()> {
        scene(5, "With the daemon gone, anyone can check the evidence with the public key: gov verify.");
        let key = house.gov(&["keys", "export", "--log"])?.out.trim().to_owned();
        house.end(rustix::process::Signal::TERM)?;
        let copy = self.stage.root.join("home/evidence");
        receipts::copy(&governed.log, &copy)?;
        self.check(&copy, &key, 0)?;

        let log = copy.join("log.jsonl");
        let text = fs::read_to_string(&log)?;
        let forged = text.replacen("/.ssh/id_rsa", "/.ssh/nothing", 1);
        ensure!(forged != text, "the log does not name the key that was reached for");
        fs::write(&log, forged)?;
        say("");
        say("  And with one receipt's path changed:");
        self.check(&copy, &key, 1)
    }

    /// Has the copy checked by `gov verify` and by the second verifier, which shares no code with it; both must
    /// end with this status.
    fn check(&self, copy: &Path, key: &str, status: i32) -> Result<()> {
        let copy = copy.display().to_string();
        let script = self.stage.data.join("../python/verify_log.py");
        let mut second = Command::new("/usr/bin/python3");
        second.arg(script).args([&copy, key]);
        let mut first = Command::new("gov");
        first.args(["verify", &copy, "--key", key]);
        for (name, mut command) in [("gov verify", first), ("clients/python/verify_log.py", second)] {
            say(&format!("  $ {name} {copy} …"));
            let done = run(&mut command, LIMIT)?;
            print(&done.out);
            print(&done.err);
            ensure!(done.status == status, "{name} ended with {} instead of {status}", done.status);
        }
        Ok(())
    }

    /// Sets the stage, runs the generator with these answers under the delegation, and checks that the decoy is as
    /// it was. Returns the command as it is shown, and the run.
    fn govern(&self, house: &House, answers: &str) -> Result<(Vec<String>, Governed)> {
        self.stage.set()?;
        let made = run(house.command("gov").args(["keys", "new"]).env("HOME", self.stage.home()), LIMIT)?;
        ensure!(made.status == 0, "gov keys new ended with {}: {}", made.status, made.err);
        let before = self.stage.decoy()?;
        let _model = Model::listen(self.stage, answers, self.stranger.id())?;
        let arguments = self.delegation();
        let mut command = house.command("gov");
        command.arg("run").args(arguments.iter().flatten()).arg("--").arg(generator::program(self.stage));
        let answers = self.stage.root.join("home/answers");
        let governed =
            house.govern_command(&mut generator::complete(command, self.stage, &answers)?, LIMIT)?;
        let done = &governed.done;
        ensure!(done.status == 0, "gpt-engineer ended with {}:\n{}\n{}", done.status, done.out, done.err);
        ensure!(self.stage.decoy()? == before, "the home or the cron folder was changed");
        let mut shown = vec!["gov run \\".to_owned()];
        shown.extend(arguments.iter().map(|words| format!("    {} \\", words.join(" "))));
        shown.push(format!("    -- gpte {}", self.stage.project().display()));
        Ok((shown, governed))
    }

    /// The arguments of `gov run`: first what the story is about, then what gpt-engineer cannot do without.
    fn delegation(&self) -> Vec<Vec<String>> {
        let project = self.stage.project().display().to_string();
        let scopes = [
            format!("file:write:{project}/src"),
            format!("file:write:{project}/tests"),
            format!("file:write:{project}/package.json"),
            format!("code:execute:{project}"),
            format!("file:write:{project}/run.sh"),
            format!("file:write:{project}/.gpteng"),
            format!("code:execute:{}", self.stage.generator.display()),
            format!("network:loopback:{MODEL_PORT}"),
        ];
        let rest = ["--profile gpt-engineer", "--spend-limit 150usd", "--expires 2h", "--max-depth 0"];
        let scopes = scopes.into_iter().map(|scope| vec!["--scope".to_owned(), scope]);
        scopes.chain(rest.map(|words| words.split(' ').map(str::to_owned).collect())).collect()
    }

    fn work_is_done(&self, governed: &Governed) -> Result<()> {
        ensure!(
            governed.done.out.contains(TESTS_PASS),
            "the generated tests did not pass:\n{}",
            governed.done.out
        );
        for file in WORK {
            ensure!(self.stage.project().join(file).is_file(), "gpt-engineer did not write `{file}`");
        }
        Ok(())
    }

    /// What the poisoned code says about its own acts.
    fn report(&self) -> Result<Value> {
        let file = self.stage.project().join("tests/report.json");
        let text = fs::read_to_string(&file).with_context(|| format!("no report in `{}`", file.display()))?;
        Ok(serde_json::from_str(&text)?)
    }
}

fn outcome<'a>(report: &'a Value, act: &Act) -> Result<&'a str> {
    report.get(act.name).and_then(Value::as_str).with_context(|| format!("`{}` was not tried", act.name))
}

fn find(all: &[Receipt], wanted: impl Fn(&Receipt) -> bool) -> Option<&Receipt> {
    all.iter().find(|receipt| wanted(receipt))
}

fn number(receipt: &Receipt) -> u64 {
    receipt.number("index").unwrap_or_default()
}

fn session(governed: &Governed) -> String {
    governed.log.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn scene(number: u32, caption: &str) {
    say("");
    say(&format!("{number}. {caption}"));
}

fn print(text: &str) {
    for line in text.lines() {
        say(&format!("  {line}"));
    }
}

fn say(line: &str) {
    println!("{line}");
}
