//! The bootstrap, `install.sh`: in every shell that may be there, with a server of its own over TLS and a stub in the
//! place of the binary. That it brings a real one to a real host is the lab's to show.
//!
//! Needs root: each run has a mount namespace of its own, in which this machine's os-release, its trusted authorities and
//! the directories for temporary files are the test's.

#![forbid(unsafe_code)]

mod arguments;
mod cut;
mod ends;
mod fetching;
mod machine;
mod places;
mod refusals;
mod run;
mod server;
mod stdin;
