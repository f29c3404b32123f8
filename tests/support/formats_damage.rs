//! Thousands of small damages to valid files: none may make a reader panic.

use super::files::{npy, npz, read, safetensors};
use super::{decoder, four, threshold, v6, with};
use saescope::container::safetensors::SafeTensors;
use saescope::container::{Bytes, Dtype, npy as npy_container, npz::Npz, text};
use saescope::sae::activations::write_csr;
use saescope::sae::open::open_bytes;
use saescope::sae::{Activations, Labels, OpenOptions, Sparse, Tokens};
use saescope::task::Task;
use std::path::Path;

/// A small generator, so that the mutations are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}

/// Calls `parse` on thousands of damaged versions of a valid file.
fn mutate(valid: &[u8], rounds: usize, parse: impl Fn(Vec<u8>)) {
    const NASTY: &[u8] = &[0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b'{', b'}', b'"', b'-', b','];
    parse(valid.to_vec());
    for cut in 0..valid.len().min(2000) {
        parse(valid[..cut].to_vec());
    }
    let mut random = Random(valid.len() as u64);
    for _ in 0..rounds {
        let mut bytes = valid.to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(5) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = NASTY[random.below(NASTY.len())],
                2 => bytes.insert(at, NASTY[random.below(NASTY.len())]),
                3 if bytes.len() > 1 => {
                    bytes.remove(at);
                }
                _ => {
                    let to = random.below(bytes.len());
                    let n = random.below(8).min(bytes.len() - at.max(to));
                    bytes.copy_within(at..at + n, to);
                }
            }
        }
        parse(bytes);
    }
}

#[test]
fn no_damage_makes_a_reader_panic() {
    let path = Path::new("mutated");
    let use_up = |tensor: &saescope::container::Tensor| {
        tensor.to_f32();
        if let Ok(matrix) = tensor.matrix() {
            read(&matrix);
            read(&matrix.transposed());
        }
    };
    mutate(&safetensors(&with(&[threshold()]), Dtype::F16), 4000, |bytes| {
        let bytes = Bytes::from(bytes);
        if let Ok(file) = SafeTensors::from_bytes(&bytes, path) {
            file.tensors().iter().for_each(use_up);
        }
        for config in [v6("jumprelu").to_string(), "{}".into()] {
            let _ = open_bytes("mutated", &bytes, &config, &OpenOptions::default());
        }
    });
    for fortran in [false, true] {
        mutate(&npy(&decoder(), Dtype::F32, fortran), 4000, |bytes| {
            let bytes = Bytes::from(bytes);
            if let Ok(tensor) = npy_container::from_bytes(&bytes, "w", path) {
                use_up(&tensor);
            }
            let _ = npy_container::text(&bytes, "w", path);
        });
    }
    for deflated in [false, true] {
        mutate(&npz(&four(), Dtype::F32, deflated), 4000, |bytes| {
            let Ok(npz) = Npz::from_bytes(Bytes::from(bytes), path) else { return };
            for name in npz.names() {
                let _ = npz.header(name);
                if let Ok(tensor) = npz.tensor(name) {
                    use_up(&tensor);
                }
            }
        });
    }
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gz, &b"{\"index\": \"1\"}\nsecond\n".repeat(20)).unwrap();
    for valid in [gz.finish().unwrap(), b"a,b\n\"1\n\",2\n".repeat(9)] {
        mutate(&valid, 2000, |bytes| {
            let bytes = Bytes::from(bytes);
            text::Lines::from_bytes(bytes.clone(), path).for_each(drop);
            if let Ok(table) = text::Table::from_bytes(bytes, path) {
                table.for_each(drop);
            }
        });
    }
    let task = Task::new(1).unwrap();
    let line = r#"{"index":"1","description":"a \ud83d\ude42","layer":"s","vector":[0.5,[]]}"#;
    for valid in [
        format!("{line}\n{line}\n"),
        format!("[{line}, null, [\"b\"]]"),
        format!("{{\"3\": \"c\", \"all\": [{line}]}}"),
    ] {
        mutate(valid.as_bytes(), 2000, |bytes| drop(Labels::from_bytes(&bytes.into(), path, 9, &task)));
    }
    let line = r#"{"tokens":["a","b"],"doc_ids":[1,"x"],"positions":[0,1],"labels":["u","v"]}"#;
    for valid in [format!("{line}\n{line}\n"), "row,text,label,end\n0,one two,two,7\n".to_string()] {
        mutate(valid.as_bytes(), 2000, |bytes| drop(Tokens::from_bytes(&bytes.into(), path, Some(4), &task)));
    }
    let sparse = Sparse::from_triplets(3, 4, &[(0, 1, 1.0), (2, 3, -2.0), (1, 0, 0.5)]).unwrap().0;
    let mut archive = std::io::Cursor::new(Vec::new());
    write_csr(&sparse, None, Some("{}"), &mut archive).unwrap();
    mutate(archive.get_ref(), 4000, |bytes| drop(Activations::from_bytes(bytes.into(), path, Some(4), &task)));
    let config = v6("topk").to_string();
    let weights = Bytes::from(safetensors(&with(&[threshold()]), Dtype::F32));
    mutate(config.as_bytes(), 2000, |bytes| {
        if let Ok(config) = String::from_utf8(bytes) {
            let _ = open_bytes("mutated", &weights, &config, &OpenOptions::default());
        }
    });
}
