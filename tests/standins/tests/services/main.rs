//! The core and the media services as programs, from outside.

mod core;
mod livekit;
mod program;
mod workers;
