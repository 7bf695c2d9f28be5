//! The installs, in reading order.

pub mod edge;
