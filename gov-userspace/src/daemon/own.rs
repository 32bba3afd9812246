//! What the daemon keeps out of every session's scopes: its own files, and the devices below them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use gov_common::rights::Rights;

use super::answers::{code, refusal, refusal_with};
use super::ground::{Ground, credentials};
use crate::config::DEFAULT_FILE;
use crate::control::message::Refusal;
use crate::host::disks::ways_past_paths;
use crate::kernel::pins;
use crate::keystore::USER_FOLDER;
use crate::metrics::Address;
use crate::policy::{HostFacts, Reserved};
use crate::scope::CleanPath;

/// Where the one daemon of a host holds its lock, wherever its socket and state are.
pub(super) const HOST: &str = "/run/gov";
/// Where service managers look for the daemon's unit and what others add to it.
const UNITS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
];
const UNIT_FILES: [&str; 2] = ["govd.service", "govd.service.d"];
/// Where systemd puts what it hands to the daemon alone.
const CREDENTIALS: &str = "/run/credentials/govd.service";
/// A disk's device shows every file on it, whatever their paths.
const DEVICES: &str = "/dev";

/// Everything that scopes may grant.
const ALL: Rights = Rights::READ.with(Rights::WRITE).with(Rights::EXECUTE).with(Rights::CONNECT);
const READ_AND_EXECUTE: Rights = Rights::READ.with(Rights::EXECUTE);

/// What no scope grants to a session with this temporary folder, whose user has this home. One that may delegate on
/// reaches the daemon's socket.
pub(super) fn reserved(
    ground: &Ground,
    may_delegate_on: bool,
    temporary: &Path,
    home: &Path,
    facts: &dyn HostFacts,
) -> Result<Reserved, Refusal> {
    let mut reserved = Reserved::default();
    let past_paths = ways_past_paths(&[&ground.config.state])
        .map_err(|error| refusal(code::FAILED, "the devices that gov's files lie on", &error))?;
    let past_paths = past_paths.into_iter().map(|path| (path, Rights::NONE));
    for (path, leaving) in places(ground, home).into_iter().chain(past_paths) {
        let clean = clean(&path)?;
        reserved
            .keep(&clean, leaving, facts)
            .map_err(|error| refusal(code::FAILED, format!("gov's own `{}`", path.display()), &error))?;
    }
    reserved.set_apart(&clean(Path::new(DEVICES))?);
    if may_delegate_on {
        let socket = &ground.config.socket;
        // Where it is, after every link, as scopes are resolved too.
        let socket = std::fs::canonicalize(socket).unwrap_or_else(|_missing| socket.clone());
        reserved.open(&clean(&socket)?, Rights::CONNECT);
    }
    reserved.open(&clean(&outermost(&ground.folders.temporary, temporary))?, ALL);
    Ok(reserved)
}

/// gov's own places, with what scopes may still grant there.
fn places(ground: &Ground, home: &Path) -> Vec<(PathBuf, Rights)> {
    let config = &ground.config;
    let mut places: Vec<(PathBuf, Rights)> = [
        (config.state.as_path(), Rights::NONE),
        (config.socket.as_path(), Rights::NONE),
        (Path::new(HOST), Rights::NONE),
        (Path::new(CREDENTIALS), Rights::NONE),
        (Path::new(pins::FOLDER), Rights::NONE),
        (config.trust.as_path(), Rights::READ),
        (config.profiles.as_path(), Rights::READ),
        (config.file.as_path(), Rights::READ),
        (Path::new(DEFAULT_FILE).parent().unwrap_or(Path::new("/")), Rights::READ),
    ]
    .map(|(path, leaving)| (path.to_owned(), leaving))
    .into();
    if let Some(Address::Unix(socket)) = &config.metrics {
        places.push((socket.clone(), Rights::NONE));
    }
    places.extend(credentials().map(|folder| (folder, Rights::NONE)));
    // A key that is not there yet is nobody's: its folder is made by whoever makes it.
    let keys = home.join(USER_FOLDER);
    if keys.exists() {
        places.push((keys, Rights::NONE));
    }
    places.extend(std::env::current_exe().ok().map(|program| (program, READ_AND_EXECUTE)));
    for folder in UNITS {
        places.extend(UNIT_FILES.map(|file| (Path::new(folder).join(file), Rights::READ)));
    }
    places
}

/// The folder of the session that lies in no other, where this one's lies.
fn outermost(base: &Path, temporary: &Path) -> PathBuf {
    let first = temporary.strip_prefix(base).ok().and_then(|below| below.components().next());
    match first {
        Some(Component::Normal(name)) => base.join(name),
        _elsewhere => temporary.to_owned(),
    }
}

/// A path as policies name it; one that is relative or not clean is an error of the configuration.
fn clean(path: &Path) -> Result<CleanPath, Refusal> {
    // Components leave out what says nothing: a slash at the end, two of them, a dot.
    let components: PathBuf = path.components().collect();
    CleanPath::new(OsStr::as_bytes(components.as_os_str())).map_err(|error| {
        let what = format!("gov's own `{}`", path.display());
        refusal_with(code::FAILED, what, error, "name it by a clean absolute path in the configuration")
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::outermost;

    #[test]
    fn a_session_within_another_has_the_outer_ones_folder() {
        let base = Path::new("/var/lib/gov/tmp");
        assert_eq!(outermost(base, &base.join("a/b")), base.join("a"));
        assert_eq!(outermost(base, &base.join("a")), base.join("a"));
        assert_eq!(outermost(base, Path::new("/elsewhere/a")), Path::new("/elsewhere/a"));
    }
}
