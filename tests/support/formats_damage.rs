//! Thousands of small damages to the weights and the configuration of a dictionary: none may make opening it panic.

use super::files::{npz, safetensors};
use super::mutants::{Random, mutant};
use super::{four, threshold, v6, with};
use saescope::container::{Bytes, Dtype};
use saescope::sae::OpenOptions;
use saescope::sae::open::open_bytes;

/// Calls `parse` on a valid file, on all its beginnings and on thousands of damaged versions.
fn mutate(valid: &[u8], rounds: usize, parse: impl Fn(Vec<u8>)) {
    parse(valid.to_vec());
    for cut in 0..valid.len().min(2000) {
        parse(valid[..cut].to_vec());
    }
    let mut random = Random(valid.len() as u64);
    for _ in 0..rounds {
        parse(mutant(valid, &mut random));
    }
}

#[test]
fn no_damage_makes_a_dictionary_panic() {
    let open = |bytes: &Bytes, config: &str| drop(open_bytes("mutated", bytes, config, &OpenOptions::default()));
    mutate(&safetensors(&with(&[threshold()]), Dtype::F16), 4000, |bytes| {
        let bytes = Bytes::from(bytes);
        for config in [v6("jumprelu").to_string(), "{}".into()] {
            open(&bytes, &config);
        }
    });
    for deflated in [false, true] {
        mutate(&npz(&four(), Dtype::F32, deflated), 2000, |bytes| open(&bytes.into(), "{}"));
    }
    let config = v6("topk").to_string();
    let weights = Bytes::from(safetensors(&with(&[threshold()]), Dtype::F32));
    mutate(config.as_bytes(), 2000, |bytes| {
        if let Ok(config) = String::from_utf8(bytes) {
            open(&weights, &config);
        }
    });
}
