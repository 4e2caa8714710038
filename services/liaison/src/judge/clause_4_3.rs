//! SOP 4.3: what was written to a client is clear and free of jargon, or somebody said why not.

use super::{Row, texts};
use crate::folder::Evidence;

pub(super) fn row(evidence: &Evidence) -> Row {
    texts::look(evidence, "4.3").into_row("4.3", "plain words, or a reason", ("text to a client", "texts to clients"))
}
