//! Cut off at any byte, it does nothing.
