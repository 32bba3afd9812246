//! The daemon: loads the kernel's side, serves the control socket, records every session, and stops in order.
//!
//! The engine, one thread, owns the kernel and the sessions; the socket's tasks ask it over a bounded way.

mod answers;
mod authority;
mod begin;
mod close;
mod core;
mod cutoff;
mod enforcement;
mod engine;
mod gauges;
mod ground;
mod inherit;
mod interference;
mod lock;
mod looking;
mod nesting;
mod notify;
mod own;
mod questions;
mod recovery;
mod rotate;
mod records;
mod run;
mod socket;
mod start;
mod sums;
mod temporary;
mod turns;
mod watch;

pub use begin::{DaemonError, Leftovers};
pub use enforcement::Words;
pub use rotate::rotate_alone as rotate_log_key_alone;
pub use run::{check, serve};

#[cfg(test)]
mod tests;
