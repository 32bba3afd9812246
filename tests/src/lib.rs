//! The harness of the suites that need more than one crate.

pub mod act;
pub mod catalogue;
pub mod direct;
pub mod direct_flood;
pub mod direct_nested;
pub mod direct_races;
pub mod direct_scale;
pub mod direct_cache;
pub mod direct_scenes;
pub mod house;
pub mod opens;
pub mod outside;
pub mod receipts;
pub mod run;
pub mod score;
pub mod suite;
pub mod story;
