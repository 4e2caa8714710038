//! Files that their owner alone may read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::Path,
};

/// Writes a new file of mode 600; it appears with its content or not at all, and never in place of another.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.new", uuid::Uuid::now_v7()));
    let draft = Path::new(&draft);
    let written = write_draft(draft, content).and_then(|()| fs::hard_link(draft, path));
    let removed = fs::remove_file(draft);
    written.and(removed)
}

fn write_draft(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The text of a file, refused where everybody on the machine may read it. A group may: a mounted secret is often
/// readable by the pod's.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o777;
        if mode & 0o007 != 0 {
            let text = format!("may be read by others: its mode is {mode:03o}, make it 600");
            return Err(io::Error::new(ErrorKind::PermissionDenied, text));
        }
    }
    io::read_to_string(file)
}
