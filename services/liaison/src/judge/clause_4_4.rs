//! SOP 4.4: what was written to a client is polite, or somebody said why not.

use super::{Row, texts};
use crate::folder::Evidence;

pub(super) fn row(evidence: &Evidence) -> Row {
    texts::look(evidence, "4.4").into_row("4.4", "a polite tone, or a reason", ("text to a client", "texts to clients"))
}
