//! The only code that touches the table `notification`; `attempts` is that for `send_attempt`.

#[path = "attempts.rs"]
mod attempts;

use access::Scope;
use business_time::Timestamp;
use command::{Fault, paging::Page};
use database::{ConnectionTrait, DatabaseTransaction, for_update, instant, micros, query_one};
use keyring::{Keyring, Owner, Place, Purpose};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set, sea_query::OnConflict,
};

use super::{
    alert::{Alert, Channel, Side},
    entity::{Audience, Facts, Kind, Notification, State},
};
pub use attempts::{Attempt, amend_attempt, attempts, end_attempt, find_open_attempt, insert_attempt};

use crate::{db::entities::notification as row, grpc::convert};

/// A notification as it is stored, its words sealed.
#[derive(Clone, Debug)]
pub struct StoredNotification {
    /// What is not personal.
    pub notification: Notification,
    /// Whose key opens the rest.
    pub owner: Owner,
    subject: Option<Vec<u8>>,
    body: Option<Vec<u8>>,
    override_reason: Option<Vec<u8>>,
}

/// What a notification says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Its subject.
    pub subject: String,
    /// Its plain text.
    pub text: String,
    /// Why it was sent although the language check blocks it; empty where it does not.
    pub override_reason: String,
}

/// Stores a new notification; false where it is here already.
pub async fn insert(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    notification: &Notification,
    words: Option<&Words>,
) -> Result<bool, Fault> {
    let owner = owner_of(notification);
    let mut model = to_row(notification, &owner)?;
    if let Some(words) = words {
        (model.subject, model.body) = seal(tx, keyring, &owner, &notification.id, words).await?;
        if !words.override_reason.is_empty() {
            let place = place("override_reason", &notification.id);
            let sealed = keyring.seal(tx, &owner, Purpose::Erasable, place, &words.override_reason).await?;
            model.override_reason = Some(sealed);
        }
    }
    let insert = row::Entity::insert(model.into_active_model())
        .on_conflict(OnConflict::column(row::Column::Id).do_nothing().to_owned());
    Ok(insert.exec_without_returning(tx).await? == 1)
}

/// A notification by its id.
pub async fn find<C: ConnectionTrait>(conn: &C, id: &str) -> Result<Option<StoredNotification>, Fault> {
    row::Entity::find_by_id(id).one(conn).await?.map(from_row).transpose()
}

/// The conversations of those of the firm's mails that have one of these Message-IDs; an empty name for one that is on none.
pub async fn find_sent<C: ConnectionTrait>(conn: &C, message_ids: &[String]) -> Result<Vec<String>, Fault> {
    if message_ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = row::Entity::find().select_only().column(row::Column::Thread);
    let query = query.filter(row::Column::MessageId.is_in(message_ids.iter().filter(|id| !id.is_empty())));
    Ok(query.into_tuple().all(conn).await?)
}

/// The ids of the notifications that have one of these Message-IDs, in the order in which those are given.
pub async fn find_ids_by_message_id<C: ConnectionTrait>(
    conn: &C,
    message_ids: &[String],
) -> Result<Vec<String>, Fault> {
    if message_ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = row::Entity::find().select_only().column(row::Column::Id);
    let query = query.filter(row::Column::MessageId.is_in(message_ids.iter().filter(|id| !id.is_empty())));
    let query = query.column(row::Column::MessageId).order_by_asc(row::Column::Id);
    let mut found: Vec<(String, String)> = query.into_tuple().all(conn).await?;
    found.sort_by_key(|(_, message_id)| message_ids.iter().position(|known| known == message_id));
    Ok(found.into_iter().map(|(id, _)| id).collect())
}

/// The alerts by mail that have one of these Message-IDs, in the order of their ids.
pub async fn find_alerts<C: ConnectionTrait>(conn: &C, message_ids: &[String]) -> Result<Vec<String>, Fault> {
    if message_ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = row::Entity::find().select_only().column(row::Column::Id);
    let query = query.filter(row::Column::MessageId.is_in(message_ids.iter().filter(|id| !id.is_empty())));
    let query = query.filter(row::Column::Kind.eq(kind_number(Kind::CriticalAlert))).order_by_asc(row::Column::Id);
    Ok(query.into_tuple().all(conn).await?)
}

/// The alerts about a case, in the order of their ids.
pub async fn alerts_of_case<C: ConnectionTrait>(conn: &C, case: &str) -> Result<Vec<String>, Fault> {
    let query = row::Entity::find().select_only().column(row::Column::Id).filter(row::Column::CaseName.eq(case));
    let query = query.filter(row::Column::Kind.eq(kind_number(Kind::CriticalAlert))).order_by_asc(row::Column::Id);
    Ok(query.into_tuple().all(conn).await?)
}

/// The request or reminder to confirm that has this Message-ID and went to this client.
pub async fn find_confirmation_request<C: ConnectionTrait>(
    conn: &C,
    message_id: &str,
    client: &str,
) -> Result<Option<Notification>, Fault> {
    let kinds = [Kind::ConfirmationRequest, Kind::ConfirmationReminder].map(kind_number);
    let query = row::Entity::find().filter(row::Column::MessageId.eq(message_id));
    let query = query.filter(row::Column::Client.eq(client)).filter(row::Column::Kind.is_in(kinds));
    let found = query.one(conn).await?.map(from_row).transpose()?;
    Ok(found.map(|stored| stored.notification))
}

/// A notification by its id, its row locked.
pub async fn lock(tx: &DatabaseTransaction, id: &str) -> Result<Option<StoredNotification>, Fault> {
    let sql = format!("SELECT id FROM notification WHERE id = ?{}", for_update(tx.get_database_backend()));
    match query_one(tx, &sql, vec![id.into()]).await? {
        Some(_) => find(tx, id).await,
        None => Ok(None),
    }
}

/// Writes what changed; its row is locked.
pub async fn save(tx: &DatabaseTransaction, notification: &Notification) -> Result<(), Fault> {
    let change = row::ActiveModel {
        id: Set(notification.id.clone()),
        state: Set(state_number(notification.state)),
        thread: Set(notification.thread.clone()),
        message_id: Set(notification.message_id.clone()),
        hand_over_time: Set(notification.hand_over_time.map(micros)),
        reason: Set(notification.reason.clone()),
        tries: Set(i64::from(notification.tries)),
        recipients: Set(crate::db::names(&notification.recipients)),
        stand_ins_for: Set(crate::db::names(&notification.stand_ins_for)),
        possible_duplicate: Set(notification.possible_duplicate),
        returned: Set(crate::db::names(&notification.returned)),
        return_time: Set(notification.return_time.map(micros)),
        revision: Set(crate::db::signed(notification.revision)),
        round: Set(notification.alert.map_or(0, |alert| i64::from(alert.round))),
        round_over: Set(notification.alert.is_some_and(|alert| alert.round_over)),
        next_round_time: Set(notification.alert.and_then(|alert| alert.next_round_time).map(micros)),
        ..Default::default()
    };
    row::Entity::update(change).exec(tx).await?;
    Ok(())
}

/// Writes what it says, as it goes out.
pub async fn save_words(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    stored: &StoredNotification,
    words: &Words,
) -> Result<(), Fault> {
    let id = stored.notification.id.clone();
    let (subject, body) = seal(tx, keyring, &stored.owner, &id, words).await?;
    let change = row::ActiveModel { id: Set(id), subject: Set(subject), body: Set(body), ..Default::default() };
    change.update(tx).await?;
    Ok(())
}

impl StoredNotification {
    /// Where it stands in a list that begins with the newest.
    pub fn sort_key(&self) -> String {
        crate::db::key_of(self.notification.queue_time, &self.notification.id)
    }

    /// What it says; empty for a generated one that was not tried yet.
    pub async fn words<C: ConnectionTrait>(&self, conn: &C, keyring: &Keyring) -> Result<Words, Fault> {
        let id = self.notification.id.as_str();
        let mut words = Words::default();
        if let Some(sealed) = &self.subject {
            words.subject = keyring.open(conn, &self.owner, Purpose::Erasable, place("subject", id), sealed).await?;
        }
        if let Some(sealed) = &self.body {
            words.text = keyring.open(conn, &self.owner, Purpose::Erasable, place("body", id), sealed).await?;
        }
        if let Some(sealed) = &self.override_reason {
            let place = place("override_reason", id);
            words.override_reason = keyring.open(conn, &self.owner, Purpose::Erasable, place, sealed).await?;
        }
        Ok(words)
    }
}

/// The newest first, of these clients; `everything` shows what concerns no client too.
pub async fn list<C: ConnectionTrait>(
    conn: &C,
    scope: &Scope,
    client: &str,
    case: &str,
    page: &Page,
) -> Result<Vec<StoredNotification>, Fault> {
    let mut query = row::Entity::find();
    if let Scope::Clients(clients) = scope {
        query = query.filter(row::Column::Client.is_in(clients.iter().filter(|name| !name.is_empty())));
    }
    if !client.is_empty() {
        query = query.filter(row::Column::Client.eq(client));
    }
    if !case.is_empty() {
        query = query.filter(row::Column::CaseName.eq(case));
    }
    if let Some((time, id)) = page.after.as_deref().and_then(crate::db::key) {
        query = query.filter(
            Condition::any()
                .add(row::Column::QueueTime.lt(time))
                .add(row::Column::QueueTime.eq(time).and(row::Column::Id.lt(id))),
        );
    }
    let rows = query
        .order_by_desc(row::Column::QueueTime)
        .order_by_desc(row::Column::Id)
        .limit(u64::try_from(page.limit()).unwrap_or(1))
        .all(conn)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// How many of a kind were queued for a client's contact since then.
pub async fn count_since(
    tx: &DatabaseTransaction,
    kind: Kind,
    audience: &Audience,
    since: Timestamp,
) -> Result<u64, Fault> {
    let name = audience.name();
    let query = row::Entity::find()
        .filter(row::Column::Client.eq(crate::mail::entity::client_of(&name)))
        .filter(row::Column::QueueTime.gte(micros(since)))
        .filter(row::Column::Kind.eq(kind_number(kind)))
        .filter(row::Column::Audience.eq(name.as_str()));
    Ok(query.count(tx).await?)
}

async fn seal(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    owner: &Owner,
    id: &str,
    words: &Words,
) -> Result<(Option<Vec<u8>>, Option<Vec<u8>>), Fault> {
    let key = keyring.key(tx, owner, Purpose::Erasable).await?;
    let subject = keyring.encrypt_text(&key, place("subject", id), &words.subject)?;
    let body = keyring.encrypt_text(&key, place("body", id), &words.text)?;
    Ok((Some(subject), Some(body)))
}

fn place<'a>(column: &'a str, id: &'a str) -> Place<'a> {
    Place::new("notification", column, id)
}

fn owner_of(notification: &Notification) -> Owner {
    if notification.client.is_empty() { Owner::staff() } else { Owner::new(notification.client.as_str()) }
}

fn to_row(notification: &Notification, owner: &Owner) -> Result<row::Model, Fault> {
    Ok(row::Model {
        id: notification.id.clone(),
        kind: kind_number(notification.kind),
        state: state_number(notification.state),
        client: notification.client.clone(),
        engagement: notification.engagement.clone(),
        case_name: notification.case.clone(),
        mail: notification.mail.clone(),
        thread: notification.thread.clone(),
        author: notification.author.clone(),
        audience: notification.audience.name(),
        facts: serde_json::to_string(&notification.facts).map_err(|error| Fault::Stored(error.to_string()))?,
        key_owner: owner.as_str().to_owned(),
        subject: None,
        body: None,
        message_id: notification.message_id.clone(),
        queue_time: micros(notification.queue_time),
        hand_over_time: notification.hand_over_time.map(micros),
        reason: notification.reason.clone(),
        tries: i64::from(notification.tries),
        recipients: crate::db::names(&notification.recipients),
        stand_ins_for: crate::db::names(&notification.stand_ins_for),
        possible_duplicate: notification.possible_duplicate,
        returned: crate::db::names(&notification.returned),
        return_time: notification.return_time.map(micros),
        revision: crate::db::signed(notification.revision),
        channel: crate::db::number(&Channel::ALL, &notification.channel),
        side: notification.alert.map_or(0, |alert| crate::db::number(&Side::ALL, &alert.side)),
        round: notification.alert.map_or(0, |alert| i64::from(alert.round)),
        round_over: notification.alert.is_some_and(|alert| alert.round_over),
        next_round_time: notification.alert.and_then(|alert| alert.next_round_time).map(micros),
        report: notification.report.clone(),
        override_reason: None,
        language_blocks: crate::db::names(&notification.language_blocks),
    })
}

fn from_row(row: row::Model) -> Result<StoredNotification, Fault> {
    let strange = |what: &str| Fault::Stored(format!("a notification has an unknown {what}"));
    let facts: Facts = serde_json::from_str(&row.facts).map_err(|_| strange("form of facts"))?;
    let next_round_time = row.next_round_time.map(instant).transpose()?;
    let alert = crate::db::of_number(&Side::ALL, row.side).map(|side| Alert {
        side,
        round: u32::try_from(row.round).unwrap_or_default(),
        next_round_time,
        round_over: row.round_over,
    });
    let notification = Notification {
        id: row.id,
        kind: kind_of(row.kind).ok_or_else(|| strange("kind"))?,
        state: state_of(row.state).ok_or_else(|| strange("state"))?,
        client: row.client,
        engagement: row.engagement,
        case: row.case_name,
        mail: row.mail,
        thread: row.thread,
        author: row.author,
        audience: Audience::parse(&row.audience).ok_or_else(|| strange("audience"))?,
        channel: crate::db::of_number(&Channel::ALL, row.channel).ok_or_else(|| strange("channel"))?,
        alert,
        facts,
        message_id: row.message_id,
        queue_time: instant(row.queue_time)?,
        hand_over_time: row.hand_over_time.map(instant).transpose()?,
        reason: row.reason,
        tries: u32::try_from(row.tries).unwrap_or_default(),
        recipients: crate::db::read_names(&row.recipients),
        stand_ins_for: crate::db::read_names(&row.stand_ins_for),
        possible_duplicate: row.possible_duplicate,
        returned: crate::db::read_names(&row.returned),
        return_time: row.return_time.map(instant).transpose()?,
        report: row.report,
        language_blocks: crate::db::read_names(&row.language_blocks),
        revision: crate::db::unsigned(row.revision),
    };
    Ok(StoredNotification {
        notification,
        owner: Owner::new(row.key_owner),
        subject: row.subject,
        body: row.body,
        override_reason: row.override_reason,
    })
}

const STATES: [State; 6] =
    [State::Queued, State::HandedOver, State::Blocked, State::Failed, State::Cancelled, State::Reached];

/// Those that do not follow on, with the contract's numbers.
const RETURNED: i64 = 7;

fn state_number(state: State) -> i64 {
    if state == State::Returned { RETURNED } else { crate::db::number(&STATES, &state) }
}

fn state_of(number: i64) -> Option<State> {
    if number == RETURNED { Some(State::Returned) } else { crate::db::of_number(&STATES, number) }
}

/// As the contract numbers it.
fn kind_number(kind: Kind) -> i64 {
    i64::from(i32::from(convert::notification_kind(kind)))
}

fn kind_of(number: i64) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind_number(*kind) == number)
}
