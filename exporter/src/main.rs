//! parshall.
fn main() {}
