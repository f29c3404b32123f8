use super::*;
use crate::container::Dtype;
use crate::container::npz::Npz;
use crate::container::write::npy_header;
use std::io::Cursor;

/// Members of an npz: name, descr, shape, bytes.
type Member<'a> = (&'a str, &'a str, Vec<usize>, Vec<u8>);

fn le<const N: usize>(values: &[i64], bytes: impl Fn(i64) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}
fn i32s(values: &[i64]) -> Vec<u8> {
    le(values, |value| (value as i32).to_le_bytes())
}
fn i64s(values: &[i64]) -> Vec<u8> {
    le(values, i64::to_le_bytes)
}
fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
fn list(n: usize) -> Vec<usize> {
    vec![n]
}

fn npz(members: &[Member], method: zip::CompressionMethod) -> Bytes {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, descr, shape, bytes) in members {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(&npy_header(descr, shape)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner().into()
}

/// [[0, 1, 0], [0, 0, 0], [-2, 0, 3], [0, 4, 0]]: CSR parts that tests change one by one.
fn csr() -> Vec<Member<'static>> {
    vec![
        ("indices", "<i4", list(4), i32s(&[1, 0, 2, 1])),
        ("indptr", "<i4", list(5), i32s(&[0, 1, 1, 3, 4])),
        ("format", "|S3", vec![], b"csr".to_vec()),
        ("shape", "<i8", list(2), i64s(&[4, 3])),
        ("data", "<f4", list(4), f32s(&[1.0, -2.0, 3.0, 4.0])),
    ]
}

fn with(name: &'static str, descr: &'static str, shape: Vec<usize>, bytes: Vec<u8>) -> Vec<Member<'static>> {
    let mut members = csr();
    members.retain(|member| member.0 != name);
    members.push((name, descr, shape, bytes));
    members
}

fn task() -> Task {
    Task::new(1).unwrap()
}

fn load(members: &[Member]) -> Result<Activations> {
    Activations::from_bytes(npz(members, zip::CompressionMethod::Stored), Path::new("a.npz"), None, &task())
}

fn expected() -> Sparse {
    let values = vec![1.0, -2.0, 3.0, 4.0];
    Sparse::new(4, 3, vec![0, 1, 1, 3, 4], vec![1, 0, 2, 1], values).unwrap().0
}

#[test]
fn every_layout_of_scipys_gives_the_same_matrix() {
    let csc = vec![
        ("indices", "<i8", list(4), i64s(&[2, 0, 3, 2])),
        ("indptr", "<i8", list(4), i64s(&[0, 1, 3, 4])),
        ("format", "<U3", vec![], "csc".chars().flat_map(|c| (c as u32).to_le_bytes()).collect()),
        ("shape", "<i8", list(2), i64s(&[4, 3])),
        ("data", "<f8", list(4), [-2.0f64, 1.0, 4.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect()),
    ];
    let coo = vec![
        ("row", "<i4", list(4), i32s(&[3, 2, 0, 2])),
        ("col", "<i4", list(4), i32s(&[1, 2, 1, 0])),
        ("format", "|S3", vec![], b"coo".to_vec()),
        ("shape", "<i8", list(2), i64s(&[4, 3])),
        ("data", "<i4", list(4), i32s(&[4, 3, 1, -2])),
    ];
    let nameless = csr().into_iter().filter(|member| member.0 != "format").collect();
    let narrow = with("indices", "<u2", list(4), le(&[1, 0, 2, 1], |value| (value as u16).to_le_bytes()));
    let half = [1.0f32, -2.0, 3.0, 4.0].iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect();
    let half = with("data", "<f2", list(4), half);
    let wide = with("indptr", "<i8", list(5), i64s(&[0, 1, 1, 3, 4]));
    for (name, members) in [
        ("csr", csr()),
        ("csc", csc),
        ("coo", coo),
        ("nameless", nameless),
        ("u16", narrow),
        ("f16", half),
        ("i64", wide),
    ] {
        for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
            let acts = Activations::from_bytes(npz(&members, method), Path::new("a.npz"), Some(3), &task()).unwrap();
            assert_eq!(acts.by_token, expected(), "{name}");
            assert_eq!(acts.by_feature, expected().transpose(), "{name}");
            assert_eq!(acts.notes, if name == "coo" { vec!["1 row was sorted".to_string()] } else { Vec::new() });
        }
    }
}

#[test]
fn what_the_numbers_say() {
    let acts = load(&csr()).unwrap();
    assert_eq!((acts.tokens(), acts.features()), (4, 3));
    assert_eq!((acts.l0(), acts.density(1), acts.max(1), acts.max(0)), (1.0, 0.5, 4.0, 0.0));
    let none = Activations::new(Sparse::new(0, 2, vec![0], Vec::new(), Vec::new()).unwrap().0, "none");
    assert_eq!((none.l0(), none.density(0)), (0.0, 0.0));
}

#[test]
fn mending_is_told() {
    let mut members = with("data", "<f4", list(4), f32s(&[0.0, 2.0, 3.0, 0.0]));
    members.retain(|member| member.0 != "indices");
    members.push(("indices", "<i4", list(4), i32s(&[1, 2, 2, 1])));
    let acts = load(&members).unwrap();
    assert_eq!(acts.by_token.row(2), (&[2][..], &[5.0][..]));
    assert_eq!(acts.notes, ["2 stored zeros were dropped", "1 repeated entry was added to its first"]);
}

#[test]
fn written_matrices_read_back_and_their_bytes_repeat() {
    let written = |sparse: &Sparse, provenance: Option<&str>| {
        let mut out = Cursor::new(Vec::new());
        write_csr(sparse, None, provenance, &mut out).unwrap();
        Bytes::from(out.into_inner())
    };
    let read = |bytes: &Bytes| Activations::from_bytes(bytes.clone(), Path::new("a"), None, &task()).unwrap();
    let bytes = written(&expected(), None);
    assert_eq!(bytes[..], written(&expected(), None)[..]);
    assert_eq!((read(&bytes).by_token, read(&bytes).source), (expected(), "a".into()));
    let npz = Npz::from_bytes(bytes, Path::new("a")).unwrap();
    assert_eq!((npz.text("format").unwrap(), npz.tensor("indices").unwrap().dtype()), (vec!["csr".into()], Dtype::I32));
    let aligned = npz.tensor("data").unwrap();
    let offset = aligned.bytes().as_ptr() as usize - npz.tensor("indices").unwrap().bytes().as_ptr() as usize;
    assert!(offset.is_multiple_of(64), "so that it can be read in place");
    let empty = Sparse::new(2, 2, vec![0; 3], Vec::new(), Vec::new()).unwrap().0;
    assert_eq!(read(&written(&empty, None)).by_token, empty);
    let told = written(&expected(), Some("{\"verb\":\"encode\"}"));
    assert_eq!(read(&told).by_token, expected());
    for context in [None, Some(2)] {
        let ids = TokenIds { ids: vec![7, 0, u32::MAX, 7], context };
        let mut out = Cursor::new(Vec::new());
        write_csr(&expected(), Some(&ids), None, &mut out).unwrap();
        let with = read(&Bytes::from(out.into_inner()));
        assert_eq!((with.by_token, with.ids), (expected(), Some(ids)));
    }
    let told = Npz::from_bytes(told, Path::new("a")).unwrap();
    assert_eq!(told.text("provenance").unwrap(), ["{\"verb\":\"encode\"}"]);
}

#[test]
fn cancelling_stops_the_reading() {
    let task = task();
    task.watch().cancel();
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let result = Activations::from_bytes(npz(&csr(), method), Path::new("a.npz"), None, &task);
        assert!(matches!(result, Err(crate::Error::Cancelled)));
    }
}

#[test]
fn each_broken_file_is_named_with_what_is_wrong() {
    let two = |a: Member<'static>, b: Member<'static>| {
        let mut members = with(a.0, a.1, a.2, a.3);
        members.retain(|member| member.0 != b.0);
        members.push(b);
        members
    };
    let cases: Vec<(Vec<Member>, &str)> = vec![
        (with("shape", "<i8", list(3), i64s(&[4, 3, 1])), "not the shape of a matrix"),
        (with("shape", "<i8", list(2), i64s(&[-4, 3])), "negative index"),
        (with("shape", "<i8", list(2), i64s(&[1 << 40, 3])), "a matrix of 1099511627776 by 3"),
        (with("shape", "<i8", list(2), i64s(&[4, 1 << 31])), "4 by 2147483648 for 4 entries"),
        (with("shape", "<i8", list(2), i64s(&[5, 3])), "5 row pointers for 5 rows"),
        (with("shape", "<i8", list(2), i64s(&[4, 2])), "column 2 at entry 2"),
        (with("indices", "<i4", list(4), i32s(&[1, 0, -1, 1])), "negative or beyond"),
        (with("indices", "<i8", list(4), i64s(&[1, 0, 1 << 33, 1])), "negative or beyond"),
        (with("indices", "<i4", list(3), i32s(&[1, 0, 1])), "3 column indices but 4 values"),
        (with("indices", "<f4", list(4), f32s(&[1.0, 0.0, 2.0, 1.0])), "floating-point"),
        (with("indices", "<i4", vec![2, 2], i32s(&[1, 0, 2, 1])), "not a list"),
        (with("indptr", "<i4", list(5), i32s(&[0, 3, 1, 3, 4])), "row pointers fall from 3 to 1 at row 1"),
        (with("indptr", "<i4", list(5), i32s(&[0, 1, 1, 3, 3])), "run from 0 to 3"),
        (with("data", "<f4", list(4), f32s(&[1.0, f32::NAN, 1.0, 1.0])), "value NaN at entry 1"),
        (with("data", "<f4", list(9), f32s(&[1.0; 4])), "does not fit"),
        (with("format", "|S3", vec![], b"bsr".to_vec()), "in bsr format"),
        (
            vec![
                ("data", "<f4", vec![1, 3], f32s(&[1.0; 3])),
                ("offsets", "<i4", list(1), i32s(&[0])),
                ("shape", "<i8", list(2), i64s(&[4, 3])),
                ("format", "|S3", vec![], b"dia".to_vec()),
            ],
            "in dia format",
        ),
        (with("format", "|S3", vec![], b"coo".to_vec()), "in coo format"),
        (csr().into_iter().filter(|member| member.0 != "indptr").collect(), "in csr format without its indices"),
        (vec![("W_dec", "<f4", list(1), f32s(&[1.0]))], "a zip archive of a dictionary's weights"),
        (Vec::new(), "a zip archive without arrays"),
        (two(("row", "<i4", list(2), i32s(&[1, 0])), ("col", "<i4", list(4), i32s(&[1, 0, 2, 1]))), ""),
    ];
    for (members, expected) in cases.iter().filter(|case| !case.1.is_empty()) {
        let error = load(members).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("a.npz"), "{error} should say {expected}");
    }
    // Stored by columns, the words are turned too.
    let csc = |indices: &[i64], indptr: &[i64]| {
        let indptr = ("indptr", "<i4", list(indptr.len()), i32s(indptr));
        let mut members = two(("indices", "<i4", list(4), i32s(indices)), indptr);
        members.retain(|member| member.0 != "format");
        members.push(("format", "|S3", vec![], b"csc".to_vec()));
        load(&members).unwrap_err().to_string()
    };
    let error = csc(&[2, 0, 4, 2], &[0, 1, 3, 4]);
    assert!(error.contains("row 4 at entry 2") && error.contains("rows below 4"), "{error}");
    assert!(csc(&[2, 0, 3, 2], &[0, 1, 4]).contains("3 column pointers for 3 columns"));
    let coo = vec![
        ("row", "<i4", list(1), i32s(&[3])),
        ("col", "<i4", list(4), i32s(&[1, 2, 1, 0])),
        ("shape", "<i8", list(2), i64s(&[4, 3])),
        ("data", "<f4", list(4), f32s(&[1.0; 4])),
    ];
    assert!(load(&coo).unwrap_err().to_string().contains("1 rows, 4 columns and 4 values"));
}

#[test]
fn another_dictionarys_activations_are_refused() {
    let bytes = npz(&csr(), zip::CompressionMethod::Stored);
    let error =
        |features| Activations::from_bytes(bytes.clone(), Path::new("a.npz"), Some(features), &task()).unwrap_err();
    let wrong = error(5).to_string();
    assert!(
        wrong.contains("activations of 3 features, but the dictionary has 5") && wrong.contains("[4, 3]"),
        "{wrong}"
    );
    let turned = error(4).to_string();
    assert!(turned.contains("transposing"), "{turned}");
}

#[test]
fn files_of_other_kinds_are_recognised() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "an empty file"),
        (b"\x93NUMPY\x01\x00", "cut short"),
        (b"{\"a\": 1}", "sparse activations: JSON"),
        (b"\x40\0\0\0\0\0\0\0{\"", "the safetensors header is cut short"),
        (b"\x1f\x8b\x08", "gzipped text"),
        (b"\x7fELF", "a file of another kind"),
    ];
    for (bytes, expected) in cases {
        let error =
            Activations::from_bytes(bytes.to_vec().into(), Path::new("x"), None, &task()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} should say {expected}");
    }
    let cut = npz(&csr(), zip::CompressionMethod::Stored);
    let cut = Bytes::from(cut[..cut.len() / 2].to_vec());
    assert!(Activations::from_bytes(cut, Path::new("x"), None, &task()).is_err());
    let folder = tempfile::tempdir().unwrap();
    assert!(Activations::load(folder.path(), None, &task()).unwrap_err().to_string().contains("a folder"));
    assert!(Activations::load(Path::new("/no/such.npz"), None, &task()).is_err());
}

#[test]
fn dense_activations_are_the_same_deflated_as_stored() {
    // 2,500 tokens of 200 features, two of which fire on each; one of three dimensions.
    let (tokens, features) = (2500, 200);
    let values: Vec<f32> = (0..tokens * features).map(|i| if i % 97 == 0 { (i % 13) as f32 } else { 0.0 }).collect();
    for shape in [vec![tokens, features], vec![25, 100, features]] {
        let members = [("x", "<f4", shape, f32s(&values))];
        let read = |method| Activations::from_bytes(npz(&members, method), Path::new("a.npz"), Some(features), &task());
        let stored = read(zip::CompressionMethod::Stored).unwrap();
        let deflated = read(zip::CompressionMethod::Deflated).unwrap();
        assert_eq!((&stored.by_token, &stored.by_feature), (&deflated.by_token, &deflated.by_feature));
        let fires = values.iter().filter(|value| **value != 0.0).count();
        assert_eq!((stored.tokens(), stored.by_token.nnz()), (tokens, fires));
    }
    // Rows of zeros cost a file nothing and the memory a pointer each.
    let zeros = [("x", "|u1", vec![6 << 20, 3], vec![0; 18 << 20])];
    let floats = [("x", "<f2", vec![6 << 20, 3], vec![0; 36 << 20])];
    let error = |members| {
        Activations::from_bytes(npz(members, zip::CompressionMethod::Deflated), Path::new("a.npz"), Some(3), &task())
            .unwrap_err()
            .to_string()
    };
    assert!(error(&zeros).contains("no sparse activations"));
    assert!(error(&floats).contains("for 0 entries"));
}
