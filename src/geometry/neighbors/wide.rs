//! Loops compiled for the widest vectors the processor has, chosen when the program runs.

use pulp::NullaryFnOnce;

struct Wide<F>(F);

impl<R, F: FnMut() -> R> NullaryFnOnce for Wide<F> {
    type Output = R;
    #[expect(clippy::inline_always, reason = "the point of it: the body must become part of the vectorised caller")]
    #[inline(always)]
    fn call(mut self) -> R {
        (self.0)()
    }
}

/// Runs `work` compiled for AVX-512 or AVX2 where the processor has it.
///
/// The closure must be written `#[inline(always)] || ...`, and so must all functions with loops that it calls: what is
/// not inlined stays compiled for the oldest processor of its kind. It is taken as `FnMut` on purpose. Given to
/// [`pulp::Arch::dispatch`] itself, which takes `FnOnce`, a closure that could be called twice goes through a shim of
/// the compiler's own that is not inlined when the body is large, and silently loses the vectors.
pub(crate) fn wide<R>(work: impl FnMut() -> R) -> R {
    pulp::Arch::new().dispatch(Wide(work))
}
