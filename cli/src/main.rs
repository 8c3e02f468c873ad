//! The reef binary.
fn main() {}
