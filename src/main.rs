//! The saescope binary: parse, dispatch, exit code.

fn main() -> std::process::ExitCode {
    saescope::cli::run()
}
