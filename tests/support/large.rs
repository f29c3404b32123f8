//! The file of a dictionary of ordinary size.

/// How the screen tells its shape.
pub(crate) const SHAPE: &str = "24,576 features × 768";

/// 24,576 features of 768 numbers, in a folder that is gone when it is dropped.
pub(crate) fn large() -> (tempfile::TempDir, String) {
    const ROWS: usize = 24_576;
    const WIDTH: usize = 768;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.npy");
    let head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, {WIDTH}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((head.len() as u16).to_le_bytes());
    bytes.extend(head.as_bytes());
    let some: Vec<u8> =
        (0..=WIDTH * 64).flat_map(|i| (((i * 7919) % 1013) as f32 / 1013.0 - 0.5).to_le_bytes()).collect();
    let end = bytes.len() + ROWS * WIDTH * 4;
    while bytes.len() < end {
        bytes.extend_from_slice(&some[..some.len().min(end - bytes.len())]);
    }
    std::fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap().to_string();
    (folder, path)
}
