//! Small damages to valid files, the same in every run.

/// A small generator (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// Numbers that sizes, offsets and counts do not survive.
const HUGE: &[u64] =
    &[0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 32, 1 << 62, u64::MAX >> 1, u64::MAX];

/// Bytes that mean something to one format or another.
const NASTY: &[u8] = &[0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b'{', b'}', b'[', b'"', b'\\', b'-', b',', b'\n', b'.'];

/// `valid` with one to four damages.
pub(crate) fn mutant(valid: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let here = bytes.len() - at;
        match random.below(9) {
            _ if bytes.is_empty() => bytes.push(NASTY[random.below(NASTY.len())]),
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = NASTY[random.below(NASTY.len())],
            3 => {
                let width = [1, 2, 4, 8][random.below(4)].min(here);
                let huge = HUGE[random.below(HUGE.len())].wrapping_sub(random.below(2) as u64);
                bytes[at..at + width].copy_from_slice(&huge.to_le_bytes()[..width]);
            }
            4 => bytes.truncate(at),
            5 => {
                let n = random.below(64).min(here);
                bytes[at..at + n].fill(0);
            }
            6 => {
                // A block of the file once more, over another or between.
                let (from, n) = (random.below(bytes.len()), 1 + random.below(64));
                let block = bytes[from..(from + n).min(bytes.len())].to_vec();
                let end = if random.below(2) == 0 { at } else { (at + block.len()).min(bytes.len()) };
                bytes.splice(at..end, block);
            }
            7 => bytes.insert(at, NASTY[random.below(NASTY.len())]),
            _ => {
                let n = random.below(8).min(here);
                bytes.drain(at..at + n);
            }
        }
    }
    bytes
}
