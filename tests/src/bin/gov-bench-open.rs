//! What an open costs: bare, beside gov, under gov, and under Landlock with the same rules, in one boot.
//!
//! `gov-bench-open` runs the whole comparison (as root, with `gov` and `govd` on the PATH) and prints a table;
//! `gov-bench-open measure` and `gov-bench-open landlock RULES` are what it runs for each column.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use landlock::{
    ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, path_beneath_rules,
};
use tests::opens::{self, Figure, GROUND};

/// Components of the opened paths, the file's own included.
const DEPTHS: [usize; 3] = [3, 8, 20];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => compare(),
        ["measure"] => measure(),
        ["landlock", rules] => restrict(rules.parse().context("RULES is a number")?).and_then(|()| measure()),
        _ => bail!("usage: gov-bench-open [measure | landlock RULES]"),
    }
}

/// One column: the median nanoseconds of an open and close at each depth, and the spread.
struct Column {
    name: String,
    medians: Vec<f64>,
    spread: f64,
}

fn compare() -> Result<()> {
    make_ground()?;
    let this = std::env::current_exe()?;
    let this = this.to_str().context("this program's path is not UTF-8")?;
    let mut columns = vec![when_quiet("bare", &[this, "measure"])?];
    for rules in [10, 1000] {
        columns.push(column(&format!("landlock, {rules} rules"), &[this, "landlock", &rules.to_string()])?);
    }
    let daemon = Daemon::start()?;
    columns.push(column("gov, not governed", &[this, "measure"])?);
    for rules in [10, 1000] {
        columns.push(governed(this, rules)?);
    }
    drop(daemon);
    print(&columns)
}

/// A column of a machine that has got over its boot: measured until two in a row hardly differ within themselves.
fn when_quiet(name: &str, command: &[&str]) -> Result<Column> {
    const QUIET: f64 = 0.05;
    let mut quiet_before = false;
    for _ in 0..60 {
        let column = column(name, command)?;
        let quiet = column.spread < QUIET;
        if quiet && quiet_before {
            return Ok(column);
        }
        quiet_before = quiet;
    }
    bail!("the machine does not become quiet")
}

/// A column measured by running `command`, which prints what [`measure`] prints.
fn column(name: &str, command: &[&str]) -> Result<Column> {
    eprintln!("measuring: {name}");
    let (program, arguments) = command.split_first().context("an empty command")?;
    let output = Command::new(program).args(arguments).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`{}` ended with {}", command.join(" "), output.status);
    let mut medians = Vec::new();
    let mut spread = 0.0_f64;
    for line in String::from_utf8(output.stdout)?.lines() {
        let figure = Figure::parse(line)?;
        medians.push(figure.median);
        spread = spread.max(figure.spread());
    }
    ensure!(medians.len() == DEPTHS.len(), "`{}` measured {} depths", command.join(" "), medians.len());
    Ok(Column { name: name.to_owned(), medians, spread })
}

/// A column under `gov run`: `rules` scopes, the last of them the one that grants the opened files.
fn governed(this: &str, rules: usize) -> Result<Column> {
    let mut command = vec!["gov".to_owned(), "run".to_owned(), "--quiet".to_owned()];
    for folder in rule_folders(rules) {
        command.extend(["--scope".to_owned(), format!("file:read:{}", folder.display())]);
    }
    let executable = format!("code:execute:{this}");
    for scope in ["--scope", &executable, "--profile", "base", "--expires", "1h", "--", this, "measure"] {
        command.push(scope.to_owned());
    }
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    column(&format!("gov, {rules} rules"), &command)
}

/// The folders that `rules` rules name: all but the last hold nothing that is opened.
fn rule_folders(rules: usize) -> Vec<PathBuf> {
    let ground = Path::new(GROUND);
    let mut folders: Vec<PathBuf> = (1..rules).map(|n| ground.join(format!("other-{n}"))).collect();
    folders.push(ground.join("f"));
    folders
}

fn make_ground() -> Result<()> {
    for folder in rule_folders(1000) {
        fs::create_dir_all(&folder).with_context(|| format!("making `{}`", folder.display()))?;
    }
    for depth in DEPTHS {
        opens::make(depth)?;
    }
    Ok(())
}

/// Prints a line for each depth: the nanoseconds of one open and close in each sample. The depths take turns, so that
/// what the machine does beside falls on all of them.
fn measure() -> Result<()> {
    for line in opens::measure(&DEPTHS.map(opens::path))? {
        println!("{line}");
    }
    Ok(())
}

/// Puts this process under Landlock with the rules that a governed column has.
fn restrict(rules: usize) -> Result<()> {
    let reading = AccessFs::from_read(ABI::V2);
    let mut folders = rule_folders(rules);
    folders.push(PathBuf::from("/usr"));
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V2))?
        .create()?
        .add_rules(path_beneath_rules(folders, reading))?
        .restrict_self()?;
    ensure!(status.ruleset == RulesetStatus::FullyEnforced, "Landlock is not fully enforced on this kernel");
    ensure!(File::open("/etc/passwd").is_err(), "Landlock lets an ungranted file through");
    Ok(())
}

/// A running daemon, stopped when dropped.
struct Daemon(Child);

impl Daemon {
    fn start() -> Result<Self> {
        let daemon = Self(Command::new("govd").stdout(Stdio::null()).spawn().context("starting `govd`")?);
        for _ in 0..600 {
            if Command::new("gov").arg("ps").stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
                return Ok(daemon);
            }
            sleep(Duration::from_millis(100));
        }
        bail!("`govd` did not answer within a minute")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("stopping `govd`: {error}");
        }
    }
}

fn print(columns: &[Column]) -> Result<()> {
    let bare = columns.first().context("no column")?;
    print!("{:<24}", "open + close");
    for depth in DEPTHS {
        print!("{:>26}", format!("depth {depth}"));
    }
    println!("{:>10}", "spread");
    for column in columns {
        print!("{:<24}", column.name);
        for (nanoseconds, bare) in column.medians.iter().zip(&bare.medians) {
            print!(
                "{:>26}",
                format!("{nanoseconds:.0}  {:+.0}  x{:.2}", nanoseconds - bare, nanoseconds / bare)
            );
        }
        println!("{:>9.1}%", column.spread * 100.0);
    }
    println!("nanoseconds of the guest's clock (instructions under -icount), difference and ratio to bare");
    Ok(())
}
