//! Tries one row: builds its folder, does the act ungoverned, builds it again, does the act governed, and judges.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, makedev, setxattr};

use super::row::Row;
use crate::act::files::unescape;
use crate::act::privilege::CAPABILITIES;
use crate::house::House;
use crate::outside::tidy;
use crate::receipts::Receipt;
use crate::run::run;

/// What the rows' placeholders stand for, apart from the row's own folder.
pub struct Surroundings {
    /// Where the rows' folders are made.
    pub folder: PathBuf,
    /// Where `gov-act` is.
    pub act: PathBuf,
    /// `%`: the root of the cgroup tree.
    pub cgroups: PathBuf,
    /// `$`: a process outside every session.
    pub stranger: u32,
}

/// What came of an act.
pub struct Tried {
    /// What `gov-act` printed ungoverned.
    pub control: String,
    /// What it printed governed.
    pub governed: String,
    /// The session's receipts.
    pub receipts: Vec<Receipt>,
    /// Whether anything in the row's folder is not as it was before the governed act.
    pub changed: bool,
}

/// Tries the row and says what is wrong with the outcome.
pub fn try_row(house: &House, around: &Surroundings, row: &Row) -> Result<()> {
    let name: String = row.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let folder = around.folder.join(name);
    let control = control(around, row, &folder.join("control"))?;
    let place = folder.join("governed");
    build(&place, row.given)?;
    let before = snapshot(&place)?;
    let (governed, receipts) = governed(house, around, row, &place)?;
    let changed = snapshot(&place)? != before;
    let judged =
        judge(row, |text| around.fill(text, &place), &Tried { control, governed, receipts, changed });
    fs::remove_dir_all(&folder)?;
    judged
}

/// Tries the row's act ungoverned and says what is wrong with the outcome.
pub fn try_control(around: &Surroundings, row: &Row) -> Result<()> {
    let folder = around.folder.join("control");
    let control = control(around, row, &folder)?;
    fs::remove_dir_all(&folder)?;
    judge_control(row, &control)
}

fn judge_control(row: &Row, control: &str) -> Result<()> {
    ensure!(
        control == row.control,
        "ungoverned it must end with `{}` and ended with `{control}`",
        row.control
    );
    Ok(())
}

/// Says what is wrong, if anything is. A refusal counts only if the same act succeeded ungoverned, ended with the
/// right errno, left its receipt, and changed nothing.
pub fn judge(row: &Row, fill: impl Fn(&str) -> String, tried: &Tried) -> Result<()> {
    judge_control(row, &tried.control)?;
    if tried.governed != row.outcome {
        bail!("governed it must end with `{}` and ended with `{}`", row.outcome, tried.governed);
    }
    let (action, object, reason) = row.receipt;
    let object = fill(object);
    // A refusal's receipt names the errno that the act met, if the act could see one. Who asks for a capability has
    // errnos of its own, and those who would look into a process say EPERM.
    let seen = row.outcome.rsplit(' ').next().filter(|word| word.starts_with('E'));
    let translated = action == "capability.use" || action == "process.trace" && seen == Some("EPERM");
    let errno = |receipt: &Receipt| {
        row.is_granted() || translated || seen.is_none_or(|errno| receipt.text("errno") == errno)
    };
    let told = action.is_empty()
        || tried.receipts.iter().any(|receipt| receipt.says(action, &object, reason) && errno(receipt));
    if !told {
        let alike: Vec<String> = tried
            .receipts
            .iter()
            .filter(|receipt| receipt.text("action") == action || receipt.text("reason") == reason)
            .map(|receipt| {
                format!("{} `{}` {}", receipt.text("action"), receipt.object(), receipt.text("reason"))
            })
            .collect();
        bail!("no receipt says {action} `{object}` {reason}; near it: {}", alike.join(", "));
    }
    // A budget lets something be done before it refuses.
    let refused_at_once = !row.is_granted() && !row.outcome.contains("ok, then");
    if tried.changed && refused_at_once && action.starts_with("file.") {
        bail!("it was refused and yet something changed");
    }
    Ok(())
}

fn control(around: &Surroundings, row: &Row, place: &Path) -> Result<String> {
    build(place, row.given)?;
    let mut command = Command::new(&around.act);
    command.args(around.fill(row.act, place).split_whitespace());
    let done = run(&mut command, Duration::from_secs(60))?;
    tidy(&around.cgroups)?;
    Ok(done.out.trim().to_owned())
}

fn governed(house: &House, around: &Surroundings, row: &Row, place: &Path) -> Result<(String, Vec<Receipt>)> {
    let mut arguments = around.authority(around.fill(row.scopes, place).split_whitespace());
    arguments.push("--".to_owned());
    arguments.push(around.act.display().to_string());
    arguments.extend(around.fill(row.act, place).split_whitespace().map(str::to_owned));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let governed = house.govern(&arguments)?;
    tidy(&around.cgroups)?;
    if governed.done.status != 0 {
        bail!("`gov run` ended with {}: {}", governed.done.status, governed.done.err.trim());
    }
    Ok((governed.done.out.trim().to_owned(), governed.receipts))
}

impl Surroundings {
    /// The arguments of `gov run` that let `gov-act` run and grant the scopes given.
    pub fn authority<'a>(&self, scopes: impl Iterator<Item = &'a str>) -> Vec<String> {
        let own = format!("code:execute:{}", self.act.display());
        let scopes = scopes.map(str::to_owned).chain([own]);
        let base = ["--profile", "base", "--expires", "1h", "--max-depth", "0"].map(str::to_owned);
        base.into_iter().chain(scopes.flat_map(|scope| ["--scope".to_owned(), scope])).collect()
    }

    /// The text with its placeholders replaced.
    pub fn fill(&self, text: &str, place: &Path) -> String {
        text.replace('@', &place.display().to_string())
            .replace('%', &self.cgroups.display().to_string())
            .replace('$', &self.stranger.to_string())
    }
}

/// Who owns what is not the suite's.
const SOMEBODY: u32 = 1000;

/// The series of the running kernel: 6.12 of `6.12.95+deb12-cloud-amd64`.
pub fn series() -> Result<(u32, u32)> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _other => bail!("`{release}` is no kernel's release"),
    }
}

/// Makes what is there before an act.
pub(crate) fn build(place: &Path, given: &str) -> Result<()> {
    fs::create_dir_all(place)?;
    for item in given.split_whitespace() {
        let item = item.replace('@', &place.display().to_string());
        let make = |name: &str| -> Result<PathBuf> {
            let path = place.join(unescape(name));
            fs::create_dir_all(path.parent().context("a given item lies in a folder")?)?;
            Ok(path)
        };
        if let Some((name, target)) = item.split_once("->") {
            symlink(target, make(name)?)?;
        } else if let Some(name) = item.strip_suffix("=device") {
            rustix::fs::mknodat(CWD, make(name)?, FileType::CharacterDevice, Mode::RWXU, makedev(1, 3))?;
        } else if let Some((name, interpreter)) = item.split_once("=#!") {
            let script = make(name)?;
            fs::write(&script, format!("#!{interpreter}\n"))?;
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        } else if let Some((name, program)) = item.split_once("=setuid:") {
            let path = make(name)?;
            fs::copy(program, &path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o4755))?;
        } else if let Some((name, program)) = item.split_once("=capable:") {
            let path = make(name)?;
            fs::copy(program, &path)?;
            setxattr(&path, "security.capability", &CAPABILITIES, XattrFlags::empty())?;
        } else if let Some(name) = item.strip_suffix("=attribute") {
            let path = make(name)?;
            fs::write(&path, "as it was")?;
            setxattr(&path, "user.gov", b"as it was", XattrFlags::empty())?;
        } else if let Some(name) = item.strip_suffix("=theirs") {
            let path = make(name)?;
            fs::write(&path, "as it was")?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            chown(&path, Some(SOMEBODY), Some(SOMEBODY))?;
        } else if let Some((name, program)) = item.split_once('=') {
            fs::copy(program, make(name)?)?;
        } else if item.ends_with('/') {
            fs::create_dir_all(make(&item)?)?;
        } else {
            fs::write(make(&item)?, "as it was")?;
        }
    }
    Ok(())
}

/// Everything that an act could change about a tree.
type Snapshot = BTreeMap<PathBuf, (u32, u32, u64, i64, Option<Vec<u8>>)>;

fn snapshot(folder: &Path) -> Result<Snapshot> {
    let mut all = Snapshot::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let metadata = fs::symlink_metadata(&path)?;
        let content = if metadata.is_file() { Some(fs::read(&path)?) } else { None };
        if metadata.is_dir() {
            all.append(&mut snapshot(&path)?);
        }
        all.insert(path, (metadata.mode(), metadata.uid(), metadata.nlink(), metadata.mtime(), content));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{Tried, judge};
    use crate::suite::row::refused;

    #[test]
    fn a_refusal_without_its_receipt_is_no_pass() {
        let row = refused("", "", "", "read @/a", ("file.read", "@/a"));
        let tried = |control: &str, governed: &str| Tried {
            control: control.to_owned(),
            governed: governed.to_owned(),
            receipts: Vec::new(),
            changed: false,
        };
        let why = |tried: &Tried| judge(&row, str::to_owned, tried).unwrap_err().to_string();
        assert!(why(&tried("ENOENT", "EACCES")).starts_with("ungoverned"));
        assert!(why(&tried("ok", "ok")).starts_with("governed"));
        assert!(why(&tried("ok", "EACCES")).starts_with("no receipt"));
    }
}
