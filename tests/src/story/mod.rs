//! The story that `cargo xtask demo` tells: the real gpt-engineer meets a poisoned answer, first ungoverned, then
//! under a delegation. Every sentence that it prints was checked against the program's own report, the receipts
//! and the bytes of a decoy before it was printed.

mod acts;
mod attacker;
mod generator;
mod stage;
mod tell;

pub use stage::Stage;
pub use tell::tell;
