//! The rows, by what they try.

mod budgets;
mod execution;
mod files;
mod ground;
mod kernel;
mod limits;
mod neighbours;
mod network;
mod stacked;
mod tree;

use super::row::Row;

/// Rows of one theme.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The theme.
    pub title: &'static str,
    /// Its rows.
    pub rows: &'static [Row],
}

/// Every table, in the order in which they run.
pub const TABLES: [Table; 10] = [
    Table { title: "Opening files", rows: files::ROWS },
    Table { title: "Changing the tree", rows: tree::ROWS },
    Table { title: "Stacked file systems", rows: stacked::ROWS },
    Table { title: "Executing", rows: execution::ROWS },
    Table { title: "The network", rows: network::ROWS },
    Table { title: "The ground that enforcement stands on", rows: ground::ROWS },
    Table { title: "The kernel's services", rows: kernel::ROWS },
    Table { title: "Other processes", rows: neighbours::ROWS },
    Table { title: "Budgets", rows: budgets::ROWS },
    Table { title: "Known limits", rows: limits::ROWS },
];

/// Rows that hold of the kernel alone, with no daemon beside it.
pub const ALONE: &[Row] = budgets::ALONE;

/// Every row, in the order in which they run.
pub fn all() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().flat_map(|table| table.rows)
}
