//! Stand-ins for what an installer talks to: an origin's core, redis, and LiveKit's three services.
//!
//! They are as strict as the real ones where a mistake of ours would show (validation, order of checks, unknown
//! keys in a configuration, redis passwords), and can be told to misbehave where the network would. Each is a type to
//! start inside a test; five of them are also programs, to be put alone into container images.
//!
//! - [`Origin`]: the cluster API, held to the recorded exchanges in `fixtures/`, with its [`Act`]s of misbehaviour
//! - [`Sink`]: a host that only remembers who called
//! - [`Redis`]: AUTH, PING, SELECT, and the ways in which they fail
//! - [`tls`]: a certificate authority for a test; [`jwt`]: access tokens as LiveKit checks them
//! - [`media`]: livekit-server, ingress and egress
//! - [`node`]: the core as an origin's own container runs it, configured by its environment

pub mod http;
pub mod jwt;
pub mod media;
mod moment;
pub mod node;
mod origin;
mod redis;
mod resp;
mod server;
mod sink;
pub mod tls;
mod yaml;

pub use origin::{Act, Config, Control, Database, Installed, Node, Origin, Rotation, Rule};
pub use redis::{Mode, Redis};
pub use sink::{Seen, Sink};
