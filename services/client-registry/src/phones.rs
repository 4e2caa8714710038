//! Several numbers of one person as they are stored: in their order, in one encrypted column; none where there is none.

use command::Fault;
use keyring::{DataKey, Place};

use crate::store::unreadable;

/// For the column.
pub(crate) fn seal(key: &DataKey, place: Place<'_>, numbers: &[String]) -> Result<Option<Vec<u8>>, Fault> {
    if numbers.is_empty() {
        return Ok(None);
    }
    // What a number may hold is checked at the door, and no line break is.
    Ok(Some(key.encrypt(place, numbers.join("\n").as_bytes())?))
}

/// From the column, opened.
pub(crate) fn read(stored: &str) -> Result<Vec<String>, Fault> {
    if stored.is_empty() {
        return Err(unreadable("phones", "none where one was stored").into());
    }
    Ok(stored.lines().map(str::to_owned).collect())
}
