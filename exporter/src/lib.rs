//! parshall
