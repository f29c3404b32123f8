//! The saescope binary: parse, dispatch, exit code.

fn main() {}
