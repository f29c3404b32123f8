//! The living classes of H1, each as a cocycle: a set of edges that every triangle so far has an even number of.
//!
//! A class touches few points while it is young. Its edges are kept as one row of n bits for each point it touches
//! (bit j of row i: the edge of i and j is in the set), in a pool shared by all classes. Per point, a cell for every
//! 64 classes tells which of them touch it, and leads to their rows.
//!
//! Memory, for c classes living at a time: cn/4 bytes; n/8 (in steps of 64) for each point that a class touches; and
//! 256 for each cell that is not empty. c is seldom more than n, and at worst n²/4, of classes that touch two points
//! each.

/// Words of a block: as many as one vector holds, 512 points.
pub(super) const LANES: usize = 8;

/// Bits of 512 points.
pub(super) type Block = [u64; LANES];

/// The bit of `point` in a row of blocks: block, word and mask.
#[inline]
pub(super) fn place(point: u32) -> (usize, usize, u64) {
    let word = point as usize / 64;
    (word / LANES, word % LANES, 1 << (point % 64))
}

/// The first point of a row.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
pub(super) fn first(row: &[Block]) -> Option<u32> {
    let at = row.as_flattened().iter().position(|word| *word != 0)?;
    Some(at as u32 * 64 + row.as_flattened()[at].trailing_zeros())
}

/// Classes of one cell.
const CELL: usize = 64;

/// Which of 64 classes touch a point.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// A bit each.
    classes: u64,
    /// Where their rows are listed; the empty list 0 if there are none.
    list: u32,
}

/// Classes that live, in slots that the next use again.
pub(super) struct Cocycles {
    n: usize,
    /// Blocks of a row.
    blocks: usize,
    /// `[rows, blocks]`; row 0 stays empty.
    pool: Vec<Block>,
    /// Rows of dead classes.
    spare_rows: Vec<u32>,
    /// Rows of the classes of a cell, 0 for those that do not touch; list 0 stays so.
    lists: Vec<[u32; CELL]>,
    /// Lists that no cell uses; all zero.
    spare_lists: Vec<u32>,
    /// `[n, stride]`.
    cells: Vec<Cell>,
    /// Cells of a point.
    stride: usize,
    /// Number of the edge that bore the class of each slot.
    births: Vec<u32>,
    /// Slots of dead classes.
    spare_slots: Vec<u32>,
}

impl Cocycles {
    pub(super) fn new(n: usize) -> Self {
        let blocks = n.div_ceil(64 * LANES).max(1);
        Self {
            n,
            blocks,
            pool: vec![[0; LANES]; blocks],
            spare_rows: Vec::new(),
            lists: vec![[0; CELL]],
            spare_lists: Vec::new(),
            cells: vec![Cell::default(); n],
            stride: 1,
            births: Vec::new(),
            spare_slots: Vec::new(),
        }
    }
    /// Blocks of a row.
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }
    /// Number of the edge that bore the class in `slot`.
    pub(super) fn birth(&self, slot: u32) -> u32 {
        self.births[slot as usize]
    }
    /// The classes that live, by the number of the edge that bore them.
    pub(super) fn living(mut self) -> Vec<u32> {
        self.spare_slots.sort_unstable_by(|a, b| b.cmp(a));
        for slot in self.spare_slots {
            self.births.swap_remove(slot as usize);
        }
        self.births
    }
    /// A class begins with the edge of number `birth` between `u` and `w`, and that edge alone.
    pub(super) fn bear(&mut self, birth: u32, u: u32, w: u32) {
        let slot = self.spare_slots.pop().unwrap_or_else(|| self.grow());
        self.births[slot as usize] = birth;
        self.flip(slot, u, w);
    }
    fn grow(&mut self) -> u32 {
        let slot = self.births.len();
        self.births.push(0);
        if slot == self.stride * CELL {
            let wide = self.stride * 2;
            let mut cells = vec![Cell::default(); self.n * wide];
            for (new, old) in cells.chunks_exact_mut(wide).zip(self.cells.chunks_exact(self.stride)) {
                new[..self.stride].copy_from_slice(old);
            }
            (self.cells, self.stride) = (cells, wide);
        }
        slot as u32
    }
    /// The class in `slot` dies.
    pub(super) fn bury(&mut self, slot: u32) {
        let (column, bit) = (slot as usize / CELL, slot as usize % CELL);
        for cell in self.cells[column..].iter_mut().step_by(self.stride) {
            if cell.classes >> bit & 1 == 1 {
                cell.classes ^= 1 << bit;
                self.spare_rows.push(std::mem::take(&mut self.lists[cell.list as usize][bit]));
                if cell.classes == 0 {
                    self.spare_lists.push(std::mem::take(&mut cell.list));
                }
            }
        }
        self.spare_slots.push(slot);
    }
    /// Puts the edge of `u` and `w` into the class in `slot`, or takes it out.
    fn flip(&mut self, slot: u32, u: u32, w: u32) {
        for (from, to) in [(u, w), (w, u)] {
            let (block, lane, mask) = place(to);
            let row = self.touch(slot, from as usize);
            self.pool[row * self.blocks + block][lane] ^= mask;
        }
    }
    /// The row of `point`, a new one if it has none.
    fn touch(&mut self, slot: u32, point: usize) -> usize {
        let (column, bit) = (slot as usize / CELL, slot as usize % CELL);
        let cell = &mut self.cells[point * self.stride + column];
        if cell.list == 0 {
            cell.list = self.spare_lists.pop().unwrap_or_else(|| {
                self.lists.push([0; CELL]);
                self.lists.len() as u32 - 1
            });
        }
        let row = &mut self.lists[cell.list as usize][bit];
        if *row == 0 {
            cell.classes |= 1 << bit;
            if let Some(spare) = self.spare_rows.pop() {
                self.pool[spare as usize * self.blocks..][..self.blocks].fill([0; LANES]);
                *row = spare;
            } else {
                *row = (self.pool.len() / self.blocks) as u32;
                self.pool.resize(self.pool.len() + self.blocks, [0; LANES]);
            }
        }
        *row as usize
    }
    /// Adds the cocycle of the class in `from` to that in `into`.
    pub(super) fn add(&mut self, from: u32, into: u32) {
        let (column, bit) = (from as usize / CELL, from as usize % CELL);
        for point in 0..self.n {
            let cell = self.cells[point * self.stride + column];
            if cell.classes >> bit & 1 == 0 {
                continue;
            }
            let row = self.lists[cell.list as usize][bit] as usize;
            let sum = self.touch(into, point);
            for block in 0..self.blocks {
                let term = self.pool[row * self.blocks + block];
                for (sum, term) in self.pool[sum * self.blocks + block].iter_mut().zip(term) {
                    *sum ^= term;
                }
            }
        }
    }
    /// A new edge of `u` and `w` comes with the triangles to `common`, the first of them to `lowest`. It joins every
    /// class that would else have an odd number of edges of the first. Writes to `odd` the slots of the classes that
    /// then have an odd number of edges of another one, and to `thirds`, `blocks` for each, the third points of these.
    #[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
    #[inline(always)]
    pub(super) fn extend(
        &mut self,
        [u, w]: [u32; 2],
        common: &[Block],
        lowest: u32,
        odd: &mut Vec<u32>,
        thirds: &mut Vec<Block>,
    ) {
        let blocks = self.blocks;
        let (block, lane, mask) = place(lowest);
        for column in 0..self.stride {
            let of_u = self.cells[u as usize * self.stride + column];
            let of_w = self.cells[w as usize * self.stride + column];
            let mut classes = of_u.classes | of_w.classes;
            while classes != 0 {
                let bit = classes.trailing_zeros() as usize;
                classes &= classes - 1;
                let a = &self.pool[self.lists[of_u.list as usize][bit] as usize * blocks..][..blocks];
                let b = &self.pool[self.lists[of_w.list as usize][bit] as usize * blocks..][..blocks];
                if parities(a, b, common, 0, |_| ()) {
                    continue;
                }
                let slot = (column * CELL + bit) as u32;
                let joins = (a[block][lane] ^ b[block][lane]) & mask != 0;
                let start = thirds.len();
                if parities(a, b, common, if joins { u64::MAX } else { 0 }, |third| thirds.push(third)) {
                    thirds.truncate(start);
                } else {
                    odd.push(slot);
                }
                if joins {
                    self.flip(slot, u, w);
                }
            }
        }
    }
}

/// Hands over the bits of `a`, `b` and `turn` added, where `common` has one; whether there are none.
#[expect(clippy::inline_always, reason = "compiled for the vector width of its caller")]
#[inline(always)]
fn parities(a: &[Block], b: &[Block], common: &[Block], turn: u64, mut take: impl FnMut(Block)) -> bool {
    let mut some = [0; LANES];
    for ((a, b), common) in a.iter().zip(b).zip(common) {
        let mut odd = [0; LANES];
        for lane in 0..LANES {
            odd[lane] = (a[lane] ^ b[lane] ^ turn) & common[lane];
            some[lane] |= odd[lane];
        }
        take(odd);
    }
    some == [0; LANES]
}
