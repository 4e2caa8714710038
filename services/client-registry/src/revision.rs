//! Revisions, and the etags by which callers say which one they read.

use refusal::{Kind, Refusal};

/// The etag of a revision.
pub(crate) fn etag(revision: u64) -> String {
    format!("r{revision}")
}

/// Refuses a change that was made to an older revision. An empty etag asks for no check.
///
/// # Errors
/// ABORTED, `STALE_ETAG`.
pub(crate) fn check(given: &str, present: u64) -> Result<(), Refusal> {
    if given.is_empty() || given == etag(present) {
        return Ok(());
    }
    Err(Refusal::new(Kind::Conflict, "STALE_ETAG", "it changed since it was read; read it again and repeat the change")
        .with("etag", etag(present)))
}

/// As it is stored.
pub(crate) fn stored(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// As it was stored.
pub(crate) fn read(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_etag_of_another_revision_is_stale_and_none_is_not_checked() {
        check("", 3).unwrap();
        check(&etag(3), 3).unwrap();
        for stale in [etag(2), etag(4), "3".to_owned()] {
            assert_eq!(check(&stale, 3).unwrap_err().reason, "STALE_ETAG", "{stale}");
        }
    }
}
