//! The only code that touches the tables of cases. `db` draws them.

mod threads;
mod unsettled;

use std::sync::Arc;

use business_time::Timestamp;
use command::{Fault, Unit};
use database::{ConnectionTrait, Value, instant, micros, query_all, query_one};
use evidence::hash::{Hash, Head};
use keyring::{DataKey, Keyring, Owner, Place, Purpose};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QuerySelect};

use super::entity::{Case, ClockKind, Fact, Inquiry, Issue, Kind, Origin, Policy, Progress, Stage, What};
use crate::{
    case::timeline,
    db::entities::{client_case, timeline_entry},
};

pub use threads::{find_by_thread, is_known_mail, is_known_word, is_noted_on, is_word_on, lock_thread, set_thread};
pub use unsettled::{Unsettled, data_key, unsettled};

const TABLE: &str = "client_case";

/// A case as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The case itself.
    pub case: Case,
    /// Rises with each change, by one for each event.
    pub revision: u64,
    row: client_case::Model,
}

/// The words that belong to a case, in the clear. Empty where there are none, or where the client's data was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What it is about.
    pub subject: String,
    /// The latest proposal.
    pub proposal: String,
    /// Why the first response was late.
    pub response_reason: String,
    /// Why the resolution was late.
    pub resolution_reason: String,
    /// Why an update on a critical incident was late.
    pub update_reason: String,
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// These clients' alone; none for all.
    pub clients: Option<Vec<String>>,
    /// Only in this state.
    pub state: Option<&'static str>,
    /// Only the one that this mail opened or belongs to.
    pub mail: Option<String>,
    /// Behind this place: open time and id of the last one before.
    pub after: Option<(i64, String)>,
    /// At most this many.
    pub limit: i64,
}

/// An entry of a timeline as it is stored, decrypted.
#[derive(Clone, Debug)]
pub struct TimelineRow {
    /// From 1 upwards.
    pub sequence: u64,
    /// Salt and encoded entry together ([`evidence::chain::unpack`]); none once the client's key is destroyed.
    pub packed: Option<Vec<u8>>,
    /// See [`evidence::chain`].
    pub hash: Vec<u8>,
}

impl Stored {
    /// When it was closed.
    pub fn close_time(&self) -> Result<Option<Timestamp>, Fault> {
        Ok(self.row.close_time.map(instant).transpose()?)
    }

    /// Its sort key in lists.
    pub fn key(&self) -> String {
        format!("{}/{}", self.row.open_time, self.row.id)
    }

    /// Changes with each change.
    pub fn etag(&self) -> String {
        format!("{}", self.revision)
    }
}

/// Finds a case; with `lock` its row stays ours until the transaction ends.
///
/// # Errors
/// The database's.
pub async fn find_row<C: ConnectionTrait>(conn: &C, id: &str, lock: bool) -> Result<Option<Row>, Fault> {
    let query = client_case::Entity::find_by_id(id);
    let query = if lock { query.lock_exclusive() } else { query };
    Ok(query.one(conn).await?.map(Row))
}

/// A row that was not read as a case yet.
#[derive(Clone, Debug)]
pub struct Row(client_case::Model);

impl Row {
    /// The policy version that the case is pinned to; 0 for none.
    pub fn policy_version(&self) -> u64 {
        unsigned(self.0.policy_version)
    }

    /// The case, with the policy that [`Row::policy_version`] names.
    ///
    /// # Errors
    /// Where the row does not read.
    pub fn read(self, policy: Option<Arc<Policy>>) -> Result<Stored, Fault> {
        let Self(row) = self;
        let mut stage =
            serde_json::from_str(&row.stage).map_err(|error| Fault::Stored(format!("a case's stage: {error}")))?;
        if let (Stage::Issue(issue), Some(critical)) = (&mut stage, &row.critical) {
            let critical = serde_json::from_str(critical);
            issue.critical = Some(critical.map_err(|error| Fault::Stored(format!("a critical case: {error}")))?);
        }
        let origin = match (&row.origin_mail, &row.thread) {
            (Some(mail), Some(thread)) => Origin::Mail { mail: mail.clone(), thread: thread.clone() },
            _ => Origin::Api,
        };
        let case = Case {
            id: row.id.clone(),
            client: row.client.clone(),
            engagement: row.engagement.clone(),
            origin,
            opener: row.opener.clone(),
            last_contact: row.last_contact.clone(),
            open_time: instant(row.open_time)?,
            policy,
            epoch: unsigned(row.epoch),
            stage,
        };
        Ok(Stored { case, revision: unsigned(row.revision), row })
    }
}

/// Inserts a new case with what happened to it; `cause` is what opened it elsewhere.
///
/// # Errors
/// The database's, and where the client's key was destroyed.
pub async fn insert(unit: &Unit<'_>, case: Case, facts: &[Fact], cause: Option<&str>) -> Result<Stored, Fault> {
    let now = micros(unit.now());
    let (mail, thread) = match &case.origin {
        Origin::Mail { mail, thread } => (Some(mail.clone()), Some(thread.clone())),
        Origin::Api => (None, None),
    };
    let row = client_case::Model {
        id: case.id.clone(),
        client: case.client.clone(),
        engagement: case.engagement.clone(),
        origin_mail: mail.clone(),
        thread,
        opener: case.opener.clone(),
        last_contact: None,
        open_time: micros(case.open_time),
        close_time: None,
        kind: String::new(),
        state: String::new(),
        stage: String::new(),
        subject: None,
        proposal_text: None,
        response_reason: None,
        resolution_reason: None,
        update_reason: None,
        critical: None,
        policy_version: 0,
        epoch: 0,
        clock_client: None,
        clock_calendar: None,
        clock_revision: 0,
        clock_data: String::new(),
        next_due_time: None,
        attempts: 0,
        set_aside_reason: None,
        timeline_count: 0,
        timeline_head: Hash::ZERO.as_bytes().to_vec(),
        revision: 0,
        create_time: now,
        update_time: now,
    };
    row.clone().into_active_model().insert(unit.tx()).await?;
    if let Some(mail) = mail {
        is_word_on(unit, &mail, &case.id).await?;
    }
    let mut stored = Stored { case, revision: 0, row };
    save(unit, &mut stored, facts, cause).await?;
    Ok(stored)
}

/// Writes a changed case and appends what happened to its timeline. The caller holds the row's lock. The revision rises by
/// one for each event that is told of it, and at least by one where the case itself changed; a mere entry leaves it.
///
/// # Errors
/// The database's, and where the client's key was destroyed.
pub async fn save(unit: &Unit<'_>, stored: &mut Stored, facts: &[Fact], cause: Option<&str>) -> Result<(), Fault> {
    unit.touched(&stored.case.name());
    let before = stored.row.clone();
    let key = unit.keyring().key(unit.tx(), &Owner::new(stored.case.client.as_str()), Purpose::Erasable).await?;
    append(unit, stored, &key, facts, cause).await?;
    seal_words(stored, &key, facts)?;
    let case = &stored.case;
    let stage =
        serde_json::to_string(&case.stage).map_err(|error| Fault::Stored(format!("a case's stage: {error}")))?;
    let critical = case.critical().map(serde_json::to_string).transpose();
    let critical = critical.map_err(|error| Fault::Stored(format!("a critical case: {error}")))?;
    let (kind, state) = (kind_of(case), state_of(case));
    let rests = case.rests_on();
    let row = &mut stored.row;
    row.stage = stage;
    row.critical = critical;
    kind.clone_into(&mut row.kind);
    state.clone_into(&mut row.state);
    row.last_contact.clone_from(&case.last_contact);
    row.policy_version = signed(case.policy.as_ref().map_or(0, |policy| policy.version));
    row.epoch = signed(case.epoch);
    row.next_due_time = case.next_due_time().map(micros);
    row.close_time = match &case.stage {
        Stage::Issue(Issue { progress: Progress::Closed(closure), .. }) => Some(micros(closure.time)),
        _ => None,
    };
    row.clock_client = rests.as_ref().map(|_| case.client.clone());
    let rests = rests.and_then(|rests| rests.0);
    row.clock_calendar = rests.as_ref().map(|rests| rests.calendar.clone());
    row.clock_revision = signed(rests.as_ref().map_or(0, |rests| rests.calendar_revision));
    row.clock_data = rests.map(|rests| data_key(&rests.tzdb_version, &rests.holidays_version)).unwrap_or_default();

    let events: Vec<_> = facts.iter().filter_map(|fact| crate::events::publish::event_of(case, fact)).collect();
    let changed = {
        let mut same = before.clone();
        same.timeline_count = row.timeline_count;
        same.timeline_head.clone_from(&row.timeline_head);
        same != *row
    };
    let told = u64::try_from(events.len()).unwrap_or(u64::MAX);
    let first = stored.revision + 1;
    stored.revision += told.max(u64::from(changed));
    if changed || told > 0 {
        row.revision = signed(stored.revision);
        row.update_time = micros(unit.now());
        // Something was done: a clock that failed begins anew.
        row.attempts = 0;
    }
    row.clone().into_active_model().reset_all().update(unit.tx()).await?;
    let name = case.name();
    for (revision, event) in (first..).zip(events) {
        event.publish(unit, &name, revision).await?;
    }
    Ok(())
}

async fn append(
    unit: &Unit<'_>,
    stored: &mut Stored,
    key: &DataKey,
    facts: &[Fact],
    cause: Option<&str>,
) -> Result<(), Fault> {
    let name = stored.case.name();
    for fact in facts {
        let head = Hash::from_slice(&stored.row.timeline_head);
        let hash = head.ok_or_else(|| Fault::Stored("a timeline's head is no hash".into()))?;
        let head = Head { count: unsigned(stored.row.timeline_count), hash };
        let plaintext = timeline::encode(&stored.case, fact, head.count + 1, unit.actor(), unit.now());
        let link = head.append(&name, &plaintext).map_err(|error| Fault::Stored(format!("salt: {error}")))?;
        let place = format!("{}/{}", stored.case.id, link.sequence);
        let packed = evidence::chain::pack(&link.salt, &plaintext);
        let row = timeline_entry::Model {
            case_id: stored.case.id.clone(),
            sequence: signed(link.sequence),
            entry: key.encrypt(Place::new("timeline_entry", "entry", &place), &packed)?,
            content: link.content.as_bytes().to_vec(),
            hash: link.hash.as_bytes().to_vec(),
            cause: cause.map(str::to_owned),
        };
        timeline_entry::Entity::insert(row.into_active_model()).exec_without_returning(unit.tx()).await?;
        stored.row.timeline_count = signed(link.sequence);
        stored.row.timeline_head = link.hash.as_bytes().to_vec();
    }
    Ok(())
}

/// Keeps the words that a case shows beside its stage: of each kind the latest.
fn seal_words(stored: &mut Stored, key: &DataKey, facts: &[Fact]) -> Result<(), Fault> {
    let id = stored.case.id.clone();
    let seal = |column: &'static str, text: &str| key.encrypt(Place::new(TABLE, column, &id), text.as_bytes());
    for fact in facts {
        match &fact.what {
            What::Opened { text, .. } if !text.is_empty() => stored.row.subject = Some(seal("subject", text)?),
            What::ResolutionProposed { text, .. } => stored.row.proposal_text = Some(seal("proposal_text", text)?),
            What::LatenessReason { clock: ClockKind::FirstResponse, text } => {
                stored.row.response_reason = Some(seal("response_reason", text)?);
            }
            What::LatenessReason { clock: ClockKind::Resolution, text } => {
                stored.row.resolution_reason = Some(seal("resolution_reason", text)?);
            }
            What::LatenessReason { clock: ClockKind::ClientUpdate, text } => {
                stored.row.update_reason = Some(seal("update_reason", text)?);
            }
            // An inquiry that opens again has a new clock, and the old one's reason goes with it.
            What::Reopened { .. } => stored.row.response_reason = None,
            _ => {}
        }
    }
    Ok(())
}

/// The words of a case.
///
/// # Errors
/// The database's, and where stored bytes do not open.
pub async fn words<C: ConnectionTrait>(conn: &C, keyring: &Keyring, stored: &Stored) -> Result<Words, Fault> {
    let (row, owner) = (&stored.row, Owner::new(stored.case.client.as_str()));
    let mut texts = [const { String::new() }; 5];
    let columns = [
        ("subject", &row.subject),
        ("proposal_text", &row.proposal_text),
        ("response_reason", &row.response_reason),
        ("resolution_reason", &row.resolution_reason),
        ("update_reason", &row.update_reason),
    ];
    for (text, (column, sealed)) in texts.iter_mut().zip(columns) {
        let Some(sealed) = sealed else { continue };
        let place = Place::new(TABLE, column, &row.id);
        match keyring.open(conn, &owner, Purpose::Erasable, place, sealed).await {
            Ok(clear) => *text = clear,
            Err(keyring::Error::Erased { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let [subject, proposal, response_reason, resolution_reason, update_reason] = texts;
    Ok(Words { subject, proposal, response_reason, resolution_reason, update_reason })
}

/// Rows of a list, the newest first.
///
/// # Errors
/// The database's.
pub async fn list<C: ConnectionTrait>(conn: &C, filter: &Filter) -> Result<Vec<Row>, Fault> {
    let (mut terms, mut values): (Vec<String>, Vec<Value>) = (Vec::new(), Vec::new());
    if let Some(clients) = &filter.clients {
        if clients.is_empty() {
            return Ok(Vec::new());
        }
        terms.push(format!("client IN ({})", vec!["?"; clients.len()].join(", ")));
        values.extend(clients.iter().map(|client| Value::from(client.as_str())));
    }
    if let Some(state) = filter.state {
        terms.push("state = ?".into());
        values.push(state.into());
    }
    if let Some(mail) = &filter.mail {
        terms.push("id IN (SELECT case_id FROM case_mail WHERE mail = ?)".into());
        values.push(mail.as_str().into());
    }
    if let Some((time, id)) = &filter.after {
        terms.push("(open_time, id) < (?, ?)".into());
        values.extend([Value::from(*time), id.as_str().into()]);
    }
    let terms = if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
    values.push(filter.limit.into());
    let sql = format!("SELECT * FROM client_case{terms} ORDER BY open_time DESC, id DESC LIMIT ?");
    let statement = database::sql::statement(conn.get_database_backend(), &sql, values);
    let rows = client_case::Entity::find().from_raw_sql(statement).all(conn).await?;
    Ok(rows.into_iter().map(Row).collect())
}

/// A stretch of a timeline, in order.
///
/// # Errors
/// The database's, and where stored bytes do not open.
pub async fn timeline<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    stored: &Stored,
    after: u64,
    limit: Option<i64>,
) -> Result<Vec<TimelineRow>, Fault> {
    let (id, owner) = (stored.case.id.as_str(), Owner::new(stored.case.client.as_str()));
    let bound = if limit.is_some() { " LIMIT ?" } else { "" };
    let sql = format!(
        "SELECT sequence, entry, hash FROM timeline_entry WHERE case_id = ? AND sequence > ? ORDER BY sequence{bound}"
    );
    let mut values: Vec<Value> = vec![id.into(), signed(after).into()];
    values.extend(limit.map(Value::from));
    let mut entries = Vec::new();
    for row in query_all(conn, &sql, values).await? {
        let sequence = unsigned(row.try_get("", "sequence")?);
        let sealed: Vec<u8> = row.try_get("", "entry")?;
        let place = format!("{id}/{sequence}");
        let place = Place::new("timeline_entry", "entry", &place);
        let packed = match keyring.open_bytes(conn, &owner, Purpose::Erasable, place, &sealed).await {
            Ok(packed) => Some(packed),
            Err(keyring::Error::Erased { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        entries.push(TimelineRow { sequence, packed, hash: row.try_get("", "hash")? });
    }
    Ok(entries)
}

/// Whether a cause has left its mark already.
///
/// # Errors
/// The database's.
pub async fn is_handled<C: ConnectionTrait>(conn: &C, cause: &str) -> Result<bool, Fault> {
    let sql = "SELECT 1 AS one FROM timeline_entry WHERE cause = ? LIMIT 1";
    Ok(query_one(conn, sql, vec![cause.into()]).await?.is_some())
}

fn kind_of(case: &Case) -> &'static str {
    match case.kind() {
        Kind::Inquiry => "INQUIRY",
        Kind::Issue => "ISSUE",
        Kind::Incident => "INCIDENT",
    }
}

/// A case's state as it is stored and listed by.
pub fn state_of(case: &Case) -> &'static str {
    match &case.stage {
        Stage::Inquiry(Inquiry::Awaiting(_)) => "AWAITING_RESPONSE",
        Stage::Inquiry(Inquiry::Answered(_)) => "ANSWERED",
        Stage::Issue(issue) => match &issue.progress {
            Progress::Unresolved { .. } => "UNRESOLVED",
            Progress::Proposed(_) => "RESOLUTION_PROPOSED",
            Progress::Closed(_) => "CLOSED",
        },
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
