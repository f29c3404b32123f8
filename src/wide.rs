//! Loops compiled for the widest vectors the processor has, chosen when the program runs, and sums that such loops keep
//! equal to the bit.

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

/// The widest vectors that [`wide`] compiles for and this processor has.
pub(crate) fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        use pulp::x86::{V3, V4};
        if V4::is_available() {
            "AVX-512"
        } else if V3::is_available() {
            "AVX2"
        } else {
            "SSE2"
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        "NEON"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "none"
    }
}

/// Sum of `term` over the pairs of two rows, in `LANES` running sums that are added by halves at the end: an order fixed
/// by the length alone, so that the bits are the same on any processor. Several registers of lanes hide the latency of an
/// addition.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
pub(crate) fn lane_sum<const LANES: usize, T: Copy>(a: &[T], b: &[T], term: impl Fn(T, T) -> f64) -> f64 {
    let (a, a_tail) = a.as_chunks::<LANES>();
    let (b, b_tail) = b.as_chunks::<LANES>();
    let mut sums = [0.0f64; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in a_tail.iter().zip(b_tail).enumerate() {
        sums[lane] += term(a, b);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

/// The whole part of 0 ≤ `x` < 2²³. A cast would do, but what it does to other numbers keeps a loop from becoming
/// vector instructions.
#[inline]
pub(crate) fn whole(x: f32) -> u32 {
    const SHIFT: f32 = (1u32 << 23) as f32;
    (x.floor() + SHIFT).to_bits() & 0x7f_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_in_lanes_is_the_sum_whatever_the_vectors() {
        for len in [0, 1, 15, 16, 17, 48, 100] {
            let a: Vec<f64> = (0..len).map(|i| (f64::from(i) * 0.7).sin()).collect();
            let b: Vec<f64> = (0..len).map(|i| (f64::from(i) * 1.3).cos()).collect();
            let term = |x: f64, y: f64| (x - y) * (x - y);
            let plain: f64 = a.iter().zip(&b).map(|(&x, &y)| term(x, y)).sum();
            let sum = lane_sum::<16, _>(&a, &b, term);
            assert!((sum - plain).abs() < 1e-12, "{len}");
            let vectors = wide(
                #[inline(always)]
                || lane_sum::<16, _>(&a, &b, term),
            );
            assert_eq!(sum.to_bits(), vectors.to_bits());
        }
    }
}
