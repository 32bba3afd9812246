//! `gov`: for people.

fn main() {}
