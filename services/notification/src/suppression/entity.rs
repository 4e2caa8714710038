//! An address that takes no mail. Pure.

use business_time::Timestamp;

use super::error::SuppressionError;

/// An address of a client's contact to which ordinary mail does not go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The last segment of `suppressions/{suppression}`.
    pub id: String,
    /// Whose it is.
    pub client: String,
    /// The contact whose address it was.
    pub contact: String,
    /// The address, as a keyed hash.
    pub address_index: String,
    /// The notification that came back, `notifications/{notification}`.
    pub notification: String,
    /// The status that said so.
    pub reason: String,
    /// Since when.
    pub create_time: Timestamp,
    /// Until when, and by whom; none while it holds.
    pub lifted: Option<Lifted>,
    /// Rises with each event.
    pub revision: u64,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifted {
    /// When.
    pub time: Timestamp,
    /// By whom.
    pub by: String,
}

impl Suppression {
    /// `suppressions/{suppression}`.
    pub fn name(&self) -> String {
        format!("suppressions/{}", self.id)
    }

    /// It takes mail again.
    ///
    /// # Errors
    /// [`SuppressionError::AlreadyLifted`].
    pub fn lift(&mut self, by: &str, now: Timestamp) -> Result<(), SuppressionError> {
        if self.lifted.is_some() {
            return Err(SuppressionError::AlreadyLifted);
        }
        self.lifted = Some(Lifted { time: now, by: by.to_owned() });
        self.revision += 1;
        Ok(())
    }
}

/// Whether a status says that there is no such address (RFC 3463, 5.1). A full or closed mailbox, or a server that is away
/// too long, may take mail tomorrow; and 5.1.7 to 5.1.9 are about the sender's address.
pub fn is_for_good(status: &str) -> bool {
    status.strip_prefix("5.1.").is_some_and(|detail| !matches!(detail, "7" | "8" | "9"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_is_none_is_given_up() {
        for status in ["5.1.1", "5.1.2", "5.1.10"] {
            assert!(is_for_good(status), "{status}");
        }
        for status in ["5.2.2", "4.1.1", "5.7.1", "5.1.8", "", "5.1"] {
            assert!(!is_for_good(status), "{status}");
        }
    }
}
