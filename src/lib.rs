//! streamhub-install turns a fresh Ubuntu server into a StreamHub node.
//!
//! One idea carries it: a host is described as an ordered list of resources; each can be probed
//! without changing it, and applied. An install makes the plan empty, `--dry-run` prints it, `status`
//! is the plan with an exit code. Joining is no resource: it is a question to the origin, whose answer
//! decides what is wanted, and so a role has two halves, [`roles::edge::prepare`] and
//! [`roles::edge::serve`]; an origin needs no answer, and [`roles::origin::wanted`] is all of it. Start reading there,
//! then in [`commands::install`]. `update` and `rotate` are installs that ask for a little more; `uninstall` is the
//! receipt in reverse.
//!
//! Imports run one way: commands → preflight, doctor → check, plan, register, verify → roles → settings → resource →
//! cli, receipt, env_file, render, origin_api, redis_probe, unhealthy, engine, livekit, apt, beat → exec, host, http → ui,
//! signals → fault, secret. Only [`exec`] spawns, only [`ui`] prints, only [`host`] writes.

#![forbid(unsafe_code)]

pub mod apt;
pub mod beat;
pub mod check;
pub mod cli;
pub mod commands;
pub mod doctor;
pub mod engine;
pub mod env_file;
pub mod exec;
pub mod fault;
pub mod host;
pub mod http;
pub mod livekit;
pub mod origin_api;
pub mod plan;
pub mod preflight;
pub mod receipt;
pub mod redis_probe;
pub mod register;
pub mod render;
pub mod resource;
pub mod roles;
pub mod secret;
pub mod settings;
pub mod signals;
pub mod ui;
pub mod unhealthy;
pub mod verify;
