//! The tree of the paths that the session changed, each with what stands there at the end.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Told, part, rest};
use crate::audit::{Change, FileChange, grouped};
use crate::cli::shown::shown;

/// Folders within folders; what lies deeper stands in one line. The kernel grants no path that is deeper.
const DEEPEST: usize = 64;

/// The names at one level of the tree.
#[derive(Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    files: BTreeMap<&'a str, &'a FileChange>,
}

/// The part of the page.
pub(super) fn files(told: &Told<'_>) -> Markup {
    let all = &told.audit.files;
    let mut root = Folder::default();
    for file in all.iter().take(told.most()) {
        root.add(file);
    }
    let content = html! {
        @if all.is_empty() { p { "None." } } @else { ul.tree { (root.show("/")) } }
        (rest(all.len(), told.most()))
        @match told.audit.temporary {
            0 => {}
            some => p.quiet { (grouped(some)) " made and removed again" }
        }
    };
    let count = |change| all.iter().filter(|file| file.change == change).count();
    let counts = [Change::Created, Change::Changed, Change::Deleted]
        .map(|change| format!("{} {}", count(change), change.name()))
        .join(", ");
    part("files", "Files changed", &counts, &content)
}

impl<'a> Folder<'a> {
    fn add(&mut self, file: &'a FileChange) {
        let path = file.path.strip_prefix('/').unwrap_or(&file.path);
        let mut names: Vec<&str> = path.splitn(DEEPEST, '/').collect();
        let last = names.pop().unwrap_or_default();
        names
            .into_iter()
            .fold(self, |folder, name| folder.folders.entry(name).or_default())
            .files
            .insert(last, file);
    }

    /// A folder's line and what it holds. A folder that holds but one other stands on its line.
    fn show(&self, name: &str) -> Markup {
        if self.files.is_empty()
            && let Some((inner, folder)) = self.folders.first_key_value()
            && self.folders.len() == 1
        {
            return folder.show(&format!("{name}{inner}/"));
        }
        html! {
            li {
                details open {
                    summary { (shown(name)) }
                    ul {
                        @for (name, folder) in &self.folders { (folder.show(&format!("{name}/"))) }
                        @for (name, file) in &self.files { (line(name, file)) }
                    }
                }
            }
        }
    }
}

fn line(name: &str, file: &FileChange) -> Markup {
    html! {
        li class=(file.change.name()) {
            bdi { (shown(name)) } " "
            span.mark { (file.change.name()) (state(file)) }
            @if let Some(digest) = &file.sha256 { br; span.mark { "sha256 " (shown(digest)) } }
        }
    }
}

fn state(file: &FileChange) -> String {
    match (file.size, file.state.as_deref()) {
        (Some(size), _) => format!(", {} bytes", grouped(size)),
        (None, Some("symlink")) => ", a symbolic link (of its target)".to_owned(),
        (None, Some("directory")) => ", a directory".to_owned(),
        (None, Some("unhashed")) => {
            format!(", not hashed: {}", shown(file.why.as_deref().unwrap_or_default()))
        }
        _gone => String::new(),
    }
}
