//! The safetensors container: a JSON header, then raw little-endian tensors; read in place, written as a stream.
//!
//! Layout (the format's own README): `u64` header length, the header `{"name": {"dtype", "shape", "data_offsets"},
//! …, "__metadata__": {…}}`, then the bytes that the offsets count into. The header is parsed here and strictly,
//! because hostile files differ from good ones in what a tolerant parser lets pass: names given twice, offsets that
//! overlap, run backwards or beyond the file, and sizes that overflow are all refused. Tensors of types that cannot
//! be read (the 8-bit floats, complex numbers) are listed and become an error only when they are asked for.
//! Opening costs the header; elements stay mapped.

use super::{Bytes, Dtype, Tensor};
use crate::error::{Problem, Result};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The longest header that is read, as in the reference implementation.
const MAX_HEADER: usize = 100_000_000;

/// More dimensions than any array library allows.
const MAX_DIMENSIONS: usize = 64;

/// A file's tensors, in the order in which they lie in it.
#[derive(Debug, Clone)]
pub struct SafeTensors {
    path: PathBuf,
    tensors: Vec<Tensor>,
    skipped: Vec<Skipped>,
}

/// A tensor of an element type that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// Element type as the file calls it (`F8_E4M3`).
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// What the header says of one tensor.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    #[serde(deserialize_with = "sizes")]
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// A shape, of which no more sizes are kept than show that it has too many.
fn sizes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    struct Sizes;
    impl<'de> Visitor<'de> for Sizes {
        type Value = Vec<usize>;
        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("a list of sizes")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut sizes: A) -> Result<Vec<usize>, A::Error> {
            let mut shape = Vec::new();
            while let Some(size) = sizes.next_element()? {
                if shape.len() <= MAX_DIMENSIONS {
                    shape.push(size);
                }
            }
            Ok(shape)
        }
    }
    deserializer.deserialize_seq(Sizes)
}

#[derive(Debug, Default)]
struct Header(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Header;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a map of tensors")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                let mut seen = std::collections::HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(serde::de::Error::custom(format!("tensor {name} is there twice")));
                    }
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        header.0.push((name, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "F64" => Dtype::F64,
        "F32" => Dtype::F32,
        "F16" => Dtype::F16,
        "BF16" => Dtype::Bf16,
        "I64" => Dtype::I64,
        "I32" => Dtype::I32,
        "I16" => Dtype::I16,
        "I8" => Dtype::I8,
        "U64" => Dtype::U64,
        "U32" => Dtype::U32,
        "U16" => Dtype::U16,
        "U8" => Dtype::U8,
        "BOOL" => Dtype::Bool,
        _ => return None,
    })
}

/// The name of an element type in a header.
pub fn dtype_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F64 => "F64",
        Dtype::F32 => "F32",
        Dtype::F16 => "F16",
        Dtype::Bf16 => "BF16",
        Dtype::I64 => "I64",
        Dtype::I32 => "I32",
        Dtype::I16 => "I16",
        Dtype::I8 => "I8",
        Dtype::U64 => "U64",
        Dtype::U32 => "U32",
        Dtype::U16 => "U16",
        Dtype::U8 => "U8",
        Dtype::Bool => "BOOL",
    }
}

/// Whether bytes begin as a safetensors file does: eight bytes of length, then a JSON object.
pub fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

impl SafeTensors {
    /// The tensors in `bytes`, sharing them; `path` is for messages.
    ///
    /// # Errors
    /// If there is no header, or it is no valid one for a file of that length.
    pub fn from_bytes(bytes: &Bytes, path: &Path) -> Result<Self> {
        let problem = |what: &str| Problem::new(what).path(path);
        let Some((length, _)) = bytes.split_first_chunk::<8>() else {
            return Err(problem(if bytes.is_empty() { "an empty file" } else { "a file of less than 8 bytes" })
                .expected("a safetensors file")
                .input());
        };
        let length = u64::from_le_bytes(*length);
        if length > MAX_HEADER as u64 {
            return Err(problem(&format!("a header of {length} bytes"))
                .expected("a safetensors file, whose header is at most 100 MB")
                .hint("another --format, if it is another kind of file")
                .input());
        }
        let start = 8 + length as usize;
        let header = bytes.get(8..start).ok_or_else(|| {
            problem("the safetensors header is cut short")
                .expected(format!("{start} bytes, but the file has {}", bytes.len()))
                .hint("copying the file again")
                .input()
        })?;
        let Header(mut entries) = serde_json::from_slice(header).map_err(|e| {
            problem(&format!("the safetensors header cannot be read: {e}")).expected("a map of tensors").input()
        })?;
        entries.sort_by(|(a, x), (b, y)| x.data_offsets.cmp(&y.data_offsets).then_with(|| a.cmp(b)));
        let data = bytes.len() - start;
        let (mut tensors, mut skipped, mut reached) = (Vec::new(), Vec::new(), 0);
        for (name, entry) in entries {
            let Entry { dtype: stated, shape, data_offsets: (begin, end) } = entry;
            let problem = |what: &str| problem(what).tensor(&name).shape(&shape).dtype(&stated);
            if shape.len() > MAX_DIMENSIONS {
                return Err(problem("a tensor of too many dimensions")
                    .expected(format!("at most {MAX_DIMENSIONS}"))
                    .input());
            }
            if begin > end {
                return Err(problem("the tensor ends before it begins").input());
            }
            if end > data {
                return Err(problem("the tensor lies beyond the end of the file")
                    .expected(format!("{} bytes, but the file has {}", start.saturating_add(end), bytes.len()))
                    .hint("copying the file again: it may be cut short")
                    .input());
            }
            if begin < reached {
                return Err(problem("the tensor overlaps the one before it").input());
            }
            reached = end;
            let Some(dtype) = dtype(&stated) else {
                skipped.push(Skipped { name, dtype: stated, shape });
                continue;
            };
            let elements = if shape.contains(&0) {
                Some(0)
            } else {
                shape.iter().try_fold(dtype.size(), |n, &len| n.checked_mul(len))
            };
            if elements != Some(end - begin) {
                return Err(problem("the tensor's shape does not match its bytes")
                    .expected(match elements {
                        Some(bytes) => format!("{bytes} bytes, but it has {}", end - begin),
                        None => "a shape that memory can address".into(),
                    })
                    .input());
            }
            let own = bytes.slice(start + begin..start + end).unwrap_or_else(|| Bytes::from_static(&[]));
            tensors.push(Tensor::new(&name, path, dtype, shape, own)?);
        }
        Ok(Self { path: path.to_path_buf(), tensors, skipped })
    }
    /// All tensors that can be read, in file order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }
    /// Tensors whose element type is not read.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
    /// The tensor of that name.
    ///
    /// # Errors
    /// If there is none, or its element type is not read.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        if let Some(tensor) = self.tensors.iter().find(|tensor| tensor.name() == name) {
            return Ok(tensor);
        }
        let problem = |what: &str| Problem::new(what).path(&self.path).tensor(name);
        if let Some(Skipped { dtype, shape, .. }) = self.skipped.iter().find(|skipped| skipped.name == name) {
            return Err(problem("an element type that is not read")
                .shape(shape)
                .dtype(dtype)
                .expected("F64, F32, F16, BF16 or integers")
                .hint("saving it as BF16")
                .input());
        }
        let there: Vec<&str> = self.tensors.iter().take(12).map(Tensor::name).collect();
        Err(problem("no such tensor").expected(format!("one of {}", there.join(", "))).input())
    }
}

/// Name, element type and shape of a tensor to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// The tensor `name` of elements `dtype` in `shape`.
    pub fn new(name: &str, dtype: Dtype, shape: &[usize]) -> Self {
        Self { name: name.into(), dtype, shape: shape.to_vec() }
    }
    /// Bytes of its elements.
    pub fn bytes(&self) -> u64 {
        self.shape.iter().map(|&n| n as u64).product::<u64>() * self.dtype.size() as u64
    }
}

/// Writes a safetensors file as a stream: the header for `specs`, then whatever `body` writes for each of them.
///
/// `body(i, out)` writes the elements of `specs[i]`, row-major and little-endian, and may do so piece by piece.
/// Tensors are laid out in the given order; wider types first keep every one of them aligned, as other readers like.
///
/// # Errors
/// If writing fails, or `body` wrote another number of bytes than the tensor has.
///
/// # Panics
/// Never; names are written as JSON strings whatever they hold.
pub fn write_safetensors<W: Write>(
    out: &mut W,
    specs: &[TensorSpec],
    mut body: impl FnMut(usize, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut header = serde_json::Map::new();
    let mut at = 0u64;
    for spec in specs {
        let end = at + spec.bytes();
        let entry = serde_json::json!({
            "dtype": dtype_name(spec.dtype), "shape": spec.shape, "data_offsets": [at, end],
        });
        header.insert(spec.name.clone(), entry);
        at = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    // Padding keeps the elements aligned to 8 bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    for (index, spec) in specs.iter().enumerate() {
        let mut counted = Counted { out, written: 0 };
        body(index, &mut counted)?;
        if counted.written != spec.bytes() {
            let what = format!("{}: {} bytes were written of {}", spec.name, counted.written, spec.bytes());
            return Err(io::Error::other(what));
        }
    }
    out.flush()
}

struct Counted<'a, W> {
    out: &'a mut W,
    written: u64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.written += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Bytes {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend((0..data).map(|i| i as u8));
        bytes.into()
    }
    fn open(header: &str, data: usize) -> Result<SafeTensors> {
        SafeTensors::from_bytes(&file(header, data), Path::new("w.safetensors"))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let specs = [TensorSpec::new("W", Dtype::F32, &[2, 3]), TensorSpec::new("b \"x\"", Dtype::U8, &[3])];
        let values = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut out = Vec::new();
        write_safetensors(&mut out, &specs, |i, out| match i {
            0 => values.chunks(4).try_for_each(|part| out.write_all(bytemuck::cast_slice(part))),
            _ => out.write_all(&[7, 8, 9]),
        })
        .unwrap();
        assert!(is_safetensors(&out));
        let file = SafeTensors::from_bytes(&out.into(), Path::new("w")).unwrap();
        assert_eq!(file.get("W").unwrap().to_f32(), values);
        assert_eq!(file.get("b \"x\"").unwrap().to_f64(), [7.0, 8.0, 9.0]);
        assert_eq!(file.get("W").unwrap().bytes().as_ptr().align_offset(4), 0);
    }

    #[test]
    fn metadata_are_passed_over() {
        let header = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#;
        assert_eq!(open(header, 2).unwrap().get("a").unwrap().to_f64(), [0.0, 1.0]);
    }

    #[test]
    fn a_body_that_writes_too_little_is_an_error() {
        let specs = [TensorSpec::new("W", Dtype::F32, &[2])];
        let short = write_safetensors(&mut Vec::new(), &specs, |_, out| out.write_all(&[0; 7]));
        assert!(short.unwrap_err().to_string().contains("7 bytes were written of 8"));
    }

    #[test]
    fn each_defect_is_named() {
        let cases = [
            (
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
                "overlaps",
            ),
            (
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
                "twice",
            ),
            (r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, "beyond the end"),
            (r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, "does not match"),
            (r#"{"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,8]}}"#, "does not match"),
            (
                r#"{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]}}"#,
                "does not match",
            ),
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "ends before"),
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}}"#, "beyond the end"),
            (r#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "cannot be read"),
            (r#"{"a":{"dtype":"F32","shape":[2]}}"#, "data_offsets"),
            (r#"["a"]"#, "a map of tensors"),
            (r#"{"a":"#, "cannot be read"),
        ];
        for (header, words) in cases {
            let error = open(header, 8).unwrap_err().to_string();
            assert!(error.contains(words), "{header}: {error}");
        }
        let deep = format!(r#"{{"a":{{"dtype":"F32","shape":[0{}],"data_offsets":[0,0]}}}}"#, ",1".repeat(64));
        assert!(open(&deep, 0).unwrap_err().to_string().contains("too many dimensions"));
        let path = Path::new("w");
        for (bytes, words) in [
            (vec![], "empty file"),
            (vec![1, 2, 3], "less than 8"),
            (vec![255; 16], "at most 100 MB"),
            (vec![200, 0, 0, 0, 0, 0, 0, 0, b'{'], "cut short"),
        ] {
            let error = SafeTensors::from_bytes(&bytes.into(), path).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_type_that_is_not_read_is_an_error_only_when_it_is_used() {
        let header = r#"{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#;
        let file = open(header, 8).unwrap();
        assert_eq!(file.get("b").unwrap().to_f64(), [4.0, 5.0, 6.0, 7.0]);
        assert_eq!(file.skipped().len(), 1);
        let error = file.get("a").unwrap_err().to_string();
        assert!(error.contains("tensor a") && error.contains("F8_E4M3"), "{error}");
        assert!(file.get("c").unwrap_err().to_string().contains("one of b"));
    }
}
