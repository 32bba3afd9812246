//! Modules stand from the ground up: each uses only those that its crate's lib.rs lists above it.
//!
//! A comment `// values` or `// edges` begins a section: values name neither tokio nor aya nor files, and of the
//! edges only `kernel` names aya. Tests are free of all this.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::rust_files;

/// What values do without.
const OUTSIDE: [&str; 7] =
    ["tokio", "aya", "std::fs", "std::process", "rustix::fs", "rustix::net", "rustix::process"];
/// The one module that may name aya.
const KERNEL: &str = "kernel";

/// The uses in a crate's source folder that break the order.
pub fn findings(folder: &Path) -> Result<Vec<String>> {
    let order = Order::parse(&fs::read_to_string(folder.join("lib.rs"))?);
    let mut findings = Vec::new();
    for path in rust_files(folder)? {
        let inside = path.strip_prefix(folder)?.with_extension("");
        let mut names: Vec<String> = inside
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| name != "mod")
            .collect();
        if names.last().is_some_and(|name| name == "tests")
            || !names.first().is_some_and(|name| order.knows(name))
        {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let module = names.remove(0);
        let broken = order
            .broken(&module, names.len(), &text)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        findings.extend(broken.into_iter().map(|what| format!("{}:{what}", path.display())));
    }
    Ok(findings)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Values,
    Edges,
    Other,
}

/// A crate's modules from the ground up.
struct Order(Vec<(String, Section)>);

impl Order {
    fn parse(lib: &str) -> Self {
        let mut section = Section::Other;
        let mut modules = Vec::new();
        for line in lib.lines() {
            if let Some(comment) = line.strip_prefix("// ") {
                section = match comment.split(':').next() {
                    Some("values") => Section::Values,
                    Some("edges") => Section::Edges,
                    Some("top") => Section::Other,
                    _ => section,
                };
            }
            let declared = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "));
            if let Some(name) = declared.and_then(|rest| rest.strip_suffix(';')) {
                modules.push((name.to_owned(), section));
            }
        }
        Self(modules)
    }

    fn place(&self, module: &str) -> Option<usize> {
        self.0.iter().position(|(name, _)| name == module)
    }

    fn knows(&self, module: &str) -> bool {
        self.place(module).is_some()
    }

    /// What a file `depth` levels below a module uses although it may not, as `LINE: sentence`.
    fn broken(&self, module: &str, depth: usize, text: &str) -> Result<Vec<String>> {
        let place = self.place(module).context("not a module of the crate")?;
        let mut paths = Vec::new();
        let tokens = TokenStream::from_str(text).map_err(|error| anyhow!("{error}"))?;
        collect(tokens, depth, &mut paths);

        let mut broken = Vec::new();
        for path in paths {
            match path.root {
                Root::Crate => {
                    if self.place(&path.name).is_some_and(|used| used > place) {
                        let used = &path.name;
                        broken
                            .push(format!("{}: `{module}` uses `{used}`, which stands below it", path.line));
                    }
                }
                Root::Outside if self.is_kept_from(place, &path.name) => {
                    broken.push(format!("{}: `{module}` may not use `{}`", path.line, path.name));
                }
                Root::Outside => {}
            }
        }
        Ok(broken)
    }

    fn is_kept_from(&self, place: usize, name: &str) -> bool {
        match self.0.get(place) {
            Some((_, Section::Values)) => OUTSIDE.contains(&name),
            Some((module, _)) => name == "aya" && module != KERNEL,
            None => false,
        }
    }
}

enum Root {
    /// The first name behind `crate` or behind enough `super`s.
    Crate,
    /// A crate's name; behind `std` and `rustix` with the module's.
    Outside,
}

struct Named {
    root: Root,
    name: String,
    line: usize,
}

/// Collects the paths that tokens name, inside macros too. `depth` counts the modules around them within the one
/// that lib.rs lists.
fn collect(tokens: TokenStream, depth: usize, found: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) => collect(group.stream(), depth, found),
            TokenTree::Ident(ident) if ident == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(at), tokens.get(at + 1))
                {
                    if name != "tests" {
                        collect(body.stream(), depth + 1, found);
                    }
                    at += 2;
                }
            }
            TokenTree::Ident(ident) => {
                let mut supers = 0;
                while tokens.get(at - 1).is_some_and(|token| is(token, "super")) && is_path(&tokens, at) {
                    supers += 1;
                    at += 3;
                }
                let line = ident.span().start().line;
                if supers > depth {
                    // `at` stands behind the first name, not behind a `super`.
                    first_names(tokens.get(at - 1), line, &Root::Crate, "", found);
                } else if supers == 0 && is_path(&tokens, at) && !follows_path(&tokens, at - 1) {
                    let next = tokens.get(at + 2);
                    match ident.to_string().as_str() {
                        "crate" => first_names(next, line, &Root::Crate, "", found),
                        name @ ("std" | "rustix") => {
                            first_names(next, line, &Root::Outside, &format!("{name}::"), found);
                        }
                        name => found.push(Named { root: Root::Outside, name: name.to_owned(), line }),
                    }
                }
            }
            _ => {}
        }
    }
}

/// The names that a token begins paths with: itself, or each branch of a group.
fn first_names(token: Option<&TokenTree>, line: usize, root: &Root, before: &str, found: &mut Vec<Named>) {
    let mut push = |name: String| {
        let root = match root {
            Root::Crate => Root::Crate,
            Root::Outside => Root::Outside,
        };
        found.push(Named { root, name: format!("{before}{name}"), line });
    };
    match token {
        Some(TokenTree::Ident(name)) => push(name.to_string()),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let mut begins = true;
            for token in group.stream() {
                match token {
                    TokenTree::Ident(name) if begins => {
                        push(name.to_string());
                        begins = false;
                    }
                    TokenTree::Punct(punct) if punct.as_char() == ',' => begins = true,
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn is(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == name)
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

/// Whether `::` stands at this place.
fn is_path(tokens: &[TokenTree], at: usize) -> bool {
    is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1))
}

/// Whether the token at this place goes on with a path.
fn follows_path(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_path(tokens, at - 2)
}

#[cfg(test)]
mod tests;
