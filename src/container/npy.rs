//! NumPy's `.npy`: one array, its header a Python literal, its elements mapped.
//!
//! Versions 1 to 3 of the format (NEP 1 and `numpy/lib/format.py`) with little-endian numbers, in C or Fortran order.
//! Two-byte void elements (`|V2`), which is how NumPy stores the bfloat16 of `ml_dtypes`, are read as bf16. Fixed-width
//! strings (`|S3`, `<U3`) are read by [`text`], because `scipy.sparse.save_npz` names its format in one. Object
//! arrays are pickles and are refused. Reading costs the header alone; no element is copied.

use super::{Bytes, Dtype, Tensor};
use crate::error::{Problem, Result};
use std::path::Path;

/// The first six bytes of every file.
pub const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// A longer header is no array of numbers; NumPy itself stops at 10,000 bytes unless told otherwise.
const MAX_HEADER: usize = 1 << 20;

/// What to do about elements that are not read.
const SAVE_AS: &str = "saving it as '<f4' or '<f2'";

/// More dimensions than NumPy allows.
const MAX_DIMENSIONS: usize = 64;

/// What the elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Numbers.
    Number(Dtype),
    /// Byte strings of a fixed width, padded with zeros.
    Ascii(usize),
    /// UTF-32 strings of a fixed number of characters, padded with zeros.
    Unicode(usize),
    /// Python objects: the array is a pickle, of a length that the header does not tell, and is never read.
    Object,
}

impl Element {
    fn size(self) -> Option<usize> {
        match self {
            Self::Number(dtype) => Some(dtype.size()),
            Self::Ascii(width) => Some(width),
            Self::Unicode(width) => width.checked_mul(4),
            Self::Object => Some(0),
        }
    }
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Element type.
    pub element: Element,
    /// Whether the first index runs fastest.
    pub fortran: bool,
    /// Shape; empty for a single element.
    pub shape: Vec<usize>,
    /// Where the elements begin, in bytes.
    pub data: usize,
}

impl Header {
    /// Bytes of all elements; none if that overflows.
    pub fn data_bytes(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(self.element.size()?, |n, &len| n.checked_mul(len))
    }
}

/// The array in `bytes`, sharing them; `path` is for messages.
///
/// # Errors
/// If the bytes are no array of little-endian numbers that fits them.
pub fn from_bytes(bytes: &Bytes, name: &str, path: &Path) -> Result<Tensor> {
    let header = header(bytes, name, path)?;
    let problem = |what: &str| Problem::new(what).path(path).tensor(name).expected("numbers");
    let dtype = match header.element {
        Element::Number(dtype) => dtype,
        Element::Ascii(_) | Element::Unicode(_) => return Err(problem("an array of strings").input()),
        Element::Object => {
            let what = "an array of Python objects is a pickle and is never opened";
            return Err(problem(what).dtype("|O").hint(SAVE_AS).input());
        }
    };
    let data = bytes.slice(header.data..bytes.len()).unwrap_or_else(|| Bytes::from_static(&[]));
    let build = if header.fortran { Tensor::fortran } else { Tensor::new };
    build(name, path, dtype, header.shape, data)
}

/// The strings of an array of fixed-width strings.
///
/// # Errors
/// If the bytes are no such array, are cut short, or hold no valid text.
pub fn text(bytes: &Bytes, name: &str, path: &Path) -> Result<Vec<String>> {
    let header = header(bytes, name, path)?;
    let problem = |what: &str| Problem::new(what).path(path).tensor(name).expected("an array of strings").input();
    let width = match header.element {
        Element::Ascii(_) | Element::Unicode(_) => header.element.size().unwrap_or_default(),
        Element::Number(_) => return Err(problem("an array of numbers")),
        Element::Object => return Err(problem("an array of Python objects")),
    };
    let data = &bytes[header.data.min(bytes.len())..];
    let all = header.data_bytes().and_then(|n| data.get(..n)).ok_or_else(|| problem("the array does not fit"))?;
    if width == 0 {
        // Elements of no width take no bytes, so the shape could claim any number of them.
        return Ok(Vec::new());
    }
    all.chunks_exact(width)
        .map(|element| {
            if let Element::Unicode(_) = header.element {
                let codes = element.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b));
                return codes.take_while(|&code| code != 0).map(char::from_u32).collect::<Option<String>>();
            }
            let end = element.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
            String::from_utf8(element[..end].to_vec()).ok()
        })
        .map(|text| text.ok_or_else(|| problem("a string that is no valid text")))
        .collect()
}

/// Reads the header at the start of `bytes`, which need not hold the elements.
///
/// # Errors
/// If it is no header of this format, or one of an element type that cannot be read.
pub fn header(bytes: &[u8], name: &str, path: &Path) -> Result<Header> {
    let problem = |what: String| Problem::new(what).path(path).tensor(name);
    if !bytes.starts_with(MAGIC) {
        return Err(problem("not an npy array".into()).expected("the magic bytes \\x93NUMPY").input());
    }
    let short = || problem("the npy header is cut short".into()).hint("copying the file again").input();
    let (length, start) = match bytes.get(6..8).ok_or_else(short)? {
        [1, _] => {
            let b = bytes.get(8..10).ok_or_else(short)?;
            (usize::from(u16::from_le_bytes([b[0], b[1]])), 10)
        }
        [2 | 3, _] => {
            let b = bytes.get(8..12).ok_or_else(short)?;
            (u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize, 12)
        }
        [major, minor] => {
            let what = format!("npy version {major}.{minor}");
            return Err(problem(what).expected("version 1, 2 or 3").input());
        }
        _ => return Err(short()),
    };
    if length > MAX_HEADER {
        return Err(problem(format!("an npy header of {length} bytes")).expected("at most 1 MiB").input());
    }
    let literal = bytes.get(start..start + length).ok_or_else(short)?;
    let literal = std::str::from_utf8(literal).map_err(|_| problem("the npy header is no text".into()).input())?;
    let (descr, fortran, shape) = dictionary(literal).map_err(|what| {
        let expected = "{'descr': '<f4', 'fortran_order': False, 'shape': (rows, columns)}";
        problem(format!("the npy header cannot be read: {what}")).expected(expected).input()
    })?;
    let element = element(&descr).map_err(|(what, hint)| problem(what).dtype(&descr).hint(hint).input())?;
    let header = Header { element, fortran, shape, data: start + length };
    if header.data_bytes().is_none() {
        return Err(problem("the shape is larger than memory can address".into()).shape(&header.shape).input());
    }
    Ok(header)
}

/// The element type of a `descr` such as `<f4`, if it is one of numbers that are read.
pub(super) fn number(descr: &str) -> Option<Dtype> {
    if let Ok(Element::Number(dtype)) = element(descr) { Some(dtype) } else { None }
}

/// The element type of a `descr`, or what is wrong with it and what to do.
fn element(descr: &str) -> Result<Element, (String, &'static str)> {
    let mut chars = descr.chars();
    let order = chars.next().unwrap_or(' ');
    let kind = chars.next().unwrap_or(' ');
    let width: Option<usize> = chars.as_str().parse().ok();
    if order == '>' && !matches!(kind, 'S') && width != Some(1) {
        return Err(("big-endian elements".into(), "array.astype(array.dtype.newbyteorder('<')) before saving"));
    }
    if kind == 'O' {
        return Ok(Element::Object);
    }
    let number = |dtype| Ok(Element::Number(dtype));
    match (order, kind, width) {
        ('<' | '|' | '>', 'i', Some(1)) => number(Dtype::I8),
        ('<' | '|' | '>', 'u', Some(1)) => number(Dtype::U8),
        ('<' | '|' | '>', 'b', Some(1)) => number(Dtype::Bool),
        ('<', 'f', Some(2)) => number(Dtype::F16),
        ('<', 'f', Some(4)) => number(Dtype::F32),
        ('<', 'f', Some(8)) => number(Dtype::F64),
        ('<', 'i', Some(2)) => number(Dtype::I16),
        ('<', 'i', Some(4)) => number(Dtype::I32),
        ('<', 'i', Some(8)) => number(Dtype::I64),
        ('<', 'u', Some(2)) => number(Dtype::U16),
        ('<', 'u', Some(4)) => number(Dtype::U32),
        ('<', 'u', Some(8)) => number(Dtype::U64),
        // bfloat16 of ml_dtypes has no letter of its own and is written as two opaque bytes.
        ('<' | '|', 'V', Some(2)) => number(Dtype::Bf16),
        ('|', 'S', Some(width)) => Ok(Element::Ascii(width)),
        ('<', 'U', Some(width)) => Ok(Element::Unicode(width)),
        _ => Err(("elements of a type that is not read".into(), SAVE_AS)),
    }
}

/// Parses the header's Python dictionary with its three keys, in any order.
fn dictionary(literal: &str) -> Result<(String, bool, Vec<usize>), &'static str> {
    let mut rest = Literal(literal.trim_end_matches(['\n', ' ', '\0']));
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    rest.expect('{')?;
    while !rest.accept('}') {
        let key = rest.string()?;
        rest.expect(':')?;
        let repeated = match key.as_str() {
            "descr" if rest.peek() == Some('[') => return Err("it has records with several fields"),
            "descr" => descr.replace(rest.string()?).is_some(),
            "fortran_order" => fortran.replace(rest.boolean()?).is_some(),
            "shape" => shape.replace(rest.tuple()?).is_some(),
            _ => return Err("it has an unknown key"),
        };
        if repeated {
            return Err("it has a key twice");
        }
        if !rest.accept(',') {
            rest.expect('}')?;
            break;
        }
    }
    if rest.peek().is_some() {
        return Err("something follows the dictionary");
    }
    Ok((descr.ok_or("descr is missing")?, fortran.ok_or("fortran_order is missing")?, shape.ok_or("shape is missing")?))
}

/// What is left of a Python literal.
struct Literal<'a>(&'a str);

impl Literal<'_> {
    fn peek(&mut self) -> Option<char> {
        self.0 = self.0.trim_start();
        self.0.chars().next()
    }
    fn accept(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.0 = &self.0[c.len_utf8()..];
        }
        found
    }
    fn expect(&mut self, c: char) -> Result<(), &'static str> {
        if self.accept(c) { Ok(()) } else { Err("it is no dictionary of descr, fortran_order and shape") }
    }
    fn string(&mut self) -> Result<String, &'static str> {
        let quote = self.peek().filter(|c| matches!(c, '\'' | '"')).ok_or("a quoted word is missing")?;
        let body = &self.0[1..];
        let end = body.find(quote).ok_or("a quote is not closed")?;
        let text = body[..end].to_string();
        self.0 = &body[end + 1..];
        if text.contains('\\') { Err("a word has an escape") } else { Ok(text) }
    }
    fn boolean(&mut self) -> Result<bool, &'static str> {
        self.peek();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Ok(value);
            }
        }
        Err("fortran_order is neither True nor False")
    }
    fn tuple(&mut self) -> Result<Vec<usize>, &'static str> {
        self.expect('(')?;
        let mut shape = Vec::new();
        while !self.accept(')') {
            self.peek();
            let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
            shape.push(self.0[..end].parse().map_err(|_| "shape holds no size")?);
            // Python 2 wrote its long integers with an L.
            self.0 = self.0[end..].strip_prefix('L').unwrap_or(&self.0[end..]);
            if shape.len() > MAX_DIMENSIONS {
                return Err("shape has more than 64 dimensions");
            }
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(literal: &str, data: &[u8]) -> Bytes {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((literal.len() as u16).to_le_bytes());
        bytes.extend(literal.as_bytes());
        bytes.extend(data);
        bytes.into()
    }
    fn open(literal: &str, data: &[u8]) -> Result<Tensor> {
        from_bytes(&file(literal, data), "w", Path::new("w.npy"))
    }
    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn the_order_decides_which_index_runs_fastest() {
        let data = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let c = open("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }      \n", &data).unwrap();
        assert_eq!((c.shape(), c.to_f32()), (&[2, 3][..], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        let f = open("{'shape':(2,3),\"descr\":\"<f4\",'fortran_order':True}", &data).unwrap();
        assert_eq!(f.to_f32(), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    }

    #[test]
    fn a_single_element_and_an_empty_array_are_arrays() {
        let one = open("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", &7i64.to_le_bytes()).unwrap();
        assert_eq!((one.shape().len(), one.to_f64()), (0, vec![7.0]));
        let none = open("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5), }", &[]).unwrap();
        assert!(none.is_empty());
    }

    #[test]
    fn the_later_versions_have_a_longer_length() {
        let literal = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
        let mut bytes = b"\x93NUMPY\x03\x00".to_vec();
        bytes.extend((literal.len() as u32).to_le_bytes());
        bytes.extend(literal.as_bytes());
        bytes.extend([8, 9]);
        let tensor = from_bytes(&bytes.into(), "w", Path::new("w.npy")).unwrap();
        assert_eq!(tensor.to_f64(), [8.0, 9.0]);
    }

    #[test]
    fn two_void_bytes_are_bfloat16() {
        let tensor = open("{'descr': '|V2', 'fortran_order': False, 'shape': (1,), }", &[0xc0, 0x3f]).unwrap();
        assert_eq!((tensor.dtype(), tensor.to_f64()), (Dtype::Bf16, vec![1.5]));
    }

    #[test]
    fn strings_of_both_kinds_are_read() {
        let path = Path::new("f.npy");
        let ascii = file("{'descr': '|S3', 'fortran_order': False, 'shape': (), }", b"csr");
        assert_eq!(text(&ascii, "format", path).unwrap(), ["csr"]);
        let wide: Vec<u8> = "né\0".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        let unicode = file("{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }", &wide);
        assert_eq!(text(&unicode, "format", path).unwrap(), ["né"]);
        assert!(from_bytes(&ascii, "format", path).unwrap_err().to_string().contains("array of strings"));
        let numbers = file("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", b"a");
        assert!(text(&numbers, "format", path).unwrap_err().to_string().contains("array of numbers"));
    }

    #[test]
    fn each_defect_is_named() {
        let cases = [
            ("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "big-endian"),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "pickle"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "not read"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "several fields"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "does not fit"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }", "no size"),
            ("{'descr': '<f4', 'fortran_order': maybe, 'shape': (1,), }", "neither True nor False"),
            ("{'descr': '<f4', 'shape': (1,), }", "fortran_order is missing"),
            ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "twice"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + 1", "follows"),
            ("[1, 2]", "no dictionary"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999999999,), }", "no size"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 9999999999999), }", "address"),
        ];
        for (literal, words) in cases {
            let error = open(literal, &floats(&[1.0])).unwrap_err().to_string();
            assert!(error.contains(words), "{literal}: {error}");
        }
        let path = Path::new("w.npy");
        for (bytes, words) in [
            (&b"\x93NUMPY"[..], "cut short"),
            (b"\x93NUMPY\x01\x00\xff\xff{", "cut short"),
            (b"\x93NUMPY\x04\x00\x00\x00", "version 4.0"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "at most 1 MiB"),
            (b"PK\x03\x04", "not an npy"),
            (b"", "not an npy"),
        ] {
            let error = header(bytes, "w", path).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
