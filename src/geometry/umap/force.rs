//! The forces of the layout, for sixteen vertices at a time.
//!
//! UMAP's loss of a pair at distance d is -w log v - (1 - w) log(1 - v) with v = 1 / (1 + a d^(2b)). Its gradient
//! along the difference of the two positions is, for the two terms,
//! attraction 2ab d^(2b-2) / (1 + a d^(2b)) and repulsion -2b / (d² (1 + a d^(2b))); the repulsion's d² is kept off
//! zero by adding 0.001, as umap-learn does. Both need p = (d²)^b, which is 2^(b log2 d²) by two polynomials:
//! relative error below 3e-6 for d² from 1e-12 to 1e12, no branch, so that a loop over lanes becomes vector code.

#![allow(clippy::inline_always, reason = "kernels must become part of the function that is compiled for wide vectors")]

/// Vertices that move side by side.
pub(super) const LANES: usize = 16;

/// Least squared distance: below it the difference itself is too small to carry a force.
const LEAST: f32 = 1e-12;

/// log2 of a positive normal number; absolute error below 4e-7 plus rounding.
#[inline(always)]
fn log2(x: f32) -> f32 {
    // Offset to √½: the mantissa lands in [√½, √2).
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let exponent = (bits as i32) >> 23;
    let t = f32::from_bits((bits & 0x007f_ffff) + 0x3f35_04f3) - 1.0;
    let p = 0.170_636_04_f32;
    let p = p.mul_add(t, -0.272_701_17);
    let p = p.mul_add(t, 0.297_263_3);
    let p = p.mul_add(t, -0.358_961_52);
    let p = p.mul_add(t, 0.480_464_96);
    let p = p.mul_add(t, -0.721_375_9);
    let p = p.mul_add(t, 1.442_699_7);
    p.mul_add(t, exponent as f32)
}

/// 2^y for y within ±126, clamped there; relative error below 3e-6.
#[inline(always)]
fn exp2(y: f32) -> f32 {
    // Adding 1.5 · 2²³ leaves the nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let y = y.clamp(-126.0, 126.0);
    let shifted = y + ROUND;
    let t = y - (shifted - ROUND);
    let p = 0.009_570_f32;
    let p = p.mul_add(t, 0.055_917_86);
    let p = p.mul_add(t, 0.240_247_47);
    let p = p.mul_add(t, 0.693_121_8);
    let p = p.mul_add(t, 0.999_999_3);
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// The curve's parameters as the lanes use them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forces {
    pub(super) a: f32,
    pub(super) b: f32,
}

impl Forces {
    /// Attraction per unit of difference, towards the other end.
    #[inline(always)]
    pub(super) fn attraction(self, d2: f32) -> f32 {
        let d2 = d2.max(LEAST);
        let p = self.a * exp2(self.b * log2(d2));
        2.0 * self.b * p / p.mul_add(d2, d2)
    }
    /// Repulsion per unit of difference, away from the other end.
    #[inline(always)]
    pub(super) fn repulsion(self, d2: f32) -> f32 {
        let p = self.a * exp2(self.b * log2(d2.max(LEAST)));
        2.0 * self.b / ((0.001 + d2) * (1.0 + p))
    }
}
