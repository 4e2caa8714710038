//! The data folder: taken by one process at a time, and its owner's alone.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};

/// What the suite makes in it.
const OURS: [&str; 4] = ["db", "keys", "lock", "outbox"];

/// Takes it for this process alone, until the file is closed: what another one has claimed is then known to be a dead one's.
/// Makes it where it is not there.
///
/// # Errors
/// A sentence, where it is taken or cannot be made.
pub fn take(folder: &Path) -> Result<File, String> {
    let told = |error: io::Error| format!("{}: {error}", folder.display());
    let lock = private(folder).and_then(|()| File::create(folder.join("lock"))).map_err(told)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(format!("{} is in use; stop the liaison that serves it first", folder.display()))
        }
        Err(TryLockError::Error(error)) => Err(told(error)),
    }
}

/// Makes it for its owner alone, since databases and mails lie in it. One that was there becomes so where nothing but ours
/// lies in it; a home or /tmp, named by mistake, stays open to whoever else needs it.
fn private(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => return made,
    }
    let mode = fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        if !OURS.map(OsStr::new).contains(&entry?.file_name().as_os_str()) {
            return Ok(());
        }
    }
    match fs::set_permissions(folder, PermissionsExt::from_mode(mode & !0o077)) {
        // Somebody else's, a mounted volume for example: its owner decides.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        set => set,
    }
}
