//! Eigenvalues and eigenvectors of symmetric matrices in memory, in f64.
//!
//! One thread each, so that the bits do not depend on how many there are. Cost: about 10 n³ operations for n rows;
//! memory: twice the matrix.

use crate::error::{Problem, Result};
use crate::task::Task;
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, MatRef, Par};
use std::sync::mpsc;
use std::time::Duration;

/// [`eigen`] on a thread of its own, because a decomposition cannot be interrupted: a cancelled task returns at once
/// and leaves that thread to finish (seconds at most) and drop what it found.
pub(super) fn eigen_apart(matrix: Mat<f64>, task: &Task) -> Result<(Vec<f64>, Mat<f64>)> {
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("saescope-eigen".into())
        .spawn(move || sender.send(eigen(matrix.as_ref())))
        .map_err(|e| Problem::new(format!("cannot start a thread: {e}")).hint("closing other programs").usage())?;
    loop {
        task.check()?;
        match receiver.recv_timeout(Duration::from_millis(10)) {
            Ok(found) => return found,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Problem::new("the decomposition of a matrix failed").hint("fewer components").input());
            }
        }
    }
}

/// All eigenvalues of a symmetric matrix, ascending, and their vectors as columns.
///
/// # Errors
/// If the iteration does not converge, as where an entry is not finite.
pub(super) fn eigen(matrix: MatRef<f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let width = matrix.nrows();
    let mut values = Diag::zeros(width);
    let mut vectors = Mat::zeros(width, width);
    let scratch = self_adjoint_evd_scratch::<f64>(width, ComputeEigenvectors::Yes, Par::Seq, faer::prelude::default());
    self_adjoint_evd(
        matrix,
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        faer::prelude::default(),
    )
    .map_err(|error| {
        Problem::new(format!("the eigenvalues of a matrix did not converge: {error:?}"))
            .shape(&[width, width])
            .hint("leaving out rows of extreme size")
            .input()
    })?;
    Ok((values.column_vector().iter().copied().collect(), vectors))
}
