//! The cache folder: what is dear to make is made once, whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::progress;

/// `$GOV_CACHE`, else `~/.cache/gov`.
pub fn folder() -> Result<PathBuf> {
    let folder = match std::env::var_os("GOV_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::home_dir().context("no home folder: set `GOV_CACHE`")?.join(".cache/gov"),
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    Ok(folder.canonicalize()?)
}

/// The folder `name` in the cache, made by `make` unless it was already made by the same `recipe`.
///
/// `make` fills a scratch folder that takes its name only when it is complete; two makers wait for each other.
pub fn once(name: &str, recipe: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = folder()?;
    let ready = folder.join(name);
    if is_made_by(&ready, recipe) {
        return Ok(ready);
    }
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    if is_made_by(&ready, recipe) {
        return Ok(ready);
    }
    let scratch = folder.join("scratch");
    remove(&scratch)?;
    fs::create_dir(&scratch)?;
    progress::step(name, || make(&scratch))?;
    fs::write(scratch.join("recipe"), recipe)?;
    remove(&ready)?;
    if let Some(parent) = ready.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::rename(&scratch, &ready)?;
    Ok(ready)
}

fn is_made_by(folder: &Path, recipe: &str) -> bool {
    fs::read_to_string(folder.join("recipe")).is_ok_and(|made_by| made_by == recipe)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", folder.display()))
        }
        _ => Ok(()),
    }
}
