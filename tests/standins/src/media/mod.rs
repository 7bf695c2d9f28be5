//! LiveKit's three services, as far as an installer can tell them from the real ones: what they refuse to start
//! with, where they listen, whose tokens they take, how they end. No media passes.

pub mod egress;
pub mod ingress;
pub mod livekit;
mod schema;
mod service;
pub(crate) mod store;
pub mod websocket;

pub use service::signals;
