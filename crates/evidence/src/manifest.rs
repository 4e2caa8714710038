//! Every file of a folder with its length and hash, and the first one that is not as it was.
//!
//! The manifest lies in the folder as `manifest.json` and does not list itself; a signed head binds its [`Manifest::root`]
//! and so every file. Only plain files are evidence: a symbolic link, or a name that leaves the folder, is refused.

use std::{
    cmp::Ordering,
    fmt,
    fs::{self, File},
    io::Read,
    path::Path,
};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use crate::{
    hash::{Encoder, Hash, finish},
    timeline_file::{FileError, write_json},
};

/// The manifest's own name in its folder.
pub const FILE_NAME: &str = "manifest.json";

const FORMAT: u32 = 1;

/// The files of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this form.
    pub format: u32,
    /// Sorted by path, byte by byte.
    pub files: Vec<FileEntry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Relative to the folder, with `/` between its parts.
    pub path: String,
    /// Bytes.
    pub length: u64,
    /// Of its content.
    pub sha256: Hash,
}

/// The first thing in a folder that is not as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Finding {
    /// The file, relative to the folder.
    pub path: String,
    /// What is wrong with it.
    pub what: FileBreak,
}

/// What can be wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileBreak {
    /// Its content is another one.
    Altered,
    /// It is shorter than it was.
    CutOff {
        /// Bytes it had.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// Its content is that of another file of the folder.
    Exchanged {
        /// That file.
        with: String,
    },
    /// The manifest does not list it.
    Added,
    /// The manifest lists it but it is gone.
    Deleted,
    /// It does not lie where it belongs in the manifest, or twice.
    Reordered,
    /// It is a symbolic link, or no file at all.
    NoPlainFile,
    /// Its name leaves the folder or cannot be told on every machine.
    BadPath,
    /// It could not be read, or not as what it should be.
    Unreadable(String),
}

impl fmt::Display for FileBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered => f.write_str("was altered"),
            Self::CutOff { expected, found } => write!(f, "was cut off: {found} of {expected} bytes are left"),
            Self::Exchanged { with } => write!(f, "was exchanged: it holds what belongs in {with}"),
            Self::Added => f.write_str("was added"),
            Self::Deleted => f.write_str("was deleted"),
            Self::Reordered => f.write_str("was reordered in the manifest, or listed twice"),
            Self::NoPlainFile => f.write_str("is no plain file"),
            Self::BadPath => f.write_str("has a name that leaves the folder or cannot be written on every machine"),
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
        }
    }
}

fn finding(path: impl Into<String>, what: FileBreak) -> Finding {
    Finding { path: path.into(), what }
}

impl Manifest {
    /// Walks a folder; a manifest that lies there already is left out.
    ///
    /// # Errors
    /// The first thing that is no plain file, has a bad name, or cannot be read.
    pub fn of(folder: &Path) -> Result<Self, Finding> {
        let mut files = Vec::new();
        for path in walk(folder)? {
            let (length, sha256) = hash_file(folder, &path)?;
            files.push(FileEntry { path, length, sha256 });
        }
        Ok(Self { format: FORMAT, files })
    }

    /// The one hash that stands for every file.
    pub fn root(&self) -> Hash {
        let mut encoder = Encoder::new("liaison manifest 1");
        encoder.number(self.files.len() as u64);
        for file in &self.files {
            encoder.text(&file.path).number(file.length).hash(&file.sha256);
        }
        encoder.finish()
    }

    /// Reads the folder's manifest.
    ///
    /// # Errors
    /// A finding on `manifest.json` where it is gone, no plain file, or in another form.
    pub fn read(folder: &Path) -> Result<Self, Finding> {
        let path = folder.join(FILE_NAME);
        let unreadable = |error: &dyn fmt::Display| finding(FILE_NAME, FileBreak::Unreadable(error.to_string()));
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(finding(FILE_NAME, FileBreak::Deleted));
            }
            Err(error) => return Err(unreadable(&error)),
            Ok(found) if !found.is_file() => return Err(finding(FILE_NAME, FileBreak::NoPlainFile)),
            Ok(_) => {}
        }
        let text = fs::read(&path).map_err(|error| unreadable(&error))?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        if manifest.format != FORMAT {
            return Err(unreadable(&format!("format {} is not known to this release", manifest.format)));
        }
        Ok(manifest)
    }

    /// Writes it into the folder.
    ///
    /// # Errors
    /// The file system's.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        write_json(&folder.join(FILE_NAME), self)
    }
}

/// Compares a folder with a manifest.
///
/// # Errors
/// The first finding: on the manifest's own order first, then in the order of paths.
pub fn check(folder: &Path, manifest: &Manifest) -> Result<(), Finding> {
    let mut last = None;
    for file in &manifest.files {
        if !stays_inside(&file.path) {
            return Err(finding(&file.path, FileBreak::BadPath));
        }
        if last >= Some(&file.path) || file.path == FILE_NAME {
            return Err(finding(&file.path, FileBreak::Reordered));
        }
        last = Some(&file.path);
    }

    let found = walk(folder)?;
    let (mut listed, mut present) = (manifest.files.iter().peekable(), found.iter().peekable());
    loop {
        let order = match (listed.peek(), present.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(file), Some(path)) => file.path.as_str().cmp(path.as_str()),
        };
        let file = if order == Ordering::Greater { None } else { listed.next() };
        let path = if order == Ordering::Less { None } else { present.next() };
        match (file, path) {
            (Some(file), Some(_)) => compare(folder, file, manifest)?,
            (Some(file), None) => return Err(finding(&file.path, FileBreak::Deleted)),
            (None, Some(path)) => return Err(finding(path, FileBreak::Added)),
            (None, None) => return Ok(()),
        }
    }
}

fn compare(folder: &Path, file: &FileEntry, manifest: &Manifest) -> Result<(), Finding> {
    let (length, sha256) = hash_file(folder, &file.path)?;
    if (length, sha256) == (file.length, file.sha256) {
        return Ok(());
    }
    let twin = manifest.files.iter().find(|other| (other.length, other.sha256) == (length, sha256));
    let what = match twin {
        Some(other) => FileBreak::Exchanged { with: other.path.clone() },
        None if length < file.length => FileBreak::CutOff { expected: file.length, found: length },
        None => FileBreak::Altered,
    };
    Err(finding(&file.path, what))
}

/// Every file below a folder but its manifest, as relative paths in byte order.
fn walk(folder: &Path) -> Result<Vec<String>, Finding> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(inside) = open.pop() {
        let unreadable = |error: std::io::Error| finding(&inside, FileBreak::Unreadable(error.to_string()));
        for entry in fs::read_dir(folder.join(&inside)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let lossy = |name: &std::ffi::OsStr| join(&inside, &name.to_string_lossy());
            let Some(path) = name.to_str().map(|name| join(&inside, name)).filter(|path| stays_inside(path)) else {
                return Err(finding(lossy(&name), FileBreak::BadPath));
            };
            // Does not follow links.
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                open.push(path);
            } else if !kind.is_file() {
                return Err(finding(path, FileBreak::NoPlainFile));
            } else if path != FILE_NAME {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

fn stays_inside(path: &str) -> bool {
    !path.contains(['\\', ':'])
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn hash_file(folder: &Path, path: &str) -> Result<(u64, Hash), Finding> {
    let unreadable = |error: std::io::Error| finding(path, FileBreak::Unreadable(error.to_string()));
    let mut file = File::open(folder.join(path)).map_err(unreadable)?;
    let mut digest = digest::Context::new(&digest::SHA256);
    let mut length = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            return Ok((length, finish(digest.finish())));
        }
        digest.update(&buffer[..read]);
        length += read as u64;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in [("index.html", "story"), ("mails/1.eml", "first"), ("mails/2.eml", "second one")] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn found(change: impl FnOnce(&Path, &mut Manifest)) -> String {
        let folder = folder();
        let mut manifest = Manifest::of(folder.path()).unwrap();
        manifest.write(folder.path()).unwrap();
        change(folder.path(), &mut manifest);
        check(folder.path(), &manifest).unwrap_err().to_string()
    }

    #[test]
    fn an_untouched_folder_agrees_with_the_manifest_that_lies_in_it() {
        let folder = folder();
        let manifest = Manifest::of(folder.path()).unwrap();
        assert_eq!(
            manifest.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["index.html", "mails/1.eml", "mails/2.eml"]
        );
        manifest.write(folder.path()).unwrap();
        let read = Manifest::read(folder.path()).unwrap();
        assert_eq!((read.root(), &read), (manifest.root(), &manifest));
        assert_eq!(check(folder.path(), &read), Ok(()));
    }

    #[test]
    fn the_first_file_that_was_touched_is_named() {
        let said = found(|folder, _| fs::write(folder.join("mails/1.eml"), "First").unwrap());
        assert_eq!(said, "mails/1.eml: was altered");
        let said = found(|folder, _| fs::write(folder.join("mails/2.eml"), "second").unwrap());
        assert_eq!(said, "mails/2.eml: was cut off: 6 of 10 bytes are left");
        let said = found(|folder, _| fs::remove_file(folder.join("mails/1.eml")).unwrap());
        assert_eq!(said, "mails/1.eml: was deleted");
        let said = found(|folder, _| fs::write(folder.join("mails/11.eml"), "more").unwrap());
        assert_eq!(said, "mails/11.eml: was added");
        let said = found(|folder, _| {
            fs::rename(folder.join("mails/1.eml"), folder.join("mails/3.eml")).unwrap();
            fs::rename(folder.join("mails/2.eml"), folder.join("mails/1.eml")).unwrap();
            fs::rename(folder.join("mails/3.eml"), folder.join("mails/2.eml")).unwrap();
        });
        assert_eq!(said, "mails/1.eml: was exchanged: it holds what belongs in mails/2.eml");
        let said = found(|folder, _| {
            fs::write(folder.join("index.html"), "tale!").unwrap();
            fs::remove_file(folder.join("mails/1.eml")).unwrap();
        });
        assert_eq!(said, "index.html: was altered");
    }

    #[test]
    fn a_manifest_out_of_order_or_out_of_its_folder_is_refused() {
        assert!(found(|_, manifest| manifest.files.swap(0, 1)).contains("index.html: was reordered"));
        assert!(found(|_, manifest| manifest.files[1] = manifest.files[0].clone()).contains("listed twice"));
        for path in
            ["../secret", "/etc/passwd", "mails/../../secret", "mails//1.eml", "", "./index.html", "C:\\x", "a\nb"]
        {
            let said = found(|_, manifest| path.clone_into(&mut manifest.files[0].path));
            assert!(said.contains("leaves the folder"), "{path}: {said}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_is_no_evidence() {
        let said = found(|folder, _| std::os::unix::fs::symlink("index.html", folder.join("mails/3.eml")).unwrap());
        assert_eq!(said, "mails/3.eml: is no plain file");
        let said = found(|folder, _| {
            fs::remove_dir_all(folder.join("mails")).unwrap();
            std::os::unix::fs::symlink("/", folder.join("mails")).unwrap();
        });
        assert_eq!(said, "mails: is no plain file");
        let folder = folder();
        std::os::unix::fs::symlink("index.html", folder.path().join(FILE_NAME)).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap_err().what, FileBreak::NoPlainFile);
    }

    #[test]
    fn a_missing_or_foreign_manifest_is_told() {
        let folder = folder();
        assert_eq!(Manifest::read(folder.path()).unwrap_err().to_string(), "manifest.json: was deleted");
        fs::write(folder.path().join(FILE_NAME), "{\"format\":9,\"files\":[]}").unwrap();
        assert!(Manifest::read(folder.path()).unwrap_err().to_string().contains("format 9"));
        fs::write(folder.path().join(FILE_NAME), "no json").unwrap();
        assert!(matches!(Manifest::read(folder.path()).unwrap_err().what, FileBreak::Unreadable(_)));
    }

    #[test]
    fn the_root_is_that_of_an_implementation_written_from_the_encoding_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.html"), "story").unwrap();
        let known = "67ab95ff249d2b9987c0265b837fbd57d9802d19499d5719482bf51aa47e3929";
        assert_eq!(Manifest::of(folder.path()).unwrap().root().to_string(), known);
    }

    #[test]
    fn the_root_depends_on_every_field_of_every_file() {
        let folder = folder();
        let manifest = Manifest::of(folder.path()).unwrap();
        let changes: [fn(&mut Manifest); 5] = [
            |manifest| manifest.files[0].path.push('x'),
            |manifest| manifest.files[0].length += 1,
            |manifest| manifest.files[0].sha256.0[0] ^= 1,
            |manifest| manifest.files.swap(0, 1),
            |manifest| drop(manifest.files.pop()),
        ];
        for change in changes {
            let mut other = manifest.clone();
            change(&mut other);
            assert_ne!(other.root(), manifest.root());
        }
    }
}
