//! `cargo xtask VERB`: builds, checks, tests and shows gov.

fn main() {}
