//! The media services as programs, from outside.

mod livekit;
mod program;
mod workers;
