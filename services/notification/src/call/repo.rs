//! The only code that touches the table `call`.

use access::Scope;
use command::{Fault, paging::Page};
use database::{ConnectionTrait, DatabaseTransaction, for_update, instant, micros, query_one};
use keyring::{Keyring, Owner, Place, Purpose};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use serde::{Deserialize, Serialize};

use super::entity::{AnsweredBy, Call, Reason, State};
use crate::{db::entities::call as row, notification::alert::Side};

/// What is spoken on a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// To whoever answers, before a key is pressed: nothing about the client.
    pub spoken: String,
    /// To a voicemail, since nobody knows who listens to it: a pointer.
    pub voicemail: String,
    /// After the key was pressed.
    pub confirmed: String,
}

/// A call as it is stored, number and script sealed.
#[derive(Clone, Debug)]
pub struct StoredCall {
    /// What is not personal.
    pub call: Call,
    /// The blind index of its number.
    pub phone_index: String,
    owner: Owner,
    phone: Vec<u8>,
    script: Vec<u8>,
}

/// What a list is cut down to; what is empty cuts nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The notification's id.
    pub notification: String,
    /// `clients/{client}`.
    pub client: String,
    /// `cases/{case}`.
    pub case: String,
    /// As [`state_number`] has it.
    pub state: Option<i64>,
}

/// Stores a claim.
pub async fn insert(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    owner: &Owner,
    call: &Call,
    phone: &str,
    script: &Script,
) -> Result<(), Fault> {
    let key = keyring.key(tx, owner, Purpose::Erasable).await?;
    // What is said about a client is the client's, whoever's the number is.
    let client_key = keyring.key(tx, &Owner::new(call.client.as_str()), Purpose::Erasable).await?;
    let script = serde_json::to_string(script).map_err(|error| Fault::Stored(error.to_string()))?;
    let model = row::Model {
        id: call.id.clone(),
        notification: call.notification.clone(),
        number: i64::from(call.number),
        round: i64::from(call.round),
        client: call.client.clone(),
        case_name: call.case.clone(),
        side: crate::db::number(&Side::ALL, &call.side),
        person: call.person.clone(),
        stands_in_for: call.stands_in_for.clone(),
        provider: call.provider.clone(),
        permit: call.permit.clone(),
        policy_version: crate::db::signed(call.policy_version),
        from_copy: call.from_copy,
        possible_duplicate: call.possible_duplicate,
        key_owner: owner.as_str().to_owned(),
        phone: keyring.encrypt_text(&key, place("phone", &call.id), phone)?,
        phone_index: index(keyring, phone),
        script: keyring.encrypt_text(&client_key, place("script", &call.id), &script)?,
        claim_time: micros(call.claim_time),
        claim_end_time: micros(call.claim_end_time),
        state: state_number(call.state),
        reason: reason(call.state).to_owned(),
        answered_by: answered_number(call.answered_by),
        sequence: i64::from(call.sequence),
        receipt: call.receipt.clone(),
        deadline: call.deadline.map(micros),
        key_press_time: call.key_press_time.map(micros),
        end_time: call.end_time.map(micros),
    };
    row::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// The blind index of a number.
pub fn index(keyring: &Keyring, phone: &str) -> String {
    keyring.blind_index("phone", phone)
}

/// A call by its id.
pub async fn find<C: ConnectionTrait>(conn: &C, id: &str) -> Result<Option<StoredCall>, Fault> {
    row::Entity::find_by_id(id).one(conn).await?.map(from_row).transpose()
}

/// A call by its id, its row locked. The alert's row is locked before it, as everywhere.
pub async fn lock(tx: &DatabaseTransaction, id: &str) -> Result<Option<StoredCall>, Fault> {
    let sql = format!("SELECT id FROM call WHERE id = ?{}", for_update(tx.get_database_backend()));
    match query_one(tx, &sql, vec![id.into()]).await? {
        Some(_) => find(tx, id).await,
        None => Ok(None),
    }
}

/// Every call of an alert, in order.
pub async fn of_notification<C: ConnectionTrait>(conn: &C, notification: &str) -> Result<Vec<StoredCall>, Fault> {
    let query =
        row::Entity::find().filter(row::Column::Notification.eq(notification)).order_by_asc(row::Column::Number);
    query.all(conn).await?.into_iter().map(from_row).collect()
}

/// Writes what changed; its row is locked.
pub async fn save(tx: &DatabaseTransaction, call: &Call) -> Result<(), Fault> {
    let change = row::ActiveModel {
        id: Set(call.id.clone()),
        state: Set(state_number(call.state)),
        reason: Set(reason(call.state).to_owned()),
        answered_by: Set(answered_number(call.answered_by)),
        sequence: Set(i64::from(call.sequence)),
        receipt: Set(call.receipt.clone()),
        deadline: Set(call.deadline.map(micros)),
        key_press_time: Set(call.key_press_time.map(micros)),
        end_time: Set(call.end_time.map(micros)),
        ..Default::default()
    };
    change.update(tx).await?;
    Ok(())
}

/// The newest first, of these clients.
pub async fn list<C: ConnectionTrait>(
    conn: &C,
    scope: &Scope,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<StoredCall>, Fault> {
    let mut query = row::Entity::find();
    if let Scope::Clients(clients) = scope {
        query = query.filter(row::Column::Client.is_in(clients.iter().filter(|name| !name.is_empty())));
    }
    for (column, wanted) in [
        (row::Column::Notification, &filter.notification),
        (row::Column::Client, &filter.client),
        (row::Column::CaseName, &filter.case),
    ] {
        if !wanted.is_empty() {
            query = query.filter(column.eq(wanted.as_str()));
        }
    }
    if let Some(state) = filter.state {
        query = query.filter(row::Column::State.eq(state));
    }
    if let Some((time, id)) = page.after.as_deref().and_then(crate::db::key) {
        query = query.filter(
            Condition::any()
                .add(row::Column::ClaimTime.lt(time))
                .add(row::Column::ClaimTime.eq(time).and(row::Column::Id.lt(id))),
        );
    }
    let rows = query
        .order_by_desc(row::Column::ClaimTime)
        .order_by_desc(row::Column::Id)
        .limit(u64::try_from(page.limit()).unwrap_or(1))
        .all(conn)
        .await?;
    rows.into_iter().map(from_row).collect()
}

impl StoredCall {
    /// Where it stands in a list that begins with the newest.
    pub fn sort_key(&self) -> String {
        crate::db::key_of(self.call.claim_time, &self.call.id)
    }

    /// The number that is called.
    pub async fn phone<C: ConnectionTrait>(&self, conn: &C, keyring: &Keyring) -> Result<String, Fault> {
        let place = place("phone", &self.call.id);
        Ok(keyring.open(conn, &self.owner, Purpose::Erasable, place, &self.phone).await?)
    }

    /// What is spoken.
    pub async fn script<C: ConnectionTrait>(&self, conn: &C, keyring: &Keyring) -> Result<Script, Fault> {
        let place = place("script", &self.call.id);
        let owner = Owner::new(self.call.client.as_str());
        let text = keyring.open(conn, &owner, Purpose::Erasable, place, &self.script).await?;
        serde_json::from_str(&text).map_err(|_| Fault::Stored("a script that cannot be read".into()))
    }
}

/// As the contract numbers them.
pub fn state_number(state: State) -> i64 {
    match state {
        State::Claimed => 1,
        State::Placed => 2,
        State::Ended(_) => 3,
        State::Reached => 4,
    }
}

fn reason(state: State) -> &'static str {
    if let State::Ended(reason) = state { reason.as_str() } else { "" }
}

fn state_of(number: i64, reason: &str) -> Option<State> {
    Some(match number {
        1 => State::Claimed,
        2 => State::Placed,
        3 => State::Ended(Reason::parse(reason)?),
        4 => State::Reached,
        _ => return None,
    })
}

fn answered_number(by: Option<AnsweredBy>) -> i64 {
    match by {
        None => 0,
        Some(AnsweredBy::Human) => 1,
        Some(AnsweredBy::Machine) => 2,
    }
}

fn from_row(row: row::Model) -> Result<StoredCall, Fault> {
    let strange = |what: &str| Fault::Stored(format!("a call has an unknown {what}"));
    let number = |number: i64| u32::try_from(number).unwrap_or_default();
    let call = Call {
        notification: row.notification,
        number: number(row.number),
        round: number(row.round),
        client: row.client,
        case: row.case_name,
        side: crate::db::of_number(&Side::ALL, row.side).ok_or_else(|| strange("side"))?,
        person: row.person,
        stands_in_for: row.stands_in_for,
        provider: row.provider,
        permit: row.permit,
        policy_version: crate::db::unsigned(row.policy_version),
        from_copy: row.from_copy,
        possible_duplicate: row.possible_duplicate,
        claim_time: instant(row.claim_time)?,
        claim_end_time: instant(row.claim_end_time)?,
        state: state_of(row.state, &row.reason).ok_or_else(|| strange("state"))?,
        answered_by: match row.answered_by {
            1 => Some(AnsweredBy::Human),
            2 => Some(AnsweredBy::Machine),
            _ => None,
        },
        sequence: number(row.sequence),
        receipt: row.receipt,
        deadline: row.deadline.map(instant).transpose()?,
        key_press_time: row.key_press_time.map(instant).transpose()?,
        end_time: row.end_time.map(instant).transpose()?,
        id: row.id,
    };
    Ok(StoredCall {
        call,
        phone_index: row.phone_index,
        owner: Owner::new(row.key_owner),
        phone: row.phone,
        script: row.script,
    })
}

fn place<'a>(column: &'a str, id: &'a str) -> Place<'a> {
    Place::new("call", column, id)
}
