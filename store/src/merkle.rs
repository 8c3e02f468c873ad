//! The Merkle tree of the log, kept where the API finds it too.

pub use reef_commands::merkle::*;
