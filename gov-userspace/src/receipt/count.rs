//! Numbers in receipts.

use serde::{Serialize, Serializer};

use crate::canonical::MAX_INTEGER;

/// A number of things. Above 2^53 - 1 it is written as decimal text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 > MAX_INTEGER { serializer.collect_str(&self.0) } else { serializer.serialize_u64(self.0) }
    }
}
