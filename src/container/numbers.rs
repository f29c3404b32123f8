//! Numbers in a row, in memory of their own or where a file has them: one type for both.

use super::Bytes;
use std::ops::Deref;

/// Numbers of one type, read as a slice; cloning those of a mapping copies nothing.
#[derive(Clone)]
pub struct Numbers<T>(Place<T>);

#[derive(Clone)]
enum Place<T> {
    Own(Vec<T>),
    /// Bytes that are aligned for `T` and hold a whole number of them.
    Shared(Bytes),
}

impl<T: bytemuck::Pod> Numbers<T> {
    /// The little-endian numbers that fill `bytes`, where they lie; none if they are not aligned, or the last is cut.
    pub fn of_bytes(bytes: Bytes) -> Option<Self> {
        if bytes.is_empty() {
            // Nothing has no place, so it needs none that is aligned.
            return Some(Vec::new().into());
        }
        bytemuck::try_cast_slice::<u8, T>(&bytes).is_ok().then_some(Self(Place::Shared(bytes)))
    }
    /// Whether they lie in a mapped file or in the program itself, so that holding them costs no heap.
    pub fn is_mapped(&self) -> bool {
        matches!(&self.0, Place::Shared(bytes) if bytes.is_mapped())
    }
    /// The numbers for changing them; those of a file are copied first.
    pub fn to_mut(&mut self) -> &mut Vec<T> {
        if let Place::Shared(_) = self.0 {
            self.0 = Place::Own(self.to_vec());
        }
        match &mut self.0 {
            Place::Own(own) => own,
            Place::Shared(_) => unreachable!("just copied"),
        }
    }
}

impl<T: bytemuck::Pod> Deref for Numbers<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match &self.0 {
            Place::Own(own) => own,
            Place::Shared(bytes) => bytemuck::cast_slice(bytes),
        }
    }
}

impl<T> From<Vec<T>> for Numbers<T> {
    fn from(own: Vec<T>) -> Self {
        Self(Place::Own(own))
    }
}

impl<T> FromIterator<T> for Numbers<T> {
    fn from_iter<I: IntoIterator<Item = T>>(numbers: I) -> Self {
        numbers.into_iter().collect::<Vec<T>>().into()
    }
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T: bytemuck::Pod + PartialEq> PartialEq for Numbers<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: bytemuck::Pod + std::fmt::Debug> std::fmt::Debug for Numbers<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_file_read_as_those_of_a_list() {
        let own: Numbers<u32> = vec![1, 2, 7].into();
        let bytes = Bytes::from(bytemuck::cast_slice(&[1u32, 2, 7]).to_vec());
        // A list of bytes may begin anywhere; what does not begin at a multiple of four is not taken.
        let shared = (0..4).find_map(|shift| {
            let mut moved = vec![0u8; shift];
            moved.extend_from_slice(&bytes);
            let end = moved.len();
            Numbers::<u32>::of_bytes(Bytes::from(moved).slice(shift..end)?)
        });
        let mut shared = shared.expect("one of four places is aligned");
        assert_eq!((own == shared, shared.is_mapped()), (true, false));
        shared.to_mut().push(9);
        assert_eq!(shared[..], [1, 2, 7, 9]);
        assert!(Numbers::<u64>::of_bytes(bytes.clone()).is_none(), "half a number is left over");
        assert!(Numbers::<u32>::of_bytes(Bytes::from_static(&[])).is_some_and(|none| none.is_empty()));
    }
}
