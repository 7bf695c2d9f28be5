//! The core of an installed origin as a program, for a container image.

fn main() -> std::process::ExitCode {
    standins::node::main()
}
