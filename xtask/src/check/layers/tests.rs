//! Each way to name a module that stands below, and names that only look like one.

use super::Order;

const LIB: &str = "
// values: no tokio, no aya, no files
pub mod money;
pub mod policy;

// edges: each touches one outside thing
pub mod journal;
pub mod kernel;

// top
mod daemon;
";

fn broken(module: &str, depth: usize, text: &str) -> usize {
    Order::parse(LIB).broken(module, depth, text).expect("the fixture is Rust").len()
}

#[test]
fn each_way_to_name_a_module_below_is_found() {
    let ways = [
        "use crate::journal;",
        "use crate::journal::Log;",
        "pub(crate) use crate::journal::{Log, Error};",
        "use crate::{money, journal};",
        "use crate::{money::{Usd, parse}, journal::Log};",
        "fn f() -> crate::journal::Log { loop {} }",
        "fn f() { let _ = crate::journal::open(); }",
        "fn f() { println!(\"{}\", crate::journal::NAME); }",
        "#[derive(Debug)] struct S { log: Option<crate::journal::Log> }",
        "macro_rules! m { () => { $crate::journal::open() } }",
        "use super::journal::Log;",
        "fn f() { super::journal::open(); }",
        "mod inner { use super::super::journal::Log; }",
    ];
    for text in ways {
        assert_eq!(broken("policy", 0, text), 1, "{text}");
    }
    assert_eq!(broken("policy", 1, "use super::super::journal::Log;"), 1);
}

#[test]
fn modules_above_and_the_module_itself_may_be_named() {
    let ways = [
        "use crate::money::Usd;",
        "use crate::policy::Compiled;",
        "use super::money;",
        "mod inner { use super::journal; }",
        "use other::crate_journal::journal;",
        "fn f(journal: u8) -> u8 { journal }",
        "// crate::journal\n",
        "const S: &str = \"crate::journal\";",
    ];
    for text in ways {
        assert_eq!(broken("policy", 0, text), 0, "{text}");
    }
    // A part of the module with the name of another module.
    assert_eq!(broken("policy", 1, "use super::journal;"), 0);
}

#[test]
fn tests_may_use_everything() {
    assert_eq!(broken("policy", 0, "#[cfg(test)] mod tests { use crate::journal; use std::fs; }"), 0);
}

#[test]
fn values_know_nothing_outside_and_only_kernel_knows_aya() {
    for text in [
        "use tokio::time;",
        "use std::fs;",
        "use std::{fmt, fs::File};",
        "use rustix::fs::open;",
        "fn f() { aya::x(); }",
    ] {
        assert_eq!(broken("policy", 0, text), 1, "{text}");
    }
    assert_eq!(
        broken("policy", 0, "use std::fmt; use serde::Serialize; use std::net::IpAddr; use rustix::time;"),
        0
    );
    assert_eq!(broken("journal", 0, "use std::fs; use tokio::fs;"), 0);
    assert_eq!(broken("journal", 0, "use aya::Ebpf;"), 1);
    assert_eq!(broken("kernel", 0, "use aya::Ebpf;"), 0);
    assert_eq!(broken("daemon", 0, "use aya::Ebpf;"), 1);
}
