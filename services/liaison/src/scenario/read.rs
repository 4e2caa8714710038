use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use business_time::{LocalTime, Timestamp};
use jiff::SignedDuration;
use prost_reflect::MethodDescriptor;
use serde::Deserialize;
use toml::Spanned;

use super::{Action, Expect, Manager, Place, Scenario, Step};
use crate::{call, player::Stage, references};

/// What is wrong with a scenario, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ScenarioFault {
    /// Where.
    pub place: Place,
    /// What, and what would be right.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    title: String,
    #[serde(default)]
    summary: String,
    starts: Spanned<String>,
    ends: Spanned<String>,
    manager: RawManager,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManager {
    id: String,
    display_name: String,
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Steps {
    #[serde(default)]
    step: Vec<Spanned<RawStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    at: Option<Spanned<String>>,
    #[serde(default)]
    who: String,
    #[serde(default)]
    note: String,
    save: Option<String>,
    call: Option<Spanned<String>>,
    request: Option<Spanned<String>>,
    mail: Option<Spanned<String>>,
    envelope_from: Option<String>,
    held: Option<Spanned<String>>,
    watch: Option<Spanned<String>>,
    unwatch: Option<Spanned<String>>,
    event: Option<Spanned<String>>,
    #[serde(default)]
    of: String,
    #[serde(default)]
    expect: RawExpect,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpect {
    refused: Option<String>,
    field: Option<String>,
    #[serde(default)]
    answer: toml::Table,
    #[serde(default)]
    absent: Vec<String>,
    messages_about: Option<RawNever>,
    messages: Option<usize>,
    at_least: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNever {
    path: String,
    never: String,
}

/// A file of the scenario and its text, from which lines are counted.
struct Source<'a> {
    folder: &'a Path,
    file: &'a str,
    text: String,
}

impl Source<'_> {
    fn at(&self, offset: usize, what: impl Into<String>) -> ScenarioFault {
        ScenarioFault { place: self.place(offset), what: what.into() }
    }

    fn place(&self, offset: usize) -> Place {
        let upto = offset.min(self.text.len());
        let line = self.text.as_bytes()[..upto].iter().filter(|byte| **byte == b'\n').count() + 1;
        Place { file: self.file.to_owned(), line }
    }

    fn toml<T: serde::de::DeserializeOwned>(&self) -> Result<T, ScenarioFault> {
        toml::from_str(&self.text)
            .map_err(|error| self.at(error.span().map_or(0, |span| span.start), error.message().to_owned()))
    }
}

/// Reads and checks a scenario.
///
/// # Errors
/// The first thing that is wrong, with its file and line. Nothing was written.
pub fn read(folder: &Path) -> Result<Scenario, ScenarioFault> {
    let head_source = open(folder, "scenario.toml")?;
    let head: Head = head_source.toml()?;
    let start = local(&head_source, &head.starts)?;
    let starts = start.resolve();
    let ends = time(&head_source, &head.ends, Some(starts))?;
    let mut steps = Vec::new();
    let mut saved = BTreeSet::new();
    let mut now = starts;
    for file in ["firm.toml", "story.toml"] {
        let source = open(folder, file)?;
        let raw: Steps = source.toml()?;
        for step in raw.step {
            let offset = step.span().start;
            let step = check(&source, offset, step.into_inner(), now, &mut saved)?;
            now = step.at;
            steps.push(step);
        }
    }
    if ends < now {
        return Err(head_source.at(head.ends.span().start, "ends before the last step"));
    }
    let manager = Manager { id: head.manager.id, display_name: head.manager.display_name, email: head.manager.email };
    Ok(Scenario {
        folder: PathBuf::from(folder),
        title: head.title,
        summary: head.summary,
        starts,
        zone: start.zone().clone(),
        ends,
        manager,
        steps,
    })
}

fn open<'a>(folder: &'a Path, file: &'a str) -> Result<Source<'a>, ScenarioFault> {
    let text = fs::read_to_string(folder.join(file)).map_err(|error| ScenarioFault {
        place: Place { file: file.to_owned(), line: 1 },
        what: format!("cannot be read in {}: {error}", folder.display()),
    })?;
    Ok(Source { folder, file, text })
}

fn check(
    source: &Source<'_>,
    offset: usize,
    raw: RawStep,
    now: Timestamp,
    saved: &mut BTreeSet<String>,
) -> Result<Step, ScenarioFault> {
    let at = raw.at.as_ref().map_or(Ok(now), |at| time(source, at, Some(now)))?;
    if at < now {
        return Err(source.at(raw.at.map_or(offset, |at| at.span().start), "is before the step above it"));
    }
    let kinds = [&raw.call, &raw.mail, &raw.watch, &raw.unwatch, &raw.event];
    if kinds.iter().filter(|kind| kind.is_some()).count() != 1 {
        return Err(source.at(offset, "a step is exactly one of `call`, `mail`, `watch`, `unwatch`, `event`"));
    }
    let action = if let Some(name) = &raw.call {
        let method = method(source, name, false)?;
        Action::Call { request: request(source, &method, raw.request.as_ref(), offset, saved)?, method }
    } else if let Some(name) = &raw.watch {
        let method = method(source, name, true)?;
        Action::Watch { request: request(source, &method, raw.request.as_ref(), offset, saved)?, method }
    } else if let Some(file) = &raw.mail {
        mail(source, file, &raw, saved)?
    } else if let Some(watch) = &raw.unwatch {
        if !saved.contains(watch.get_ref()) {
            return Err(source.at(watch.span().start, format!("no `watch` above saved `{}`", watch.get_ref())));
        }
        Action::Unwatch { watch: watch.get_ref().clone() }
    } else if let Some(event) = &raw.event {
        known(source, offset, &raw.of, saved)?;
        if contracts::pool().get_message_by_name(event.get_ref()).is_none() {
            return Err(source.at(event.span().start, format!("no event is called `{}`", event.get_ref())));
        }
        Action::Await { event: event.get_ref().clone(), of: raw.of.clone() }
    } else {
        return Err(source.at(offset, "a step without an action"));
    };
    let needs_somebody = matches!(action, Action::Call { .. } | Action::Watch { .. } | Action::Mail { .. });
    if needs_somebody && raw.who.is_empty() {
        return Err(source.at(offset, "`who` is missing: whose token is used"));
    }
    known(source, offset, &raw.who, saved)?;
    let expect = expectation(source, offset, raw.expect, saved)?;
    if let Some(name) = &raw.save {
        saved.insert(name.clone());
    }
    Ok(Step { at, who: raw.who, action, save: raw.save, expect, note: raw.note, place: source.place(offset) })
}

fn expectation(
    source: &Source<'_>,
    offset: usize,
    raw: RawExpect,
    saved: &BTreeSet<String>,
) -> Result<Expect, ScenarioFault> {
    let mut answer = Vec::new();
    for (path, value) in raw.answer {
        let value = serde_json::to_value(value).map_err(|error| source.at(offset, error.to_string()))?;
        if let Some(text) = value.as_str() {
            known(source, offset, text, saved)?;
        }
        answer.push((path, value));
    }
    Ok(Expect {
        refused: raw.refused,
        field: raw.field,
        answer,
        absent: raw.absent,
        never: raw.messages_about.map(|about| (about.path, about.never.into())),
        messages: raw.messages,
        at_least: raw.at_least,
    })
}

fn mail(
    source: &Source<'_>,
    file: &Spanned<String>,
    raw: &RawStep,
    saved: &BTreeSet<String>,
) -> Result<Action, ScenarioFault> {
    let here = file.span().start;
    let path = source.folder.join(file.get_ref());
    if file.get_ref().split(['/', '\\']).any(|part| part == "..") || Path::new(file.get_ref()).is_absolute() {
        return Err(source.at(here, "a mail lies below the scenario's folder"));
    }
    let text = fs::read_to_string(&path)
        .map_err(|error| source.at(here, format!("the mail `{}` cannot be read: {error}", file.get_ref())))?;
    known(source, here, &text, saved)?;
    let held = match &raw.held {
        Some(held) => span(source, held)?.as_secs(),
        None => 0,
    };
    Ok(Action::Mail {
        file: file.get_ref().clone(),
        raw: text,
        envelope_from: raw.envelope_from.clone(),
        held_seconds: held,
    })
}

fn method(source: &Source<'_>, name: &Spanned<String>, stream: bool) -> Result<MethodDescriptor, ScenarioFault> {
    let found = Stage::find_method(name.get_ref());
    let here = name.span().start;
    let Some(found) = found else {
        return Err(source.at(here, format!("no RPC is called `{}`; write `CaseService/OpenCase`", name.get_ref())));
    };
    if found.is_server_streaming() != stream {
        let right = if stream { "`call`" } else { "`watch`" };
        return Err(source.at(here, format!("`{}` belongs under {right}", name.get_ref())));
    }
    Ok(found)
}

fn request(
    source: &Source<'_>,
    method: &MethodDescriptor,
    raw: Option<&Spanned<String>>,
    offset: usize,
    saved: &BTreeSet<String>,
) -> Result<String, ScenarioFault> {
    let Some(raw) = raw else { return Ok("{}".to_owned()) };
    known(source, raw.span().start, raw.get_ref(), saved)?;
    let filled = references::fill_with(raw.get_ref(), |_| Ok::<_, std::convert::Infallible>("1".to_owned()));
    let Ok(filled) = filled;
    if let Err(call::CallError::Request { what, .. }) = call::request(method, &filled) {
        let start = raw.span().start;
        let opening = source.text.get(start..).unwrap_or_default().trim_start_matches(['\'', '"']);
        let skipped = usize::from(opening.starts_with('\n'));
        let (what, line) = without_line(&what);
        let mut fault = source.at(start, what);
        fault.place.line += line - 1 + skipped;
        return Err(fault);
    }
    let _ = offset;
    Ok(raw.get_ref().clone())
}

/// A JSON error without the place that it names, `… at line 3 column 5`, which is one inside the request and not the file's;
/// and that line, 1 where it names none.
fn without_line(what: &str) -> (&str, usize) {
    let Some((text, place)) = what.rsplit_once(" at line ") else { return (what, 1) };
    let line = place.split_once(" column ").and_then(|(line, _)| line.parse().ok()).filter(|line| *line > 0);
    line.map_or((what, 1), |line| (text, line))
}

fn known(source: &Source<'_>, offset: usize, text: &str, saved: &BTreeSet<String>) -> Result<(), ScenarioFault> {
    references::fill_with(text, |path| {
        let name = path.split('.').next().unwrap_or(path);
        if saved.contains(name) { Ok(String::new()) } else { Err(name.to_owned()) }
    })
    .map(drop)
    .map_err(|name| source.at(offset, format!("`${{{name}…}}` refers to what no step above saved")))
}

fn time(source: &Source<'_>, text: &Spanned<String>, previous: Option<Timestamp>) -> Result<Timestamp, ScenarioFault> {
    let written = text.get_ref();
    let here = text.span().start;
    if let (Some(span), Some(previous)) = (written.strip_prefix('+'), previous) {
        let span: SignedDuration =
            span.trim().parse().map_err(|error| source.at(here, format!("`{written}` is no span of time: {error}")))?;
        return previous.checked_add(span).map_err(|error| source.at(here, error.to_string()));
    }
    local(source, text).map(|local| local.resolve())
}

fn local(source: &Source<'_>, text: &Spanned<String>) -> Result<LocalTime, ScenarioFault> {
    let written = text.get_ref();
    let here = text.span().start;
    let (wall, zone) = written.split_once('[').unwrap_or((written, ""));
    let seconds = if wall.matches(':').count() == 1 { ":00" } else { "" };
    format!("{wall}{seconds}[{zone}").parse().map_err(|error| {
        source.at(here, format!("`{written}` is no time; write `2026-03-27T16:10[Europe/London]` or `+5m`: {error}"))
    })
}

fn span(source: &Source<'_>, text: &Spanned<String>) -> Result<SignedDuration, ScenarioFault> {
    text.get_ref()
        .parse()
        .map_err(|error| source.at(text.span().start, format!("`{}` is no span of time: {error}", text.get_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_error_tells_no_line_but_the_files() {
        assert_eq!(without_line("expected `,` or `}` at line 3 column 5"), ("expected `,` or `}`", 3));
        assert_eq!(without_line("unknown field `x`"), ("unknown field `x`", 1));
        assert_eq!(without_line("a delay at line ends"), ("a delay at line ends", 1));
    }
}
