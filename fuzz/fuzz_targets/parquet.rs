#![no_main]

#[path = "../../tests/support/everything.rs"]
#[allow(dead_code, reason = "shared by all targets")]
mod everything;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    everything::parquet(&bytes.to_vec().into());
});
