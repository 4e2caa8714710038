//! `index.html`: the run, told to people. One file without scripts, images or anything from elsewhere; it links to the
//! evidence beside it and adds nothing to it.
//!
//! `model` is what the template is filled with; `words` says in a sentence what an entry of a timeline is; `times` shows
//! times as the client's clocks do.

mod model;
mod times;
mod words;

use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};

use crate::{folder::Evidence, judge::Table};

const NAME: &str = "index.html";

/// Renders it.
///
/// # Errors
/// Where the template and its data do not fit, which is a mistake of this module.
pub fn page(evidence: &Evidence, table: &Table) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template(NAME, include_str!("index.html"))?;
    environment.get_template(NAME)?.render(Serde(model::Page::of(evidence, table)))
}
