//! The suite that runs inside a virtual machine, as root: each row first shows that an act succeeds ungoverned,
//! then that it is refused (or granted) under a delegation, with the errno and the receipt that say so.

pub mod row;
pub mod rows;
pub mod scenes;
pub mod try_row;
