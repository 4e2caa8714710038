//! The firm's people: use cases, in the transaction that the command opened.
//!
//! - `entity`: [`Staff`] and [`Absence`], pure.
//! - `deactivate`: a person leaves or their access ends, and whoever takes over gets what was theirs.
//! - `clocks`: the second of these, by itself.
//! - `stand_in`: who stands in for whom at a moment.
//! - `repo`: the tables `staff` and `absence`.
//!
//! What decides who stands in for whom (roles, deputies, absences, leaving) changes behind the gate `staff`.

pub(crate) mod clocks;
mod deactivate;
mod entity;
mod error;
mod repo;
mod stand_in;

use business_time::Timestamp;
use command::{Fault, Unit, paging::Page};
pub(crate) use deactivate::deactivate;
use deactivate::is_assigned;
pub(crate) use entity::{Absence, Kind, Profile, Roles, Staff};
pub(crate) use error::StaffError;
use repo::Hold;
pub(crate) use repo::{FirmRole, Holder, Link};
pub(crate) use stand_in::{Standing, deputy, holders, represented_by, stand_in};

use crate::{
    address,
    db::gate::Gate,
    incident, name, policy, revision,
    store::{Store, limit},
};

/// Where a request names a deputy.
const DEPUTY: &str = "staff.deputy";

/// A new person.
///
/// # Errors
/// ALREADY_EXISTS where the id is taken, `ADDRESS_TAKEN`, `ADDRESS_NOT_OFFICIAL`, `CONTRACTOR_WITHOUT_END`,
/// `END_NOT_IN_FUTURE`, `CONTRADICTING_ROLES`, `OWN_DEPUTY`, and for the deputy as [`hold_assignable`].
pub(crate) async fn create(unit: &Unit<'_>, id: &str, profile: Profile) -> Result<Staff, Fault> {
    Gate::Policy.hold(unit.tx()).await?;
    let domain = policy::official_domain(unit.tx()).await?;
    let person = Staff::hire(id, profile, domain.as_deref(), unit.now())?;
    if let Some(deputy) = &person.profile.deputy {
        hold_assignable(unit, &[(deputy, DEPUTY)]).await?;
    }
    if !repo::insert(unit.tx(), unit.keyring(), &person).await? {
        return Err(StaffError::Exists(id.to_owned()).into());
    }
    settle_address(unit, &person).await?;
    unit.touched(&name::staff(id));
    told_of_incidents_changed(unit, &person, false).await?;
    Ok(person)
}

/// The first person, on a registry without any.
///
/// # Errors
/// `NOT_EMPTY` where there are members of staff; else as [`create`].
pub(crate) async fn init(unit: &Unit<'_>, id: &str, profile: Profile) -> Result<Staff, Fault> {
    Gate::Policy.hold(unit.tx()).await?;
    Gate::Staff.close(unit.tx()).await?;
    if repo::any(unit.tx()).await? {
        return Err(StaffError::NotEmpty.into());
    }
    create(unit, id, profile).await
}

/// Replaces a person's profile. `inactive` is what the caller believes; it is changed by [`deactivate`] alone. An end of
/// access that has come is taken only where nothing is theirs: nobody would take over (SOP 9). So is the role of an auditor,
/// who changes nothing.
///
/// # Errors
/// `STALE_ETAG`, `USE_DEACTIVATE_STAFF`, `STILL_ASSIGNED`, `LAST_IN_MANAGEMENT`, and as [`create`] but for
/// `END_NOT_IN_FUTURE`.
pub(crate) async fn update(
    unit: &Unit<'_>,
    id: &str,
    etag: &str,
    inactive: bool,
    profile: Profile,
) -> Result<Staff, Fault> {
    Gate::Policy.hold(unit.tx()).await?;
    Gate::Staff.close(unit.tx()).await?;
    let domain = policy::official_domain(unit.tx()).await?;
    // Whoever is named first by id is locked first, the person or the deputy.
    let known = repo::find(unit.tx(), unit.keyring(), id, Hold::No).await?;
    let known = known.ok_or_else(|| StaffError::NotFound(id.to_owned()))?;
    let deputy = profile.deputy.clone().filter(|deputy| known.profile.deputy.as_ref() != Some(deputy) && deputy != id);
    if let Some(deputy) = deputy.iter().find(|deputy| deputy.as_str() < id) {
        hold_assignable(unit, &[(deputy, DEPUTY)]).await?;
    }
    let mut person = lock(unit, id).await?;
    if let Some(deputy) = deputy.iter().find(|deputy| deputy.as_str() > id) {
        hold_assignable(unit, &[(deputy, DEPUTY)]).await?;
    }
    revision::check(etag, person.revision)?;
    if inactive != person.inactive {
        return Err(StaffError::UseDeactivateStaff.into());
    }
    person.replace(profile, domain.as_deref(), unit.now())?;
    // Whoever assigns something to the person holds their row, so nothing is added to what is found here.
    let ended = !person.inactive && !person.is_active(unit.now());
    if (ended || person.profile.roles.auditor) && is_assigned(unit, id).await? {
        let id = id.to_owned();
        let error = if ended { StaffError::StillAssigned(id) } else { StaffError::AuditorStillAssigned(id) };
        return Err(error.into());
    }
    repo::update(unit.tx(), unit.keyring(), &person).await?;
    // An access ends by itself, and then nobody is asked any more: somebody's has no end.
    if !repo::any_in_management_for_good(unit.tx()).await? {
        return Err(StaffError::LastInManagement.into());
    }
    settle_address(unit, &person).await?;
    unit.touched(&name::staff(id));
    told_of_incidents_changed(unit, &person, known.profile.roles.management).await?;
    Ok(person)
}

/// Who keeps a copy of whom to tell of a critical incident (SOP 8.2) hears of each change to somebody in management, and to a
/// deputy: whose, is not looked at, since a copy that is fetched for nothing costs little and an old one a call to nobody.
async fn told_of_incidents_changed(unit: &Unit<'_>, person: &Staff, was_in_management: bool) -> Result<(), Fault> {
    let concerned =
        person.profile.roles.management || was_in_management || repo::is_deputy(unit.tx(), &person.id).await?;
    if concerned { incident::firm_changed(unit).await } else { Ok(()) }
}

async fn settle_address(unit: &Unit<'_>, person: &Staff) -> Result<(), Fault> {
    let name = name::staff(&person.id);
    if person.is_active(unit.now()) {
        address::claim(unit, &name, &person.profile.email).await
    } else {
        address::release(unit, &name).await
    }
}

/// A new absence of a person who has not left.
///
/// # Errors
/// NOT_FOUND, `STAFF_INACTIVE`, `END_NOT_AFTER_START`, ALREADY_EXISTS.
pub(crate) async fn create_absence(
    unit: &Unit<'_>,
    id: &str,
    staff: &str,
    start: Timestamp,
    end: Timestamp,
) -> Result<Absence, Fault> {
    let absence = Absence::try_new(id, staff, start, end)?;
    Gate::Staff.close(unit.tx()).await?;
    let person = repo::find(unit.tx(), unit.keyring(), staff, Hold::Share).await?;
    let person = person.ok_or_else(|| StaffError::NotFound(staff.to_owned()))?;
    if person.inactive {
        return Err(StaffError::Inactive(staff.to_owned()).into());
    }
    if !repo::insert_absence(unit.tx(), &absence).await? {
        return Err(StaffError::AbsenceExists(staff.to_owned(), id.to_owned()).into());
    }
    unit.touched(&name::absence(staff, id));
    told_of_incidents_changed(unit, &person, false).await?;
    Ok(absence)
}

/// A person.
///
/// # Errors
/// NOT_FOUND.
pub(crate) async fn get(store: &Store, id: &str) -> Result<Staff, Fault> {
    let person = repo::find(store.reader(), &store.keyring, id, Hold::No).await?;
    Ok(person.ok_or_else(|| StaffError::NotFound(id.to_owned()))?)
}

/// A page of people in the order of their ids.
///
/// # Errors
/// The database's.
pub(crate) async fn list(store: &Store, page: &Page) -> Result<Vec<Staff>, Fault> {
    repo::list(store.reader(), &store.keyring, page.after.as_deref(), limit(page)).await
}

/// A page of a person's absences in the order of their start, and the key of each for the next page.
///
/// # Errors
/// NOT_FOUND where there is no such person.
pub(crate) async fn list_absences(store: &Store, staff: &str, page: &Page) -> Result<Vec<Absence>, Fault> {
    if repo::find_link(store.reader(), staff, Timestamp::UNIX_EPOCH).await?.is_none() {
        return Err(StaffError::NotFound(staff.to_owned()).into());
    }
    let after = page.after.as_deref().and_then(|key| key.split_once('/'));
    let after = after.and_then(|(start, id)| Some((start.parse().ok()?, id.to_owned())));
    repo::list_absences(store.reader(), staff, after, limit(page)).await
}

/// The sort key of an absence, by which the next page begins.
pub(crate) fn absence_key(absence: &Absence) -> String {
    format!("{}/{}", database::micros(absence.start), absence.id)
}

/// Holds people until the commit, in the order of their ids, and demands that each is active and no auditor (SOP 9): what is
/// assigned to them rests on it. Beside each id stands the field that names it.
///
/// # Errors
/// `STAFF_NOT_FOUND`, `STAFF_INACTIVE`, `AUDITOR_ONLY_READS`.
pub(crate) async fn hold_assignable(unit: &Unit<'_>, named: &[(&str, &'static str)]) -> Result<(), Fault> {
    let mut named = named.to_vec();
    named.sort_by_key(|(id, _)| *id);
    named.dedup_by_key(|(id, _)| *id);
    for (id, field) in named {
        let person = repo::find(unit.tx(), unit.keyring(), id, Hold::Share).await?;
        let person = person.ok_or_else(|| StaffError::NamedNotFound(id.to_owned()))?;
        if !person.is_active(unit.now()) {
            return Err(StaffError::Inactive(id.to_owned()).into());
        }
        if person.profile.roles.auditor {
            return Err(StaffError::AuditorOnlyReads { id: id.to_owned(), field }.into());
        }
    }
    Ok(())
}

/// A person as the transaction sees them, where there is one.
///
/// # Errors
/// The database's.
pub(crate) async fn find(unit: &Unit<'_>, id: &str) -> Result<Option<Staff>, Fault> {
    repo::find(unit.tx(), unit.keyring(), id, Hold::No).await
}

async fn lock(unit: &Unit<'_>, id: &str) -> Result<Staff, Fault> {
    let person = repo::find(unit.tx(), unit.keyring(), id, Hold::Update).await?;
    Ok(person.ok_or_else(|| StaffError::NotFound(id.to_owned()))?)
}

/// How a person stands at a moment, where there is one; nothing personal is read.
///
/// # Errors
/// The database's.
pub(crate) async fn standing<C: database::ConnectionTrait>(
    conn: &C,
    id: &str,
    now: Timestamp,
) -> Result<Option<Link>, Fault> {
    repo::find_link(conn, id, now).await
}
