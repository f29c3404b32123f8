//! Whether what a kernel must hold can be held at all, asked before it is allocated.

use crate::error::{Problem, Result};

/// Memory of the machine in bytes; where it cannot be asked, 16 GiB.
pub(crate) fn machine() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let told = rustix::system::sysinfo();
        (told.totalram as u64).saturating_mul(u64::from(told.mem_unit))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        16 << 30
    }
}

/// Checks that `each` bytes for each of `k` neighbours of `n` rows are at most half of the machine's memory.
///
/// # Errors
/// If they are more.
pub(super) fn holds_neighbours(n: usize, k: usize, each: usize) -> Result<()> {
    let bytes = n as u128 * k as u128 * each as u128;
    holds(bytes, || format!("{k} neighbours of each of {n} rows"), "fewer neighbours")
}

/// Checks that `bytes` are at most half of the machine's memory.
///
/// # Errors
/// If they are more: names what takes them, and what to try.
pub(super) fn holds(bytes: u128, what: impl Fn() -> String, hint: &str) -> Result<()> {
    let most = machine() / 2;
    if bytes <= u128::from(most) {
        return Ok(());
    }
    let (gigabytes, most) = (bytes as f64 / 1e9, most as f64 / 1e9);
    Err(Problem::new(format!("{} take {gigabytes:.1} GB of memory", what()))
        .expected(format!("at most {most:.1} GB, half of what this machine has"))
        .hint(hint)
        .usage())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_holds_is_refused() {
        holds_neighbours(1000, 15, 24).unwrap();
        let error = holds_neighbours(1 << 31, 1 << 31, 24).unwrap_err().to_string();
        assert!(error.contains("2147483648 neighbours") && error.contains("half"), "{error}");
    }
}
