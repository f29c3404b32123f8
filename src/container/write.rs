//! Files that appear whole or not at all, and the npy and npz writers that others share.
//!
//! The bytes written depend on the arrays alone: fixed timestamps, fixed order, no compression.

mod folder;

use super::Bytes;
use crate::error::{Error, Problem, Result};
use crate::task::Task;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub use folder::{Files, FolderTarget, Watched};

/// A file to be written: checked before the work starts, in place only when it is complete.
///
/// What is there already is replaced only if it is a regular file; a link to one stays a link, and its target is
/// replaced. Devices, pipes and sockets are never touched.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    /// Where the file goes: `path`, or what it links to.
    real: PathBuf,
    folder: PathBuf,
    replace: bool,
}

/// A complete file that waits beside its place.
#[derive(Debug)]
pub struct Staged<'a> {
    target: &'a Target,
    temporary: tempfile::NamedTempFile,
}

impl Target {
    /// Checks that `path` can be written: its folder exists and takes files, and nothing is there yet, or with `replace` a
    /// file.
    ///
    /// # Errors
    /// If the folder is missing or may not be written to, the file is there and may not be replaced, or something else
    /// than a file is there.
    pub fn new(path: &Path, replace: bool) -> Result<Self> {
        let is_link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        let real = if is_link {
            path.canonicalize().map_err(|error| {
                Problem::new(format!("this is a link that leads to no file: {error}"))
                    .path(path)
                    .expected("the name of a file")
                    .hint("another name, or removing the link")
                    .usage()
            })?
        } else {
            path.to_path_buf()
        };
        let folder = match real.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        if !folder.is_dir() {
            return Err(Problem::new("there is no such folder to write to")
                .path(&folder)
                .hint(format!("mkdir -p {}", folder.display()))
                .usage());
        }
        let target = Self { path: path.to_path_buf(), real, folder, replace };
        target.check()?;
        writable(&target.folder)?;
        Ok(target)
    }
    /// The file that is called `path` and lies for now in `folder`, which is nobody else's.
    fn within(folder: &Path, path: PathBuf) -> Self {
        let real = folder.join(path.file_name().unwrap_or_default());
        Self { path, real, folder: folder.to_path_buf(), replace: true }
    }
    fn check(&self) -> Result<()> {
        let Ok(found) = std::fs::metadata(&self.real) else { return Ok(()) };
        let problem = |what: &str| Problem::new(what).path(&self.path);
        if found.is_dir() {
            return Err(problem("this is a folder").expected("the name of a file").usage());
        }
        if !found.is_file() {
            return Err(problem("this is a device, a pipe or a socket, which no file may replace")
                .expected("the name of a file")
                .hint("another name")
                .usage());
        }
        if !self.replace {
            return Err(problem("the file is there already").hint("another name, or --force to replace it").usage());
        }
        Ok(())
    }
    /// Where it will be, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Refuses to replace what the result is made from: one of `inputs`, or a file of a folder among them.
    ///
    /// # Errors
    /// If that is what it would do.
    pub fn spares<'i>(&self, inputs: impl IntoIterator<Item = &'i Path>) -> Result<()> {
        let Ok(real) = self.real.canonicalize() else { return Ok(()) };
        let is_input =
            |input: &Path| input.canonicalize().is_ok_and(|input| real == input || real.parent() == Some(&input));
        if inputs.into_iter().any(is_input) {
            return Err(Problem::new("the result would replace what it is made from")
                .path(&self.path)
                .hint("another name")
                .usage());
        }
        Ok(())
    }
    /// Writes the file through `fill` and puts it in place.
    ///
    /// # Errors
    /// If the disk refuses; nothing is left behind.
    pub fn write(&self, fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<()> {
        self.stage(fill)?.place()
    }
    /// Writes the file through `fill` beside its place, so that several can be put in place once all are complete.
    ///
    /// # Errors
    /// As [`Target::write`].
    pub fn stage(&self, fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<Staged<'_>> {
        let fail = |e: io::Error| Error::io(&self.path, &e);
        let mut builder = tempfile::Builder::new();
        permit(builder.prefix(".saescope-").suffix(".part"), 0o666);
        let temporary = builder.tempfile_in(&self.folder).map_err(|error| fail(bare(error)))?;
        let mut out = BufWriter::with_capacity(1 << 16, temporary.as_file());
        fill(&mut out).and_then(|()| out.flush()).map_err(fail)?;
        drop(out);
        Ok(Staged { target: self, temporary })
    }
    /// As [`Target::stage`], as long as `task` is not told to stop. Progress is told in bytes.
    ///
    /// # Errors
    /// As [`Target::write`], or if the task is cancelled.
    pub fn stage_watched(
        &self,
        task: &Task,
        fill: impl FnOnce(&mut Watched<'_, '_>) -> io::Result<()>,
    ) -> Result<Staged<'_>> {
        let staged = self.stage(|out| fill(&mut Watched::new(out, task)));
        // The disk is not to blame for a writing that was told to stop.
        task.check()?;
        staged
    }
}

/// Lets what is made next have the rights that open(2) and mkdir(2) give: `mode` without what the process's umask takes.
fn permit(builder: &mut tempfile::Builder<'_, '_>, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
}

/// Checks that files can be made in `folder`.
///
/// # Errors
/// If the system says that they cannot.
fn writable(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access};
        let allowed = access(folder, Access::WRITE_OK | Access::EXEC_OK);
        allowed.map_err(|error| Error::io(folder, &error.into()))?;
    }
    Ok(())
}

/// What the system said, without the name of the temporary file that tempfile adds.
fn bare(error: io::Error) -> io::Error {
    match error.to_string().rsplit_once(" at path ") {
        Some((said, _)) => io::Error::new(error.kind(), said.to_string()),
        None => error,
    }
}

impl Staged<'_> {
    /// Puts the file in its place.
    ///
    /// # Errors
    /// If something has come there meanwhile that may not be replaced, or the disk refuses.
    pub fn place(self) -> Result<()> {
        let Self { target, temporary } = self;
        target.check()?;
        let placed = if target.replace {
            temporary.persist(&target.real).map(drop)
        } else {
            temporary.persist_noclobber(&target.real).map(drop)
        };
        placed.map_err(|e| Error::io(&target.path, &e.error))
    }
}

/// An element that npy files can hold.
pub trait Element: bytemuck::Pod {
    /// numpy's name of the type.
    const DESCR: &'static str;
}

macro_rules! elements {
    ($($type:ty => $descr:literal),*) => { $(impl Element for $type { const DESCR: &'static str = $descr; })* };
}
elements!(f64 => "<f8", f32 => "<f4", i64 => "<i8", i32 => "<i4", u32 => "<u4", u64 => "<u8", u8 => "|u1");

/// The header of an npy file; the elements begin at a multiple of 64 bytes.
pub(crate) fn npy_header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let tuple = if sizes.len() == 1 { format!("({},)", sizes[0]) } else { format!("({})", sizes.join(", ")) };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple}, }}");
    let padding = 63 - (10 + text.len()) % 64;
    text.push_str(&" ".repeat(padding));
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&(text.len() as u16).to_le_bytes());
    header.extend_from_slice(text.as_bytes());
    header
}

fn check_len(len: usize, shape: &[usize]) -> io::Result<()> {
    if shape.iter().product::<usize>() == len {
        Ok(())
    } else {
        Err(io::Error::other(format!("{len} elements do not fill the shape {shape:?}")))
    }
}

/// Writes one array as npy.
///
/// # Errors
/// If `out` refuses, or the elements do not fill `shape`.
pub fn write_npy<T: Element>(out: &mut impl Write, shape: &[usize], elements: &[T]) -> io::Result<()> {
    check_len(elements.len(), shape)?;
    out.write_all(&npy_header(T::DESCR, shape))?;
    out.write_all(bytemuck::cast_slice(elements))
}

/// Writes numbers one after another, little-endian, through a buffer of 64 KiB.
///
/// # Errors
/// If `out` refuses.
pub fn write_values<T: Element>(out: &mut (impl Write + ?Sized), values: impl Iterator<Item = T>) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1 << 16);
    for value in values {
        buffer.extend_from_slice(bytemuck::bytes_of(&value));
        if buffer.len() + size_of::<T>() > 1 << 16 {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)
}

/// Writes an npz archive of stored arrays that numpy reads and others can map.
pub struct NpzWriter<W: Write + Seek> {
    zip: zip::ZipWriter<FailingOnce<W>>,
}

/// A writer that fails once at most, and from then on only counts. An archive that is given up is still closed when it
/// is dropped; what fails then would be printed, and a place that is not where the archive thinks it is would panic.
struct FailingOnce<W> {
    out: W,
    failed: bool,
    /// Where the next byte goes, and the end of all that was written.
    at: u64,
    end: u64,
}

impl<W> FailingOnce<W> {
    fn new(out: W) -> Self {
        Self { out, failed: false, at: 0, end: 0 }
    }
    /// Whatever was being mended further up, what is closed now is closed at its end.
    fn fail(&mut self) {
        (self.failed, self.at) = (true, self.end);
    }
}

impl<W: Write> Write for FailingOnce<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = if self.failed { Ok(bytes.len()) } else { self.out.write(bytes) };
        match &written {
            Ok(count) => {
                self.at += *count as u64;
                self.end = self.end.max(self.at);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.fail(),
        }
        written
    }
    fn flush(&mut self) -> io::Result<()> {
        if self.failed { Ok(()) } else { self.out.flush() }
    }
}

impl<W: Seek> Seek for FailingOnce<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if !self.failed {
            // A buffer empties itself before it moves, and may fail at that.
            return self.out.seek(to).inspect(|to| self.at = *to).inspect_err(|_| self.fail());
        }
        self.at = match to {
            SeekFrom::Start(to) => to,
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            SeekFrom::End(_) => self.at,
        };
        Ok(self.at)
    }
}

impl<W: Write + Seek> NpzWriter<W> {
    /// An empty archive.
    pub fn new(out: W) -> Self {
        Self { zip: zip::ZipWriter::new(FailingOnce::new(out)) }
    }
    fn start(&mut self, name: &str, header: &[u8], bytes: usize) -> io::Result<()> {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .with_alignment(64)
            .large_file(bytes >= (1 << 31));
        self.zip.start_file(format!("{name}.npy"), options).map_err(io::Error::other)?;
        self.zip.write_all(header)
    }
    /// Adds an array of numbers.
    ///
    /// # Errors
    /// If the disk refuses, or the elements do not fill `shape`.
    pub fn array<T: Element>(&mut self, name: &str, shape: &[usize], elements: &[T]) -> io::Result<()> {
        check_len(elements.len(), shape)?;
        self.start(name, &npy_header(T::DESCR, shape), size_of_val(elements))?;
        self.zip.write_all(bytemuck::cast_slice(elements))
    }
    /// Adds an array of numbers that are made one after another.
    ///
    /// # Errors
    /// If the disk refuses, or the numbers do not fill `shape`.
    pub fn values<T: Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl ExactSizeIterator<Item = T>,
    ) -> io::Result<()> {
        check_len(values.len(), shape)?;
        self.start(name, &npy_header(T::DESCR, shape), values.len().saturating_mul(size_of::<T>()))?;
        write_values(&mut self.zip, values)
    }
    /// Adds an array of texts, as numpy's fixed-width unicode.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn texts(&mut self, name: &str, shape: &[usize], texts: &[impl AsRef<str>]) -> io::Result<()> {
        check_len(texts.len(), shape)?;
        let width = texts.iter().map(|text| text.as_ref().chars().count()).max().unwrap_or(0).max(1);
        self.start(name, &npy_header(&format!("<U{width}"), shape), texts.len() * width * 4)?;
        for text in texts {
            let mut cell = vec![0u8; width * 4];
            for (slot, c) in cell.chunks_exact_mut(4).zip(text.as_ref().chars()) {
                slot.copy_from_slice(&(c as u32).to_le_bytes());
            }
            self.zip.write_all(&cell)?;
        }
        Ok(())
    }
    /// Adds one short byte string as a 0-d array, as scipy writes its `format`.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn byte_string(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.start(name, &npy_header(&format!("|S{}", text.len().max(1)), &[]), text.len())?;
        self.zip.write_all(text.as_bytes())
    }
    /// Ends the archive.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn finish(self) -> io::Result<()> {
        self.zip.finish().map_err(io::Error::other)?.flush()
    }
}

/// The bytes that `fill` writes, for tests and in-memory archives.
///
/// # Errors
/// If `fill` fails.
pub fn to_bytes(fill: impl FnOnce(&mut io::Cursor<Vec<u8>>) -> io::Result<()>) -> io::Result<Bytes> {
    let mut cursor = io::Cursor::new(Vec::new());
    fill(&mut cursor)?;
    Ok(cursor.into_inner().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let target = Target::new(&path, false).unwrap();
        let failed = target.write(|out| {
            out.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(failed.unwrap_err().to_string().contains("the disk is full"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        target.write(|out| out.write_all(b"whole")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        let refused = Target::new(&path, false).unwrap_err().to_string();
        assert!(refused.contains("there already") && refused.contains("--force"));
        assert!(target.write(|out| out.write_all(b"again")).is_err());
        Target::new(&path, true).unwrap().write(|out| out.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert!(Target::new(&folder.path().join("no/x"), false).unwrap_err().to_string().contains("mkdir -p"));
        assert!(Target::new(folder.path(), false).is_err());
    }

    #[test]
    fn an_error_names_the_file_and_not_the_one_that_is_written_first() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("gone")).unwrap();
        let target = Target::new(&folder.path().join("gone/out.csv"), false).unwrap();
        std::fs::remove_dir(folder.path().join("gone")).unwrap();
        let error = target.write(|_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("gone/out.csv: No such file") && !error.contains(".part"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_takes_no_files_is_noticed_before_the_work() {
        // What mounts read-only refuses the administrator too; elsewhere a folder without the right to write does.
        let folder = tempfile::tempdir().unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o555);
        std::fs::set_permissions(folder.path(), mode).unwrap();
        if std::fs::write(folder.path().join("probe"), b"").is_ok() {
            return;
        }
        let error = Target::new(&folder.path().join("out.csv"), false).unwrap_err().to_string();
        assert!(error.contains("Permission denied") && error.contains("chmod"), "{error}");
        let error = FolderTarget::new(&folder.path().join("a/b"), &["x"], false).unwrap_err().to_string();
        assert!(error.contains("Permission denied"), "{error}");
    }

    #[test]
    fn what_a_result_is_made_from_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("chunks")).unwrap();
        for name in ["in.npy", "chunks/part.npy"] {
            std::fs::write(path(name), b"x").unwrap();
        }
        let spares = |name: &str, input: &str| Target::new(&path(name), true).unwrap().spares([path(input).as_path()]);
        spares("out.npy", "in.npy").unwrap();
        spares("in.npy", "missing.npy").unwrap();
        spares("in.npy", "chunks").unwrap();
        for (name, input) in [("in.npy", "chunks/../in.npy"), ("chunks/part.npy", "chunks")] {
            let error = spares(name, input).unwrap_err().to_string();
            assert!(error.contains("what it is made from"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_replaced_and_links_stay_links() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("deep/real"), folder.path().join("link"));
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(&real, b"old").unwrap();
        symlink("deep/real", &link).unwrap();
        assert!(Target::new(&link, false).unwrap_err().to_string().contains("--force"));
        Target::new(&link, true).unwrap().write(|out| out.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");

        let nowhere = folder.path().join("nowhere");
        symlink("gone", &nowhere).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let to_socket = folder.path().join("to-socket");
        symlink("socket", &to_socket).unwrap();
        for replace in [false, true] {
            let error = Target::new(&nowhere, replace).unwrap_err().to_string();
            assert!(error.contains("leads to no file"), "{error}");
            for path in [&socket, &to_socket] {
                let error = Target::new(path, replace).unwrap_err().to_string();
                assert!(error.contains("a socket, which no file may replace") && !error.contains("--force"), "{error}");
            }
        }
        // What comes there while the work goes on is not replaced either.
        let late = folder.path().join("late");
        let target = Target::new(&late, true).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&late).unwrap();
        assert!(target.write(|out| out.write_all(b"x")).is_err());
        assert!(std::fs::symlink_metadata(&late).unwrap().file_type().is_socket());
    }

    /// Takes so many bytes, in any order, and fails from then on.
    struct Full {
        out: io::Cursor<Vec<u8>>,
        left: usize,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| io::Error::other("the disk is full"))?;
            self.out.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            if self.left == 0 { Err(io::Error::other("the disk is full")) } else { Ok(()) }
        }
    }

    impl Seek for Full {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.out.seek(to)
        }
    }

    #[test]
    fn an_archive_that_was_given_up_anywhere_is_closed_without_a_word() {
        // As a result does it: through a buffer, whose position runs ahead of the file's.
        let fill = |left: usize, buffer: usize| -> (io::Result<()>, io::Result<()>) {
            let out = io::BufWriter::with_capacity(buffer, Full { out: io::Cursor::default(), left });
            let mut npz = NpzWriter::new(out);
            let values: Vec<f32> = (0..300).map(|i| i as f32).collect();
            let filled = npz
                .array("values", &[300], &values)
                .and_then(|()| npz.texts("names", &[2], &["a", "bc"]))
                .and_then(|()| npz.array("more", &[300], &values));
            // What is dropped is closed by these lines, and complains on standard error if they fail.
            (filled, npz.zip.finish().map(|_| ()).map_err(io::Error::other))
        };
        for buffer in [1, 64, 1000] {
            let mut failures = 0;
            for left in (0..3500).step_by(7) {
                let (filled, closed) = fill(left, buffer);
                if filled.is_err() {
                    failures += 1;
                    closed.unwrap_or_else(|error| panic!("full after {left} bytes, a buffer of {buffer}: {error}"));
                }
            }
            assert!(failures > 200, "{failures}");
        }
        assert!(fill(10_000, 64).0.is_ok());
    }

    #[test]
    fn the_elements_of_an_npy_file_are_aligned() {
        let bytes = to_bytes(|out| write_npy(out, &[2, 3], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0])).unwrap();
        assert_eq!(bytes.len() % 64, 24);
        assert!(std::str::from_utf8(&bytes[10..bytes.len() - 24]).unwrap().contains("'shape': (2, 3)"));
        assert!(to_bytes(|out| write_npy(out, &[2], &[1u8])).is_err());
    }
}
