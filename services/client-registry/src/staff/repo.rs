//! The tables `staff` and `absence`.

use business_time::Timestamp;
use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, exec, instant, micros, query_all, query_one};
use keyring::{DataKey, Keyring, Owner, Place, Purpose};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Condition, sea_query::OnConflict,
};

use super::entity::{Absence, Kind, Profile, Roles, Staff};
use crate::{
    db::entities::{absence, staff},
    phones, revision,
};

/// How firmly a row is held until the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Read only.
    No,
    /// Nobody changes it.
    Share,
    /// Nobody else changes it or rests on it.
    Update,
}

/// Inserts a person; false where the id is taken.
pub(super) async fn insert(tx: &DatabaseTransaction, keyring: &Keyring, person: &Staff) -> Result<bool, Fault> {
    let key = keyring.key(tx, &Owner::staff(), Purpose::Erasable).await?;
    let row = to_row(&key, person)?.into_active_model();
    let insert = staff::Entity::insert(row).on_conflict(OnConflict::column(staff::Column::Id).do_nothing().to_owned());
    Ok(insert.exec_without_returning(tx).await? == 1)
}

pub(super) async fn update(tx: &DatabaseTransaction, keyring: &Keyring, person: &Staff) -> Result<(), Fault> {
    let key = keyring.key(tx, &Owner::staff(), Purpose::Erasable).await?;
    to_row(&key, person)?.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

pub(super) async fn find<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    id: &str,
    hold: Hold,
) -> Result<Option<Staff>, Fault> {
    let query = staff::Entity::find_by_id(id.to_owned());
    let query = match hold {
        Hold::No => query,
        Hold::Share => query.lock_shared(),
        Hold::Update => query.lock_exclusive(),
    };
    let Some(row) = query.one(conn).await? else { return Ok(None) };
    Ok(Some(from_row(conn, keyring, row).await?))
}

pub(super) async fn list<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Staff>, Fault> {
    let mut query = staff::Entity::find().order_by_asc(staff::Column::Id).limit(limit);
    if let Some(after) = after {
        query = query.filter(staff::Column::Id.gt(after));
    }
    let rows = query.all(conn).await?;
    from_rows(conn, keyring, rows).await
}

/// Whether there is anybody at all.
pub(super) async fn any<C: ConnectionTrait>(conn: &C) -> Result<bool, Fault> {
    Ok(query_one(conn, "SELECT id FROM staff ORDER BY id LIMIT 1", vec![]).await?.is_some())
}

/// A role that the whole firm knows somebody by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirmRole {
    Management,
    Intake,
}

/// One who holds a role for the firm and is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub id: String,
    pub absent: bool,
}

/// Who holds a role for the firm and is active, in the order of their ids.
pub(super) async fn list_holders<C: ConnectionTrait>(
    conn: &C,
    role: FirmRole,
    now: Timestamp,
) -> Result<Vec<Holder>, Fault> {
    let column = match role {
        FirmRole::Management => "management",
        FirmRole::Intake => "intake",
    };
    let sql = format!(
        "SELECT s.id, {AWAY} AS absent FROM staff s WHERE s.{column} AND NOT s.inactive \
         AND (s.access_expire_time IS NULL OR s.access_expire_time > ?) ORDER BY s.id"
    );
    let now = micros(now);
    let rows = query_all(conn, &sql, vec![now.into(), now.into(), now.into()]).await?;
    rows.iter().map(|row| Ok(Holder { id: row.try_get("", "id")?, absent: row.try_get("", "absent")? })).collect()
}

/// Whether somebody is in management whose access has no end.
pub(super) async fn any_in_management_for_good<C: ConnectionTrait>(conn: &C) -> Result<bool, Fault> {
    let sql =
        "SELECT id FROM staff WHERE management AND NOT inactive AND access_expire_time IS NULL ORDER BY id LIMIT 1";
    Ok(query_one(conn, sql, vec![]).await?.is_some())
}

/// How a person stands at a moment: whether they can act, who is next in the chain of deputies, and what they are for
/// the firm. Nothing personal.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub deputy: Option<String>,
    pub active: bool,
    pub absent: bool,
    pub roles: Roles,
}

const AWAY: &str = "EXISTS (SELECT 1 FROM absence a WHERE a.staff = s.id AND a.start_time <= ? AND a.end_time > ?)";

pub(super) async fn find_link<C: ConnectionTrait>(conn: &C, id: &str, now: Timestamp) -> Result<Option<Link>, Fault> {
    let sql = format!(
        "SELECT s.deputy, s.inactive, s.access_expire_time, s.management, s.intake, s.auditor, {AWAY} AS absent \
         FROM staff s WHERE s.id = ?"
    );
    let now = micros(now);
    let Some(row) = query_one(conn, &sql, vec![now.into(), now.into(), id.into()]).await? else { return Ok(None) };
    let end: Option<i64> = row.try_get("", "access_expire_time")?;
    Ok(Some(Link {
        deputy: row.try_get("", "deputy")?,
        active: !row.try_get::<bool>("", "inactive")? && end.is_none_or(|end| now < end),
        absent: row.try_get("", "absent")?,
        roles: Roles {
            management: row.try_get("", "management")?,
            intake: row.try_get("", "intake")?,
            auditor: row.try_get("", "auditor")?,
        },
    }))
}

/// Who names this person as deputy and cannot act now: absent, left, past the end of their access, or an auditor.
pub(super) async fn list_represented<C: ConnectionTrait>(
    conn: &C,
    deputy: &str,
    now: Timestamp,
) -> Result<Vec<String>, Fault> {
    let sql = format!(
        "SELECT s.id FROM staff s WHERE s.deputy = ? \
         AND (s.inactive OR s.auditor OR s.access_expire_time <= ? OR {AWAY}) ORDER BY s.id"
    );
    let now = micros(now);
    let rows = query_all(conn, &sql, vec![deputy.into(), now.into(), now.into(), now.into()]).await?;
    rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect()
}

/// Whether anybody who has not left names this person as deputy.
pub(super) async fn is_deputy<C: ConnectionTrait>(conn: &C, id: &str) -> Result<bool, Fault> {
    let sql = "SELECT id FROM staff WHERE deputy = ? AND NOT inactive ORDER BY id LIMIT 1";
    Ok(query_one(conn, sql, vec![id.into()]).await?.is_some())
}

/// Inserts an absence; false where the id is taken.
pub(super) async fn insert_absence(tx: &DatabaseTransaction, absence: &Absence) -> Result<bool, Fault> {
    let sql =
        "INSERT INTO absence (staff, id, start_time, end_time) VALUES (?, ?, ?, ?) ON CONFLICT (staff, id) DO NOTHING";
    let values = vec![
        absence.staff.clone().into(),
        absence.id.clone().into(),
        micros(absence.start).into(),
        micros(absence.end).into(),
    ];
    Ok(exec(tx, sql, values).await? == 1)
}

/// A person's absences behind `(start, id)`, in that order.
pub(super) async fn list_absences<C: ConnectionTrait>(
    conn: &C,
    staff: &str,
    after: Option<(i64, String)>,
    limit: u64,
) -> Result<Vec<Absence>, Fault> {
    let mut query = absence::Entity::find()
        .filter(absence::Column::Staff.eq(staff))
        .order_by_asc(absence::Column::StartTime)
        .order_by_asc(absence::Column::Id)
        .limit(limit);
    if let Some((start, id)) = after {
        let same = Condition::all().add(absence::Column::StartTime.eq(start)).add(absence::Column::Id.gt(id));
        query = query.filter(Condition::any().add(absence::Column::StartTime.gt(start)).add(same));
    }
    let rows = query.all(conn).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Absence { id: row.id, staff: row.staff, start: instant(row.start_time)?, end: instant(row.end_time)? })
        })
        .collect()
}

fn place<'a>(column: &'static str, id: &'a str) -> Place<'a> {
    Place::new("staff", column, id)
}

fn to_row(key: &DataKey, person: &Staff) -> Result<staff::Model, Fault> {
    let profile = &person.profile;
    Ok(staff::Model {
        id: person.id.clone(),
        revision: revision::stored(person.revision),
        display_name: key.encrypt(place("display_name", &person.id), profile.display_name.as_bytes())?,
        email: key.encrypt(place("email", &person.id), profile.email.as_bytes())?,
        department: profile.department.clone(),
        contractor: profile.kind == Kind::Contractor,
        management: profile.roles.management,
        intake: profile.roles.intake,
        auditor: profile.roles.auditor,
        deputy: profile.deputy.clone(),
        access_expire_time: profile.access_expire_time.map(micros),
        inactive: person.inactive,
        next_due_time: person.next_due_time().map(micros),
        attempts: 0,
        set_aside_reason: None,
        create_time: micros(person.create_time),
        update_time: micros(person.update_time),
        phones: phones::seal(key, place("phones", &person.id), &profile.phones)?,
    })
}

async fn from_rows<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    rows: Vec<staff::Model>,
) -> Result<Vec<Staff>, Fault> {
    let mut people = Vec::with_capacity(rows.len());
    for row in rows {
        people.push(from_row(conn, keyring, row).await?);
    }
    Ok(people)
}

async fn from_row<C: ConnectionTrait>(conn: &C, keyring: &Keyring, row: staff::Model) -> Result<Staff, Fault> {
    let owner = Owner::staff();
    let display_name =
        keyring.open(conn, &owner, Purpose::Erasable, place("display_name", &row.id), &row.display_name).await?;
    let email = keyring.open(conn, &owner, Purpose::Erasable, place("email", &row.id), &row.email).await?;
    let phones = match &row.phones {
        Some(sealed) => {
            phones::read(&keyring.open(conn, &owner, Purpose::Erasable, place("phones", &row.id), sealed).await?)?
        }
        None => Vec::new(),
    };
    Ok(Staff {
        profile: Profile {
            display_name,
            email,
            phones,
            department: row.department,
            kind: if row.contractor { Kind::Contractor } else { Kind::Employee },
            roles: Roles { management: row.management, intake: row.intake, auditor: row.auditor },
            deputy: row.deputy,
            access_expire_time: row.access_expire_time.map(instant).transpose()?,
        },
        id: row.id,
        inactive: row.inactive,
        revision: revision::read(row.revision),
        create_time: instant(row.create_time)?,
        update_time: instant(row.update_time)?,
    })
}
