//! LiveKit's three services.

use std::io;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// SIGTERM and SIGINT, from now on.
pub fn signals() -> io::Result<Signals> {
    Signals::new([SIGTERM, SIGINT])
}
