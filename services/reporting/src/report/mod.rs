//! Reports: the use cases, each in the transaction that a command, an event's reader, a clock or a piece of work opened.
//!
//! - [`entity`]: [`entity::Report`], what may happen to it; pure.
//! - [`draft`]: what a draft says; [`language`]: the check of a text; [`content`]: what is sent. All pure.
//! - [`repo`]: its tables.
//! - [`clocks`]: what happens by itself; [`drafting`]: the work that makes a draft.

pub mod clocks;
pub mod content;
pub mod draft;
pub mod drafting;
pub mod entity;
mod error;
pub mod language;
pub mod repo;

use std::sync::{Arc, OnceLock};

use access::Caller;
use business_time::Timestamp;
use command::{Commands, Fault, Unit, paging::Page};
use database::ConnectionTrait;
use refusal::{Kind, Refusal};

pub use error::ReportError;
pub use repo::{Stored, Words};

use self::{
    entity::{End, Fact, Form, Issue, Opening, Period, Report, Stage},
    language::{Override, Profile},
    repo::Filter,
};
use crate::{
    matrix::{self, Format, Outside, ReportType},
    work,
};

/// This service, where it writes something itself.
pub const SELF: &str = "services/reporting";

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    inner: Arc<Inner>,
}

struct Inner {
    commands: Commands,
    wakers: OnceLock<Vec<timers::Waker>>,
}

/// What a list is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Empty for all of the caller's.
    pub client: String,
    /// Empty for all.
    pub engagement: String,
    /// Only in this state.
    pub state: Option<&'static str>,
    /// Which page.
    pub page: Page,
}

/// What is written into a report.
#[derive(Clone, Debug)]
pub enum Writing {
    /// A text.
    Text(String),
    /// A form, with the text that is made of it.
    Form(Form, String),
}

/// What an approved report is made of, for sending.
#[derive(Clone, Debug)]
pub struct Approved {
    /// The report.
    pub report: Report,
    /// Its title.
    pub title: String,
    /// The approved text.
    pub text: String,
}

impl Reports {
    /// Over one service's database.
    pub fn new(commands: Commands) -> Self {
        Self { inner: Arc::new(Inner { commands, wakers: OnceLock::new() }) }
    }

    /// Whom [`Reports::committed`] wakes: the clocks and the workers. Once, by whoever runs them.
    pub fn wake_with(&self, wakers: Vec<timers::Waker>) {
        // A second set is a mistake of the composition that costs at most a second's delay.
        let _ = self.inner.wakers.set(wakers);
    }

    /// To be called after a commit: what became due is looked at now, and not within a second.
    pub fn committed(&self) {
        self.inner.commands.committed();
        for waker in self.inner.wakers.get().into_iter().flatten() {
            waker.wake();
        }
    }

    pub(crate) fn commands(&self) -> &Commands {
        &self.inner.commands
    }

    /// Opens a report. What it needs of the registry was asked before. Work makes its draft.
    ///
    /// # Errors
    /// ALREADY_EXISTS, PERIOD_TAKEN; the database's.
    pub async fn open(&self, unit: &Unit<'_>, opening: Opening) -> Result<Stored, Fault> {
        let (engagement, kind, period) = (opening.engagement.clone(), opening.kind, opening.period.name());
        if let Some(stored) = self.open_once(unit, opening).await? {
            return Ok(stored);
        }
        let taken = repo::find_by_period(unit.tx(), &engagement, &repo::name_of(kind)?, &period).await?;
        let message = "there is a report of this type for this engagement and period already";
        let refusal = Refusal::new(Kind::Exists, "PERIOD_TAKEN", message).with("period", period);
        Err(taken.into_iter().fold(refusal, |refusal, stored| refusal.with("report", stored.report.name())).into())
    }

    /// As [`Reports::open`]; none where its period is taken.
    ///
    /// # Errors
    /// The database's.
    pub async fn open_once(&self, unit: &Unit<'_>, opening: Opening) -> Result<Option<Stored>, Fault> {
        let (report, facts) = Report::open(opening, unit.now());
        let Some(stored) = repo::insert(unit, report, &facts).await? else { return Ok(None) };
        let name = stored.report.name();
        work::enqueue(unit, work::DRAFT, &name, &name).await?;
        Ok(Some(stored))
    }

    /// The period of a further issue of an incident's report.
    ///
    /// # Errors
    /// FAILED_PRECONDITION, NO_INITIAL_REPORT where there is no first one.
    pub async fn next_issue(&self, unit: &Unit<'_>, case: &str, issue: Issue) -> Result<Period, Fault> {
        let known = repo::list_periods_of_case(unit.tx(), case).await?;
        let first = Period::Incident { case: case.to_owned(), issue: Issue::Initial };
        if issue != Issue::Initial && !known.contains(&first.name()) {
            let message = "the first report of this incident comes before its updates and the final one";
            return Err(Refusal::new(Kind::State, "NO_INITIAL_REPORT", message).into());
        }
        // Not how many there are: one before the last may have been cancelled.
        let last = known.iter().filter_map(|name| name.rsplit_once("#UPDATE-")?.1.parse::<u32>().ok()).max();
        let issue = match issue {
            Issue::Update(_) => Issue::Update(last.unwrap_or(0).saturating_add(1)),
            other => other,
        };
        Ok(Period::Incident { case: case.to_owned(), issue })
    }

    /// Writes a new version.
    ///
    /// # Errors
    /// `STALE_ETAG`, `TEXT_MISSING`, `FORM_MISSING`; as [`Report::revise`]; NOT_FOUND.
    pub async fn revise(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        etag: &str,
        writing: &Writing,
        recipients: &[String],
    ) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "reports.write", name).await?;
        fresh(&stored, etag)?;
        let author = caller.principal().name();
        let stored = self.apply(unit, stored, |report, now| report.revise(author, recipients, now)).await?;
        self.keep_version(unit, &stored.report, writing).await?;
        Ok(stored)
    }

    /// Asks somebody for a contribution; that they work for the client was asked of the registry before.
    ///
    /// # Errors
    /// As [`Report::request_contribution`]; NOT_FOUND.
    pub async fn request_contribution(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        staff: &str,
        question: &str,
    ) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "reports.write", name).await?;
        let (id, requester) = (command::new_id(), caller.principal().name());
        let ask = |report: &mut Report, now| report.request_contribution(&id, staff, requester, now);
        let stored = self.apply(unit, stored, ask).await?;
        repo::keep(unit, &stored.report, &format!("question/{id}"), question).await?;
        Ok(stored)
    }

    /// Adds what the caller was asked for to the draft, under `display_name`.
    ///
    /// # Errors
    /// As [`Report::give_contribution`]; NOT_FOUND.
    pub async fn give_contribution(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        id: &str,
        display_name: &str,
        text: &str,
    ) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "reports.write", name).await?;
        let before = self.last_text(unit.tx(), &stored.report).await?;
        let person = caller.principal().name();
        let give = |report: &mut Report, now| report.give_contribution(id, person, now);
        let stored = self.apply(unit, stored, give).await?;
        repo::keep(unit, &stored.report, &format!("contribution/{id}"), text).await?;
        let writing = match before {
            Writing::Text(before) => Writing::Text(draft::with_contribution(&before, display_name, text)),
            // A form has its fields; what somebody adds is read beside it.
            form @ Writing::Form(..) => form,
        };
        self.keep_version(unit, &stored.report, &writing).await?;
        Ok(stored)
    }

    /// Submits the last version, checked for its readers.
    ///
    /// # Errors
    /// `LANGUAGE_BLOCKED`, `OVERRIDE_WITHOUT_FINDING`, `FORM_INCOMPLETE`; as [`Report::submit`]; `STALE_ETAG`; NOT_FOUND.
    pub async fn submit(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        etag: &str,
        profile: &Profile,
        overrides: &[Override],
    ) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "reports.write", name).await?;
        if !etag.is_empty() {
            fresh(&stored, etag)?;
        }
        let text = match self.last_text(unit.tx(), &stored.report).await? {
            Writing::Text(text) => text,
            Writing::Form(form, text) => {
                complete(&stored.report, &form)?;
                text
            }
        };
        // The subject of its mail is approved with it, so it is here first.
        let title = repo::words(unit.tx(), unit.keyring(), &stored.report, Some(&["title"])).await?;
        if stored.report.stage == Stage::Draft && title.get("title").is_empty() {
            return Err(ReportError::NotDraftedYet.into());
        }
        let submitter = caller.principal().name();
        let stored = self.apply(unit, stored, |report, now| report.submit(submitter, now)).await?;
        let check = language::check(&text, profile);
        language::settle(&check, overrides)?;
        let number = stored.report.submissions();
        repo::keep_json(unit, &stored.report, &format!("check/{number}"), &check).await?;
        repo::keep_json(unit, &stored.report, &format!("overrides/{number}"), &overrides).await?;
        Ok(stored)
    }

    /// Approves exactly the version named.
    ///
    /// # Errors
    /// As [`Report::approve`]; NOT_FOUND; PERMISSION_DENIED.
    pub async fn approve(&self, unit: &Unit<'_>, caller: &Caller, name: &str, version: u64) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "reports.approve", name).await?;
        let person = caller.principal().name();
        self.apply(unit, stored, |report, now| report.approve(version, person, now)).await
    }

    /// Makes it a draft again, with a reason.
    ///
    /// # Errors
    /// As [`Report::reject`]; NOT_FOUND; PERMISSION_DENIED.
    pub async fn reject(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        version: u64,
        reason: &str,
    ) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "reports.approve", name).await?;
        let person = caller.principal().name();
        let stored = self.apply(unit, stored, |report, now| report.reject(version, person, now)).await?;
        repo::keep(unit, &stored.report, &format!("reason/{}", stored.report.submissions()), reason).await?;
        Ok(stored)
    }

    /// Takes it back, with a reason.
    ///
    /// # Errors
    /// As [`Report::cancel`]; NOT_FOUND; PERMISSION_DENIED.
    pub async fn cancel(&self, unit: &Unit<'_>, caller: &Caller, name: &str, reason: &str) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "reports.approve", name).await?;
        let person = caller.principal().name();
        let stored = self.apply(unit, stored, |report, now| report.cancel(person, now)).await?;
        repo::keep(unit, &stored.report, "cancel", reason).await?;
        Ok(stored)
    }

    /// The mail of a report to a recipient ended some way.
    ///
    /// # Errors
    /// The database's.
    pub async fn delivery_ended(&self, unit: &Unit<'_>, name: &str, recipient: &str, end: End) -> Result<(), Fault> {
        let Some(mut stored) = repo::find(unit.tx(), id_of(name), true).await? else {
            tracing::warn!(report = name, "a notification is about a report that is not here");
            return Ok(());
        };
        let facts = stored.report.delivery_ended(recipient, end);
        if facts.is_empty() { Ok(()) } else { repo::save(unit, &mut stored, &facts).await }
    }

    /// One report, if the caller may see it.
    ///
    /// # Errors
    /// NOT_FOUND where it is not there or not the caller's to see; PERMISSION_DENIED where it may be seen, but not so.
    pub async fn get(&self, caller: &Caller, permission: &str, name: &str) -> Result<Stored, Fault> {
        let stored = repo::find(self.reader(), id_of(name), false).await?;
        let stored = stored.ok_or_else(|| Refusal::not_found(name))?;
        reach(caller, permission, &stored.report)?;
        Ok(stored)
    }

    /// A page of the caller's reports, the newest first, with the token of the next.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self, caller: &Caller, list: &str, wanted: &Wanted) -> Result<(Vec<Stored>, String), Fault> {
        let filter = Filter {
            clients: clients_of(caller, "reports.read", &wanted.client),
            engagement: wanted.engagement.clone(),
            state: wanted.state,
            after: after(&wanted.page)?,
            limit: wanted.page.limit(),
        };
        let mut found = repo::list(self.reader(), &filter).await?;
        let next = wanted.page.cut(list, &mut found, Stored::key);
        Ok((found, next))
    }

    /// What is sent of the version that was approved.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION, REPORT_REVISED or NOT_SUBMITTED where this version is not approved.
    pub async fn approved(&self, name: &str, version: u64) -> Result<Approved, Fault> {
        let stored = repo::find(self.reader(), id_of(name), false).await?;
        let report = stored.ok_or_else(|| Refusal::not_found(name))?.report;
        match report.approval() {
            Some(approval) if approval.version == version => {}
            Some(approval) => return Err(ReportError::Revised { current: approval.version }.into()),
            None if report.stage == Stage::Cancelled => return Err(ReportError::Cancelled.into()),
            None => return Err(ReportError::NotSubmitted.into()),
        }
        let part = format!("text/{version}");
        let words = repo::words(self.reader(), self.commands().keyring(), &report, Some(&["title", &part])).await?;
        Ok(Approved { title: words.get("title").to_owned(), text: words.get(&part).to_owned(), report })
    }

    /// The words of a report.
    ///
    /// # Errors
    /// The database's, and where stored bytes do not open.
    pub async fn words<C: ConnectionTrait>(&self, conn: &C, report: &Report) -> Result<Words, Fault> {
        repo::words(conn, self.commands().keyring(), report, None).await
    }

    fn reader(&self) -> &(impl ConnectionTrait + use<>) {
        self.inner.commands.db().reader()
    }

    /// The text of the last version; where there is none, an empty one.
    async fn last_text<C: ConnectionTrait>(&self, conn: &C, report: &Report) -> Result<Writing, Fault> {
        let (text, form) = (format!("text/{}", report.version()), format!("form/{}", report.version()));
        let words = repo::words(conn, self.commands().keyring(), report, Some(&[&text, &form])).await?;
        let text = words.get(&text).to_owned();
        Ok(match report.format {
            Format::Form => Writing::Form(words.read(&form)?.unwrap_or_default(), text),
            Format::EmailSummary | Format::Pdf | Format::Pptx => Writing::Text(text),
        })
    }

    async fn keep_version(&self, unit: &Unit<'_>, report: &Report, writing: &Writing) -> Result<(), Fault> {
        let number = report.version();
        let text = match (writing, report.format) {
            (Writing::Text(text), Format::EmailSummary | Format::Pdf | Format::Pptx) => text,
            (Writing::Form(form, text), Format::Form) => {
                repo::keep_json(unit, report, &format!("form/{number}"), form).await?;
                text
            }
            (Writing::Text(_), Format::Form) => {
                return Err(Refusal::field("FORM_MISSING", "form", "is needed: this report is a form").into());
            }
            (Writing::Form(..), _) => {
                return Err(Refusal::field("TEXT_MISSING", "text", "is needed: this report is no form").into());
            }
        };
        repo::keep(unit, report, &format!("text/{number}"), text).await
    }

    /// Locks a report that the caller may see, and may do this to.
    async fn lock(&self, unit: &Unit<'_>, caller: &Caller, permission: &str, name: &str) -> Result<Stored, Fault> {
        let stored = repo::find(unit.tx(), id_of(name), true).await?;
        let stored = stored.ok_or_else(|| Refusal::not_found(name))?;
        reach(caller, permission, &stored.report)?;
        Ok(stored)
    }

    async fn apply(
        &self,
        unit: &Unit<'_>,
        mut stored: Stored,
        transition: impl FnOnce(&mut Report, Timestamp) -> Result<Vec<Fact>, ReportError>,
    ) -> Result<Stored, Fault> {
        let mut facts = stored.report.catch_up(unit.now());
        facts.extend(transition(&mut stored.report, unit.now())?);
        repo::save(unit, &mut stored, &facts).await?;
        Ok(stored)
    }
}

/// Whether a kind of report may be made so; `prefix` is the path of the request's fields.
///
/// # Errors
/// INVALID_ARGUMENT with OUTSIDE_MATRIX or NOT_BUILT_YET and the field.
pub fn within_matrix(checked: Result<(), Outside>, prefix: &str) -> Result<(), Refusal> {
    checked.map_err(|outside| match outside {
        Outside::Matrix { field } => {
            let why = "is not one in which the procedure lets this type of report come (SOP 5)";
            Refusal::field("OUTSIDE_MATRIX", format!("{prefix}{field}"), why)
        }
        Outside::NotBuiltYet { field } => {
            let why = "is one that the procedure knows and this release cannot make yet";
            Refusal::field("NOT_BUILT_YET", format!("{prefix}{field}"), why)
        }
    })
}

/// As [`within_matrix`], of a report that is opened by hand.
///
/// # Errors
/// As [`within_matrix`].
pub fn may_be_made(kind: ReportType, format: Format, distribution: matrix::Distribution) -> Result<(), Refusal> {
    within_matrix(matrix::check(kind, format, distribution), "")
}

fn complete(report: &Report, form: &Form) -> Result<(), Refusal> {
    let last = matches!(report.period, Period::Incident { issue: Issue::Final, .. });
    let missing = form.missing(last);
    if missing.is_empty() {
        return Ok(());
    }
    let refusal = Refusal::new(Kind::State, "FORM_INCOMPLETE", "the form has required fields that are empty");
    Err(missing.into_iter().fold(refusal, |refusal, field| refusal.and_field(format!("form.{field}"), "is required")))
}

fn fresh(stored: &Stored, etag: &str) -> Result<(), Refusal> {
    if etag == stored.etag() {
        return Ok(());
    }
    let message = "the report changed since it was read; read it again and repeat";
    Err(Refusal::new(Kind::Conflict, "STALE_ETAG", message).with("etag", stored.etag()))
}

/// A report of a client whom the caller has nothing to do with is as if it were not there.
fn reach(caller: &Caller, permission: &str, report: &Report) -> Result<(), Refusal> {
    caller.require(permission, &report.client).map_err(|denied| {
        if caller.scope("reports.read").contains(&report.client) { denied } else { Refusal::not_found(report.name()) }
    })
}

/// Whose rows a list may show; none for everybody's.
pub fn clients_of(caller: &Caller, permission: &str, client: &str) -> Option<Vec<String>> {
    match caller.scope(permission) {
        access::Scope::All => (!client.is_empty()).then(|| vec![client.to_owned()]),
        access::Scope::Clients(mine) if client.is_empty() => Some(mine.into_iter().collect()),
        access::Scope::Clients(mine) => Some(mine.into_iter().filter(|one| one == client).collect()),
    }
}

/// Where a page begins: the sort key of the last row before.
///
/// # Errors
/// `BAD_PAGE_TOKEN`.
pub fn after(page: &Page) -> Result<Option<(i64, String)>, Refusal> {
    let bad = || Refusal::field("BAD_PAGE_TOKEN", "page_token", "is not a token of this list; begin without one");
    let key = |key: &String| {
        let (time, id) = key.split_once('/')?;
        Some((time.parse().ok()?, id.to_owned()))
    };
    page.after.as_ref().map(|text| key(text).ok_or_else(bad)).transpose()
}

fn id_of(name: &str) -> &str {
    name.strip_prefix("reports/").unwrap_or(name)
}
