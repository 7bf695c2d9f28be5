//! Waiting for what cannot say that it has happened.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Looks again and again, first often and then every 20 ms; whether it came true in time.
pub fn until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    true
}
