//! A file of numbers, made by hand.

/// An npy file of `rows` rows of these values.
pub(crate) fn npy(values: &[f32], rows: usize) -> Vec<u8> {
    let literal = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {}), }}\n", values.len() / rows);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((literal.len() as u16).to_le_bytes());
    bytes.extend(literal.as_bytes());
    bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}
