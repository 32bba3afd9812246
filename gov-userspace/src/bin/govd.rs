//! `govd`: the daemon.

fn main() {}
