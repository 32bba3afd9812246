//! The tree of the paths that the session changed, each with what stands there at the end.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Told, part, rest};
use crate::audit::{FileChange, counted, grouped};
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
    part("files", "Files changed", &counted(all), &content)
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
            span.mark { (file.change.name()) (state(file)) (owner(file)) }
            @if !file.changed_by_others.is_empty() { " " span.warn { (shown(&file.by_others())) } }
            @if let Some(digest) = &file.sha256 { br; span.mark { "sha256 " (shown(digest)) } }
            @if !file.receipts.is_empty() { br; span.mark { (receipts(file)) } }
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

fn owner(file: &FileChange) -> String {
    match (&file.mode, file.uid, file.gid) {
        (Some(mode), Some(uid), Some(gid)) => format!(", mode {}, user {uid}, group {gid}", shown(mode)),
        _unknown => String::new(),
    }
}

/// The numbers of the receipts: of more than there are here, where the others are left out.
fn receipts(file: &FileChange) -> String {
    let mut numbers: Vec<String> = file.receipts.iter().map(u64::to_string).collect();
    let named = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
    if file.touched > named {
        let more = format!("{} more", grouped(file.touched.saturating_sub(named)));
        numbers.insert(numbers.len().saturating_sub(1), more);
    }
    format!("receipts {}", numbers.join(", "))
}
