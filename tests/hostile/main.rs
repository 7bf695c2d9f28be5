//! An origin, or something in its place, that means ill or is broken: the program from outside, on a directory that is
//! treated as its machine, with stub programs and an engine that runs nothing.

#![forbid(unsafe_code)]

mod answers;
mod bounds;
mod certificates;
mod engine;
mod fields;
mod place;
mod tokens;
