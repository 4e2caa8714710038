//! The only code that touches the tables `mail` and `mail_content`.

use access::Scope;
use business_time::Timestamp;
use command::{Fault, paging::Page};
use database::{ConnectionTrait, DatabaseTransaction, exec, for_update, instant, micros, query_one};
use keyring::{Keyring, Owner, Purpose};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
    sea_query::{OnConflict, Query},
};

use super::{
    entity::{Mail, State, Triage, TriageReason},
    parse::Kind,
    trace::SenderCheck,
    words::{self, Sealed, SealedContent, Words},
};
use crate::db::entities::mail as row;

/// A mail as it is stored, its words sealed.
#[derive(Clone, Debug)]
pub struct StoredMail {
    /// What is not personal.
    pub mail: Mail,
    /// Whose key opens the rest.
    pub owner: Owner,
    sealed: Sealed,
    dismissal: Option<Vec<u8>>,
}

/// A mail that is stored for the first time.
pub struct NewMail<'a> {
    /// What is not personal.
    pub mail: &'a Mail,
    /// What makes it one mail, however often it comes.
    pub identity: String,
    /// Blind index of its Message-ID; empty where it has none.
    pub message_index: String,
    /// Its words.
    pub words: &'a Words,
    /// Its text.
    pub text: &'a str,
    /// Its bytes.
    pub raw: &'a [u8],
}

/// Stores a mail under the key of unknown senders; false where it is here already.
pub async fn insert(tx: &DatabaseTransaction, keyring: &Keyring, new: NewMail<'_>) -> Result<bool, Fault> {
    let owner = Owner::unknown_senders();
    let id = new.mail.id.as_str();
    let sealed = words::seal(tx, keyring, &owner, id, new.words).await?;
    let model = row::Model {
        identity: new.identity,
        message_index: new.message_index,
        sender: sealed.sender,
        subject: sealed.subject,
        message_id: sealed.message_id,
        trail: sealed.trail,
        ..to_row(new.mail, &owner)
    };
    let insert = row::Entity::insert(model.into_active_model())
        .on_conflict(OnConflict::column(row::Column::Identity).do_nothing().to_owned());
    if insert.exec_without_returning(tx).await? == 0 {
        return Ok(false);
    }
    let key = keyring.key(tx, &owner, Purpose::Erasable).await?;
    let text = keyring.encrypt_text(&key, words::content_place("text", id), new.text)?;
    let raw = keyring.encrypt(&key, words::content_place("raw", id), new.raw)?;
    let sql = "INSERT INTO mail_content (mail, text, raw) VALUES (?, ?, ?)";
    exec(tx, sql, vec![id.into(), text.into(), raw.into()]).await?;
    Ok(true)
}

/// The mail of this identity.
pub async fn find_by_identity<C: ConnectionTrait>(conn: &C, identity: &str) -> Result<Option<StoredMail>, Fault> {
    let found = row::Entity::find().filter(row::Column::Identity.eq(identity)).one(conn).await?;
    found.map(from_row).transpose()
}

/// A mail by its id.
pub async fn find<C: ConnectionTrait>(conn: &C, id: &str) -> Result<Option<StoredMail>, Fault> {
    row::Entity::find_by_id(id).one(conn).await?.map(from_row).transpose()
}

/// A mail by its id, its row locked.
pub async fn lock(tx: &DatabaseTransaction, id: &str) -> Result<Option<StoredMail>, Fault> {
    let sql = format!("SELECT id FROM mail WHERE id = ?{}", for_update(tx.get_database_backend()));
    match query_one(tx, &sql, vec![id.into()]).await? {
        Some(_) => find(tx, id).await,
        None => Ok(None),
    }
}

/// Writes what changed; its row is locked.
pub async fn save(tx: &DatabaseTransaction, mail: &Mail, owner: &Owner) -> Result<(), Fault> {
    let model = to_row(mail, owner);
    let change = row::ActiveModel {
        id: Set(model.id),
        state: Set(model.state),
        sender_check: Set(model.sender_check),
        client: Set(model.client),
        contact: Set(model.contact),
        thread: Set(model.thread),
        case_name: Set(model.case_name),
        author: Set(model.author),
        recipients: Set(model.recipients),
        receive_time: Set(model.receive_time),
        receive_time_known: Set(model.receive_time_known),
        triage_reason: Set(model.triage_reason),
        triage_due_time: Set(model.triage_due_time),
        overdue: Set(model.overdue),
        triage_owners: Set(model.triage_owners),
        triage_end_time: Set(model.triage_end_time),
        triage_ended_by: Set(model.triage_ended_by),
        next_due_time: Set(model.next_due_time),
        revision: Set(model.revision),
        ..Default::default()
    };
    row::Entity::update(change).exec(tx).await?;
    Ok(())
}

/// Writes why a mail is no client's word.
pub async fn save_dismissal(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    stored: &StoredMail,
    reason: &str,
) -> Result<(), Fault> {
    let id = &stored.mail.id;
    let sealed = keyring.seal(tx, &stored.owner, Purpose::Erasable, words::place("dismissal", id), reason).await?;
    let change = row::ActiveModel { id: Set(id.clone()), dismissal: Set(Some(sealed)), ..Default::default() };
    change.update(tx).await?;
    Ok(())
}

/// Seals a mail's words anew for another owner, once it is known whose they are.
pub async fn change_owner(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    stored: &mut StoredMail,
    owner: Owner,
) -> Result<(), Fault> {
    if stored.owner == owner {
        return Ok(());
    }
    let id = stored.mail.id.clone();
    let words = stored.words(tx, keyring).await?;
    let content = sealed_content(tx, &id).await?;
    let old = keyring.existing_key(tx, &stored.owner, Purpose::Erasable).await?;
    let new = keyring.key(tx, &owner, Purpose::Erasable).await?;
    let text = keyring.decrypt(&old, words::content_place("text", &id), &content.text)?;
    let raw = keyring.decrypt(&old, words::content_place("raw", &id), &content.raw)?;
    let text = keyring.encrypt(&new, words::content_place("text", &id), &text)?;
    let raw = keyring.encrypt(&new, words::content_place("raw", &id), &raw)?;
    let sql = "UPDATE mail_content SET text = ?, raw = ? WHERE mail = ?";
    exec(tx, sql, vec![text.into(), raw.into(), id.as_str().into()]).await?;
    let dismissal = match &stored.dismissal {
        Some(sealed) => {
            let reason = keyring.decrypt(&old, words::place("dismissal", &id), sealed)?;
            Some(keyring.encrypt(&new, words::place("dismissal", &id), &reason)?)
        }
        None => None,
    };
    let sealed = words::seal(tx, keyring, &owner, &id, &words).await?;
    let change = row::ActiveModel {
        id: Set(id),
        key_owner: Set(owner.as_str().to_owned()),
        sender: Set(sealed.sender.clone()),
        subject: Set(sealed.subject.clone()),
        message_id: Set(sealed.message_id.clone()),
        trail: Set(sealed.trail.clone()),
        dismissal: Set(dismissal.clone()),
        ..Default::default()
    };
    change.update(tx).await?;
    *stored = StoredMail { mail: stored.mail.clone(), owner, sealed, dismissal };
    Ok(())
}

impl StoredMail {
    /// Where it stands in a list that begins with the newest.
    pub fn sort_key(&self) -> String {
        crate::db::key_of(self.mail.receive_time, &self.mail.id)
    }

    /// Its words.
    pub async fn words<C: ConnectionTrait>(&self, conn: &C, keyring: &Keyring) -> Result<Words, Fault> {
        words::open(conn, keyring, &self.owner, &self.mail.id, &self.sealed).await
    }

    /// Its text.
    pub async fn text<C: ConnectionTrait>(&self, conn: &C, keyring: &Keyring) -> Result<String, Fault> {
        let content = sealed_content(conn, &self.mail.id).await?;
        let place = words::content_place("text", &self.mail.id);
        Ok(keyring.open(conn, &self.owner, Purpose::Erasable, place, &content.text).await?)
    }
}

async fn sealed_content<C: ConnectionTrait>(conn: &C, id: &str) -> Result<SealedContent, Fault> {
    let content = query_one(conn, "SELECT text, raw FROM mail_content WHERE mail = ?", vec![id.into()]).await?;
    let content = content.ok_or_else(|| Fault::Stored("a mail has no content".into()))?;
    Ok(SealedContent { text: content.try_get("", "text")?, raw: content.try_get("", "raw")? })
}

/// Whether one of these Message-IDs is of an earlier mail that nobody has looked at yet.
pub async fn is_any_unidentified<C: ConnectionTrait>(
    conn: &C,
    indexes: &[String],
    before: &str,
) -> Result<bool, Fault> {
    if indexes.is_empty() {
        return Ok(false);
    }
    let query = row::Entity::find()
        .select_only()
        .column(row::Column::Id)
        .filter(row::Column::MessageIndex.is_in(indexes))
        .filter(row::Column::State.eq(state_number(State::Received)))
        .filter(row::Column::Id.lt(before));
    Ok(query.into_tuple::<String>().one(conn).await?.is_some())
}

/// Mails that lie in triage and are not overdue, in the order of their ids, rows locked.
pub async fn lock_waiting(tx: &DatabaseTransaction) -> Result<Vec<StoredMail>, Fault> {
    let query = row::Entity::find()
        .filter(row::Column::State.eq(state_number(State::InTriage)))
        .filter(row::Column::Overdue.eq(false))
        .order_by_asc(row::Column::Id);
    let query = if tx.get_database_backend() == database::DbBackend::Postgres { query.lock_exclusive() } else { query };
    query.all(tx).await?.into_iter().map(from_row).collect()
}

/// Which mails a list shows.
pub struct Filter<'a> {
    /// Of these clients.
    pub scope: &'a Scope,
    /// And those that are no client's, or lay in triage.
    pub nobodys: bool,
    /// Only in this state.
    pub state: Option<State>,
    /// Only this client's; empty for all.
    pub client: &'a str,
}

/// The newest first.
pub async fn list<C: ConnectionTrait>(conn: &C, filter: &Filter<'_>, page: &Page) -> Result<Vec<StoredMail>, Fault> {
    let mut shown = Condition::any();
    shown = match filter.scope {
        Scope::All => shown.add(row::Column::Client.ne("")),
        Scope::Clients(clients) => shown.add(row::Column::Client.is_in(clients.iter().filter(|name| !name.is_empty()))),
    };
    if filter.nobodys {
        shown = shown.add(row::Column::Client.eq("")).add(row::Column::TriageReason.ne(""));
    }
    let mut query = row::Entity::find().filter(shown);
    if let Some(state) = filter.state {
        query = query.filter(row::Column::State.eq(state_number(state)));
    }
    if !filter.client.is_empty() {
        query = query.filter(row::Column::Client.eq(filter.client));
    }
    if let Some((time, id)) = page.after.as_deref().and_then(crate::db::key) {
        query = query.filter(
            Condition::any()
                .add(row::Column::ReceiveTime.lt(time))
                .add(row::Column::ReceiveTime.eq(time).and(row::Column::Id.lt(id))),
        );
    }
    let rows = query
        .order_by_desc(row::Column::ReceiveTime)
        .order_by_desc(row::Column::Id)
        .limit(u64::try_from(page.limit()).unwrap_or(1))
        .all(conn)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// Writes the case of the mail that opened it.
pub async fn set_case(tx: &DatabaseTransaction, id: &str, case: &str) -> Result<(), Fault> {
    let change = Query::update()
        .table(row::Entity)
        .value(row::Column::CaseName, case)
        .and_where(row::Column::Id.eq(id))
        .to_owned();
    tx.execute(&change).await?;
    Ok(())
}

fn to_row(mail: &Mail, owner: &Owner) -> row::Model {
    let triage = mail.triage.clone().unwrap_or_default();
    row::Model {
        id: mail.id.clone(),
        identity: String::new(),
        message_index: String::new(),
        state: state_number(mail.state),
        kind: kind_number(mail.kind),
        no_automatic_answer: mail.no_automatic_answer,
        sender_check: mail.check.map_or(0, check_number),
        client: mail.client.clone(),
        contact: mail.contact.clone(),
        thread: mail.thread.clone(),
        case_name: mail.case.clone(),
        key_owner: owner.as_str().to_owned(),
        receive_time: micros(mail.receive_time),
        receive_time_known: mail.receive_time_known,
        record_time: micros(mail.record_time),
        author: mail.author.clone(),
        recipients: crate::db::names(&mail.recipients),
        sender: Vec::new(),
        subject: Vec::new(),
        message_id: Vec::new(),
        trail: Vec::new(),
        triage_reason: mail.triage.as_ref().map(|triage| triage.reason.as_str().to_owned()).unwrap_or_default(),
        triage_due_time: triage.due_time.map(micros),
        overdue: triage.overdue,
        triage_owners: crate::db::names(&triage.owners),
        triage_end_time: triage.end_time.map(micros),
        triage_ended_by: triage.ended_by,
        dismissal: None,
        next_due_time: mail.next_due_time().map(micros),
        attempts: 0,
        set_aside_reason: None,
        revision: crate::db::signed(mail.revision),
    }
}

fn from_row(row: row::Model) -> Result<StoredMail, Fault> {
    let strange = |what: &str| Fault::Stored(format!("a mail has an unknown {what}"));
    let time = |micros: Option<i64>| -> Result<Option<Timestamp>, Fault> { Ok(micros.map(instant).transpose()?) };
    let triage = match row.triage_reason.as_str() {
        "" => None,
        reason => Some(Triage {
            reason: TriageReason::parse(reason).ok_or_else(|| strange("reason"))?,
            due_time: time(row.triage_due_time)?,
            overdue: row.overdue,
            owners: crate::db::read_names(&row.triage_owners),
            end_time: time(row.triage_end_time)?,
            ended_by: row.triage_ended_by,
        }),
    };
    let mail = Mail {
        id: row.id,
        revision: crate::db::unsigned(row.revision),
        kind: kind_of(row.kind).ok_or_else(|| strange("kind"))?,
        no_automatic_answer: row.no_automatic_answer,
        check: check_of(row.sender_check),
        receive_time: instant(row.receive_time)?,
        receive_time_known: row.receive_time_known,
        record_time: instant(row.record_time)?,
        client: row.client,
        contact: row.contact,
        thread: row.thread,
        case: row.case_name,
        author: row.author,
        recipients: crate::db::read_names(&row.recipients),
        state: state_of(row.state).ok_or_else(|| strange("state"))?,
        triage,
    };
    let sealed = Sealed { sender: row.sender, subject: row.subject, message_id: row.message_id, trail: row.trail };
    Ok(StoredMail { mail, owner: Owner::new(row.key_owner), sealed, dismissal: row.dismissal })
}

const STATES: [State; 6] =
    [State::Received, State::Attributed, State::InTriage, State::Dismissed, State::Filed, State::SentCopy];
const KINDS: [Kind; 3] = [Kind::Personal, Kind::Automatic, Kind::DeliveryReport];
const CHECKS: [SenderCheck; 3] = [SenderCheck::Passed, SenderCheck::Failed, SenderCheck::Missing];

fn state_number(state: State) -> i64 {
    crate::db::number(&STATES, &state)
}

fn state_of(number: i64) -> Option<State> {
    crate::db::of_number(&STATES, number)
}

fn kind_number(kind: Kind) -> i64 {
    crate::db::number(&KINDS, &kind)
}

fn kind_of(number: i64) -> Option<Kind> {
    crate::db::of_number(&KINDS, number)
}

fn check_number(check: SenderCheck) -> i64 {
    crate::db::number(&CHECKS, &check)
}

fn check_of(number: i64) -> Option<SenderCheck> {
    crate::db::of_number(&CHECKS, number)
}
