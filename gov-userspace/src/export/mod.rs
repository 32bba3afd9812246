//! A session's evidence in the forms of others, for tools that do not know gov. What is signed here is signed by the
//! host's key, and only of a log that holds.

pub mod aps;
pub mod dsse;
pub mod in_toto;
pub mod ocsf;
pub mod otlp;
