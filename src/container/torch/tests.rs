use super::*;
use crate::container::Dtype;
use crate::rows::Rows;
use serde_json::json;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// A pickle put together by hand, opcode by opcode.
#[derive(Default)]
struct Build(Vec<u8>);

impl Build {
    fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
    fn text(self, text: &str) -> Self {
        self.op(b"X").op(&(text.len() as u32).to_le_bytes()).op(text.as_bytes())
    }
    fn int(self, value: i32) -> Self {
        self.op(b"J").op(&value.to_le_bytes())
    }
    fn class(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }
    fn tuple(self, values: &[i32]) -> Self {
        values.iter().fold(self.op(b"("), |build, &value| build.int(value)).op(b"t")
    }
    fn storage(self, class: &str, key: &str, length: i32) -> Self {
        self.op(b"(").text("storage").class("torch", class).text(key).text("cpu").int(length).op(b"tQ")
    }
    /// A tensor of the storage `key`.
    fn tensor(self, class: &str, key: &str, offset: i32, shape: &[i32], strides: &[i32]) -> Self {
        let length = 64;
        self.class("torch._utils", "_rebuild_tensor_v2")
            .op(b"(")
            .storage(class, key, length)
            .int(offset)
            .tuple(shape)
            .tuple(strides)
            .op(b"\x89")
            .class("collections", "OrderedDict")
            .op(b")RtR")
    }
    fn done(self) -> Vec<u8> {
        [b"\x80\x02".to_vec(), self.0, b".".to_vec()].concat()
    }
}

fn floats(n: usize) -> Vec<u8> {
    (0..n).flat_map(|i| (i as f32).to_le_bytes()).collect()
}

fn archive(pickle: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("any name/data.pkl", options).unwrap();
    zip.write_all(pickle).unwrap();
    for (key, bytes) in storages {
        zip.start_file(format!("any name/data/{key}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn open(bytes: impl Into<Bytes>) -> Result<TorchFile> {
    TorchFile::from_bytes(&bytes.into(), Path::new("folder/lone.pt"))
}

fn failure(bytes: impl Into<Bytes>) -> String {
    open(bytes).unwrap_err().to_string()
}

/// Values of a tensor, row-major.
fn values(file: &TorchFile, name: &str) -> Vec<f64> {
    file.tensor(name).unwrap().to_f64()
}

#[test]
fn a_transposed_view_of_a_shared_storage_reads_as_what_it_is_and_lies_in_the_file() {
    let pickle = Build::default()
        .op(b"}(")
        .text("plain")
        .tensor("FloatStorage", "0", 0, &[2, 3], &[3, 1])
        .text("turned")
        .tensor("FloatStorage", "0", 0, &[3, 2], &[1, 3])
        .text("part")
        .tensor("FloatStorage", "0", 4, &[2], &[1])
        .text("scalar")
        .tensor("IntStorage", "1", 0, &[], &[])
        .op(b"u")
        .done();
    let bytes = Bytes::from(archive(&pickle, &[("0", floats(6)), ("1", 7i32.to_le_bytes().to_vec())]));
    let file = open(bytes.clone()).unwrap();
    assert_eq!(values(&file, "plain"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(values(&file, "turned"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(values(&file, "part"), [4.0, 5.0]);
    assert_eq!((file.tensor("scalar").unwrap().dtype(), values(&file, "scalar")), (Dtype::I32, vec![7.0]));
    let matrix = file.tensor("turned").unwrap().matrix().unwrap();
    let mut row = [0.0; 2];
    matrix.read(1..2, &mut row);
    assert_eq!(row, [1.0, 4.0]);
    assert!(bytes.as_ptr_range().contains(&file.tensor("plain").unwrap().bytes().as_ptr()));
    assert_eq!(file.rest(), &json!({}));
    assert!(file.tensor("other").unwrap_err().to_string().contains("one of plain, turned, part, scalar"));
}

#[test]
fn nested_names_have_dots_and_what_is_no_tensor_is_kept_as_json() {
    let tensor = |build: Build| build.tensor("FloatStorage", "0", 0, &[2], &[1]);
    let pickle = Build::default().op(b"}(").text("state_dict").op(b"}").text("W");
    let pickle = tensor(pickle).op(b"s").text("cfg").class("__main__", "Config").op(b")\x81}(");
    let pickle =
        pickle.text("lr").op(b"G").op(&0.5f64.to_be_bytes()).text("names").op(b"](").text("a").int(-3).op(b"e");
    let pickle = pickle.text("dtype").class("torch", "float32").op(b"ub").text("step").int(9).text("list").op(b"](");
    let pickle = tensor(pickle).op(b"Neu").done();
    let file = open(archive(&pickle, &[("0", floats(2))])).unwrap();
    assert_eq!(file.list().iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["state_dict.W", "list.0"]);
    let rest = json!({"state_dict": {}, "cfg": {"lr": 0.5, "names": ["a", -3], "dtype": "torch.float32"}, "step": 9,
        "list": [null]});
    assert_eq!(file.rest(), &rest);
}

#[test]
fn a_whole_module_is_read_as_its_state_dict() {
    let module = |build: Build, name: &str, inner: &dyn Fn(Build) -> Build| {
        inner(build.class("any.module", name).op(b")\x81}(").text("training").op(b"\x88")).op(b"ub")
    };
    let pickle = module(Build::default(), "Outer", &|build| {
        let build = build.text("_parameters").op(b"}").text("W").class("torch._utils", "_rebuild_parameter").op(b"(");
        let build = build.tensor("FloatStorage", "0", 0, &[2], &[1]).op(b"\x88").class("collections", "OrderedDict");
        let build = build.op(b")RtRs").text("_buffers").op(b"}").text("_modules").op(b"}").text("inner");
        let build = module(build, "Inner", &|build| {
            let build = build.text("_parameters").op(b"}").text("bias").op(b"Ns").text("_modules").op(b"}");
            build.text("_buffers").op(b"}").text("k").tensor("LongStorage", "1", 0, &[], &[]).op(b"s")
        });
        build.op(b"s").text("width").int(4)
    });
    let file = open(archive(&pickle.done(), &[("0", floats(2)), ("1", 5i64.to_le_bytes().to_vec())])).unwrap();
    assert_eq!(file.list().iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["W", "inner.k"]);
    assert_eq!(file.rest()["width"], 4);
    assert_eq!(
        (&file.rest()["__class__"], &file.rest()["inner"]["__class__"]),
        (&json!("any.module.Outer"), &json!("any.module.Inner"))
    );
    assert_eq!(values(&file, "inner.k"), [5.0]);
}

#[test]
fn nothing_that_a_pickle_names_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let pickle = Build::default().op(b"}").text("W").class("posix", "system").op(b"(");
    let file = open(pickle.text(&format!("touch {}", mark.display())).op(b"tRs").done()).unwrap();
    assert!(file.list().is_empty() && !mark.exists());
}

#[test]
fn the_older_form_is_read_with_its_storages_in_a_row() {
    let number = |bytes: &[u8]| [b"\x80\x02".to_vec(), bytes.to_vec(), b".".to_vec()].concat();
    let object = Build::default()
        .op(b"}(")
        .text("a")
        .tensor("HalfStorage", "b", 1, &[2], &[1])
        .text("b")
        .tensor("DoubleStorage", "a", 0, &[2], &[1])
        .op(b"u")
        .done();
    let keys = Build::default().op(b"](").text("a").text("b").op(b"e").done();
    let mut bytes = [MAGIC.to_vec(), number(b"M\xe9\x03"), number(b"}"), object, keys].concat();
    let all = bytes.len();
    bytes.extend(2u64.to_le_bytes());
    bytes.extend([1.5f64, -2.0].iter().flat_map(|x| x.to_le_bytes()));
    bytes.extend(3u64.to_le_bytes());
    bytes.extend([9.0f32, 1.0, 2.0].iter().flat_map(|&x| half::f16::from_f32(x).to_le_bytes()));
    let file = open(bytes.clone()).unwrap();
    assert_eq!((values(&file, "a"), values(&file, "b")), (vec![1.0, 2.0], vec![1.5, -2.0]));
    for cut in [all + 4, all + 12, bytes.len() - 1] {
        assert!(failure(bytes[..cut].to_vec()).contains("storages are cut short"));
    }
    bytes[all..all + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(failure(bytes).contains("storages are cut short"));
}

#[test]
fn a_lone_tensor_has_the_name_of_its_file_and_a_line_before_the_archive_is_kept() {
    let pickle = Build::default().tensor("FloatStorage", "0", 0, &[3], &[1]).done();
    let bytes = archive(&pickle, &[("0", floats(3))]);
    assert_eq!(values(&open(bytes.clone()).unwrap(), "lone"), [0.0, 1.0, 2.0]);
    let file = open([b"{\"schema\": 1}\n".to_vec(), bytes.clone()].concat()).unwrap();
    assert_eq!((file.header(), values(&file, "lone")), (Some(&json!({"schema": 1})), vec![0.0, 1.0, 2.0]));
    let gzip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let plain = gzip(&Build::default().op(b"}").text("k").int(3).op(b"s").done());
    assert!(is_gzipped_pickle(&plain));
    assert_eq!(open(plain).unwrap().rest(), &json!({"k": 3}));
    assert!(failure(gzip(&vec![0; 300 << 20])).contains("without end"));
}

#[test]
fn structures_without_end_are_refused() {
    // A list within itself; lists that double at each of 40 steps; text that is repeated likewise.
    let circle = Build::default().op(b"]q\x00h\x00a").done();
    assert!(failure(circle).contains("nested without end"));
    let doubling =
        |build: Build| (0..40u8).fold(build.op(b"q\x00"), |b, i| b.op(&[b'h', i, b'h', i, 0x86, b'q', i + 1]));
    assert!(failure(doubling(Build::default().op(b")")).done()).contains("nested without end"));
    assert!(failure(doubling(Build::default().text(&"x".repeat(100))).done()).contains("without end"));
    let repeated = (0..14u8).fold(Build::default().text(&"x".repeat(1000)).op(b"q\x00"), |b, i| {
        b.op(&[b'h', i, b'h', i, 0x86, b'q', i + 1])
    });
    assert!(failure(repeated.done()).contains("without end"));
}

#[test]
fn each_defect_is_named() {
    let one = |shape: &[i32], strides: &[i32], offset: i32| {
        let pickle = Build::default().op(b"}").text("W").tensor("FloatStorage", "0", offset, shape, strides).op(b"s");
        open(archive(&pickle.done(), &[("0", floats(6))])).and_then(|file| file.tensor("W").map(|_| ()))
    };
    one(&[2, 3], &[3, 1], 0).unwrap();
    one(&[4, 3], &[0, 1], 0).unwrap();
    for (result, words) in [
        (one(&[2, 4], &[4, 1], 0), "does not fit its bytes"),
        (one(&[2, 3], &[3, 1], 1), "does not fit its bytes"),
        (one(&[2], &[1], 100), "begins after the end"),
        (one(&[-2], &[1], 0), "sizes are no sizes"),
        (one(&[2], &[1], -1), "sizes are no sizes"),
        (one(&[1 << 20, 1 << 20], &[0, 0], 0), "far more elements"),
        (one(&[2, 2], &[1], 0), "does not fit its bytes"),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let with = |class: &str| {
        let pickle = Build::default().op(b"}").text("W").tensor(class, "0", 0, &[1], &[1]).op(b"s").done();
        open(archive(&pickle, &[("0", floats(6))])).unwrap().tensor("W").unwrap_err().to_string()
    };
    assert!(with("ComplexFloatStorage").contains("of a kind that is not read"), "{}", with("ComplexFloatStorage"));
    let missing = Build::default().op(b"}").text("W").tensor("FloatStorage", "5", 0, &[1], &[1]).op(b"s").done();
    let file = open(archive(&missing, &[])).unwrap();
    assert!(file.tensor("W").unwrap_err().to_string().contains("no such array"));
    let sparse = Build::default().op(b"}").text("W").class("torch._utils", "_rebuild_sparse_tensor").op(b")Rs").done();
    assert!(open(sparse).unwrap().tensor("W").unwrap_err().to_string().contains("not read"));
    let twice = Build::default().op(b"}(").text("W").tensor("FloatStorage", "0", 0, &[1], &[1]).text("W");
    let twice = twice.tensor("FloatStorage", "0", 0, &[1], &[1]).op(b"u").done();
    assert!(failure(archive(&twice, &[("0", floats(1))])).contains("two tensors have one name"));
    for (pickle, words) in [
        (&b"\x80\x02}"[..], "cut short"),
        (b"\x80\x02X\xff\xff\xff\xffab", "cut short"),
        (b"\x80\x02\xff.", "opcode 0xff"),
        (b"\x80\x02.", "takes more values"),
        (b"\x80\x02(.", "takes more values"),
        (b"\x80\x02t.", "was not begun"),
        (b"\x80\x02h\x07.", "recalls 7"),
        (b"\x80\x02NNs.", "takes more values"),
        (b"\x80\x02NN\x85\x85a.", "appends to what is no list"),
    ] {
        let error = failure(pickle.to_vec());
        assert!(error.contains(words), "{error}");
    }
    let bytes = archive(&Build::default().op(b"}").done(), &[]);
    assert!(failure(bytes[..bytes.len() - 2].to_vec()).contains("cannot be read"));
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("other", SimpleFileOptions::default()).unwrap();
    assert!(failure(zip.finish().unwrap().into_inner()).contains("no data.pkl"));
}

/// `pickle.dumps` of arrays in protocol 5: `w` in Fortran order, the number `k`, big-endian `big`, objects `o`.
const ARRAYS: &[u8] =
    b"\x80\x05\x95\xa4\x01\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01w\x94\x8c\x13numpy._core.numeric\x94\x8c\
        \x0b_frombuffer\x94\x93\x94(\x96\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x80@\x00\x00\
        \x00@\x00\x00\xa0@\x00\x00@@\x00\x00\xc0@\x94\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02f4\
        \x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bK\x02K\
        \x03\x86\x94\x8c\x01F\x94t\x94R\x94\x8c\x01k\x94\x8c\x16numpy._core.multiarray\x94\x8c\x06scalar\x94\
        \x93\x94h\x08\x8c\x02i8\x94\x89\x88\x87\x94R\x94(K\x03h\x0cNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\
        \x00t\x94bC\x08\x03\x00\x00\x00\x00\x00\x00\x00\x94\x86\x94R\x94\x8c\x03big\x94h\x04(\x96\x08\x00\
        \x00\x00\x00\x00\x00\x00?\xf0\x00\x00\x00\x00\x00\x00\x94h\x08\x8c\x02f8\x94\x89\x88\x87\x94R\x94(K\
        \x03\x8c\x01>\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bK\x01\x85\x94\x8c\x01C\x94t\x94R\
        \x94\x8c\x01o\x94h\x13\x8c\x0c_reconstruct\x94\x93\x94h\x06\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\
        \x01b\x94\x87\x94R\x94(K\x01K\x01\x85\x94h\x08\x8c\x02O8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94\
        NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?t\x94b\x89]\x94Nat\x94bu.";

#[test]
fn arrays_of_numpy_are_read_from_the_pickle() {
    let file = TorchFile::from_bytes(&ARRAYS.to_vec().into(), Path::new("a.pkl")).unwrap();
    let names: Vec<String> = file.list().iter().map(TensorInfo::describe).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    let w = file.tensor("w").unwrap();
    assert_eq!((w.shape(), w.dtype()), (&[2, 3][..], Dtype::F32));
    assert_eq!(w.to_f32(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let k = file.tensor("k").unwrap();
    assert_eq!((k.shape(), k.to_f64()), (&[][..], vec![3.0]));
    for (name, dtype) in [("big", ">f8"), ("o", "|O8")] {
        let error = file.tensor(name).unwrap_err().to_string();
        assert!(error.contains("of a kind that is not read") && error.contains(dtype), "{error}");
    }
    // Every byte that is another, and every end that comes too early, is an error or other numbers.
    for at in 0..ARRAYS.len() {
        let mut other = ARRAYS.to_vec();
        other[at] ^= 0x21;
        for bytes in [other, ARRAYS[..at].to_vec()] {
            if let Ok(file) = TorchFile::from_bytes(&bytes.into(), Path::new("a.pkl")) {
                file.list().iter().for_each(|array| drop(file.tensor(&array.name)));
            }
        }
    }
}
