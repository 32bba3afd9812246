//! gov in user space: the library behind `gov` (for people) and `govd` (the daemon).
//!
//! Modules stand from the ground up; each uses only those above it (`cargo xtask check` holds them to it).

// values: no tokio, no aya, no files
pub mod money;
pub mod clock;
pub mod key;
pub mod event;
pub mod json;
pub mod scope;
pub mod profile;
pub mod delegation;
pub mod policy;
pub mod canonical;
pub mod receipt;
pub mod merkle;
pub mod note;
pub mod rotation;
pub mod lines;
pub mod verify;
pub mod audit;
pub mod export;

// edges: each touches one outside thing
pub mod crash;
pub mod guarded;
pub mod journal;
pub mod accounts;
pub mod trust;
pub mod keystore;
pub mod library;
pub mod kernel;
pub mod host;
pub mod control;
pub mod metrics;
pub mod config;

// top
pub mod session;
pub mod daemon;
pub mod cli;
