//! What is sent of a report: subject, plain text and HTML, both made of the one approved text. Pure.
//!
//! A line that begins with `#` is a heading, lines that begin with `-` are a list, blank lines part paragraphs. Nothing else means
//! anything, and all of it is escaped.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, value::Serde};
use serde::Serialize;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    /// A heading.
    Heading {
        /// One line.
        text: String,
    },
    /// Items.
    List {
        /// Each in lines of its own.
        items: Vec<String>,
    },
    /// A paragraph.
    Paragraph {
        /// Its lines.
        lines: Vec<String>,
    },
}

/// What a mail is made of.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// Its subject and first heading.
    pub title: &'a str,
    /// What it is, for people.
    pub label: &'a str,
    /// The approved text.
    pub text: &'a str,
    /// `reports/{report}`.
    pub report: &'a str,
    /// Which version.
    pub version: u64,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// A page.
    pub html: String,
}

#[derive(Serialize)]
struct Context<'a> {
    title: &'a str,
    label: &'a str,
    blocks: &'a [Block],
    report: &'a str,
    version: u64,
}

static TEMPLATES: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_template("report.html", include_str!("../../templates/report.html"))?;
    Ok(templates)
});

/// Renders it.
///
/// # Errors
/// A fault in the template, which tests rule out.
pub fn render(source: &Source<'_>) -> Result<Content, String> {
    let templates = TEMPLATES.as_ref().map_err(ToString::to_string)?;
    let blocks = blocks(source.text);
    let Source { title, label, report, version, .. } = *source;
    let context = Context { title, label, blocks: &blocks, report, version };
    let template = templates.get_template("report.html").map_err(|error| error.to_string())?;
    let html = template.render(Serde(context)).map_err(|error| error.to_string())?;
    let subject = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = format!(
        "{}\n\n{}\n\n-- \n{label}, {report}, version {version}. Confidential.\n",
        underlined(&subject, '='),
        plain(&blocks)
    );
    Ok(Content { subject, text, html })
}

/// The parts of a text.
pub fn blocks(text: &str) -> Vec<Block> {
    let (mut found, mut open): (Vec<Block>, bool) = (Vec::new(), false);
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            open = false;
        } else if let Some(heading) = trimmed.strip_prefix('#') {
            found.push(Block::Heading { text: heading.trim_start_matches('#').trim().to_owned() });
            open = false;
        } else if let Some(item) = trimmed.strip_prefix("- ") {
            match found.last_mut() {
                Some(Block::List { items }) if open => items.push(item.trim().to_owned()),
                _ => found.push(Block::List { items: vec![item.trim().to_owned()] }),
            }
            open = true;
        } else {
            match found.last_mut() {
                Some(Block::Paragraph { lines }) if open => lines.push(trimmed.to_owned()),
                Some(Block::List { items }) if open => {
                    if let Some(item) = items.last_mut() {
                        item.push(' ');
                        item.push_str(trimmed);
                    }
                }
                _ => found.push(Block::Paragraph { lines: vec![trimmed.to_owned()] }),
            }
            open = true;
        }
    }
    found
}

fn plain(blocks: &[Block]) -> String {
    let part = |block: &Block| match block {
        Block::Heading { text } => underlined(text, '-'),
        Block::List { items } => items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n"),
        Block::Paragraph { lines } => lines.join("\n"),
    };
    let mut text = String::new();
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 {
            // What stands right below a heading belongs to it.
            let below = matches!(blocks.get(at - 1), Some(Block::Heading { .. }));
            text.push_str(if below { "\n" } else { "\n\n" });
        }
        text.push_str(&part(block));
    }
    text
}

fn underlined(text: &str, sign: char) -> String {
    format!("{text}\n{}", sign.to_string().repeat(text.chars().count().min(72)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const TEXT: &str = "Hello,\nthis is <b>bold</b>.\n\n# What happened & why\n\n- One\n- Two\n  goes on\n\nThe end.";

    fn rendered() -> Content {
        let source = Source {
            title: "Status update: Pumps & Co",
            label: "Status update",
            text: TEXT,
            report: "reports/r",
            version: 3,
        };
        render(&source).unwrap()
    }

    #[test]
    fn text_and_page_are_made_of_the_same_text() {
        let content = rendered();
        assert_eq!(content.subject, "Status update: Pumps & Co");
        let expected = "Status update: Pumps & Co\n=========================\n\nHello,\nthis is <b>bold</b>.\n\n\
            What happened & why\n-------------------\n- One\n- Two goes on\n\nThe end.\n\n-- \n\
            Status update, reports/r, version 3. Confidential.\n";
        assert_eq!(content.text, expected);
        for part in
            ["What happened &amp; why</h2>", "<li>One</li>", "<li>Two goes on</li>", "Hello,<br>", "<p>The end.</p>"]
        {
            assert!(content.html.contains(part), "{part} in {}", content.html);
        }
    }

    #[test]
    fn the_page_is_escaped_and_fetches_nothing() {
        let html = rendered().html;
        assert!(html.starts_with("<!doctype html>") && html.contains("lang=\"en\""));
        for foreign in ["http:", "https:", "src=", "url(", "<script", "<b>", "{{", "{%"] {
            assert!(!html.contains(foreign), "{foreign}");
        }
    }
}
