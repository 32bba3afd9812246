//! The rows, by what they try.

mod execution;
mod files;
mod ground;
mod network;
mod tree;

use super::row::Row;

/// Every row, in the order in which they run.
pub fn all() -> impl Iterator<Item = &'static Row> {
    [files::ROWS, tree::ROWS, execution::ROWS, network::ROWS, ground::ROWS].into_iter().flatten()
}
