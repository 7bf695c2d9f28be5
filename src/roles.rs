//! The installs, in reading order.

pub mod edge;
mod node;
pub mod origin;
