//! The stand-in as a program, for a container image.

fn main() -> std::process::ExitCode {
    standins::media::egress::main()
}
