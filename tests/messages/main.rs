//! What the program says when something is wrong, word for word: usage, findings and faults that need no real host.
//! The rest of them are snapshots of the lab.

#![forbid(unsafe_code)]

mod adoption;
mod bundle;
mod changes;
mod connection;
#[path = "../lab/diagnosis.rs"]
mod diagnosis;
mod docker;
mod doctor;
#[path = "../hostile/engine.rs"]
mod engine;
mod node;
mod node_status;
mod nodes;
mod origin;
mod preflight;
mod registering;
mod scene;
mod usage;
