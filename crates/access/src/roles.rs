//! Which role holds which permission (SOP 9). One table; everything else here reads it.

use std::{collections::HashMap, sync::LazyLock};

/// What somebody is, for the whole firm or for one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Supports escalation, oversees adherence, sets the house up.
    Management,
    /// Leads an engagement's team; what is late comes here first.
    TeamLead,
    /// A client's primary liaison; exactly one for each active client.
    AccountManager,
    /// Works on a client's engagement.
    ProjectTeam,
    /// A person of the client.
    ClientContact,
    /// Takes mails whose sender nobody knows.
    Intake,
    /// Reads everything, changes nothing, for a time.
    Auditor,
    /// A service of the suite, or the firm's mail server.
    Service(ServiceName),
}

/// The services that call others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceName {
    /// `services/notification`
    Notification,
    /// `services/escalation`
    Escalation,
    /// `services/client-registry`
    ClientRegistry,
    /// `services/reporting`
    Reporting,
    /// `services/intake`: the firm's mail server, handing mail over.
    Intake,
    /// `services/telephony`: whoever tells what became of a call.
    Telephony,
}

const Y: bool = true;
const O: bool = false;

/// The table's columns: management, team lead, account manager, project team, client contact, intake, auditor; then the
/// services notification, escalation, client registry and reporting, the mail server and telephony.
const COLUMNS: [Role; 13] = [
    Role::Management,
    Role::TeamLead,
    Role::AccountManager,
    Role::ProjectTeam,
    Role::ClientContact,
    Role::Intake,
    Role::Auditor,
    Role::Service(ServiceName::Notification),
    Role::Service(ServiceName::Escalation),
    Role::Service(ServiceName::ClientRegistry),
    Role::Service(ServiceName::Reporting),
    Role::Service(ServiceName::Intake),
    Role::Service(ServiceName::Telephony),
];

/// Columns as [`COLUMNS`]; Y holds it. Management, intake, auditors and services hold theirs for the whole firm; the
/// others for the clients they are named at.
#[rustfmt::skip]
const TABLE: &[(&str, [bool; 13])] = &[
    //                             MGMT  LEAD  ACCT  TEAM  CONT  INTK  AUDT  NOTI  ESCA  REGI  REPO  MAIL  CALL
    ("clients.create",          [ Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("clients.read",            [ Y,    Y,    Y,    Y,    O,    O,    Y,    Y,    Y,    O,    Y,    O,    O]),
    ("clients.update",          [ Y,    O,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("clients.transfer",        [ Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("contacts.read",           [ Y,    Y,    Y,    Y,    O,    O,    Y,    Y,    Y,    O,    Y,    O,    O]),
    ("contacts.write",          [ Y,    O,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("contacts.identify",       [ O,    O,    O,    O,    O,    O,    O,    Y,    O,    O,    O,    O,    O]),
    ("engagements.read",        [ Y,    Y,    Y,    Y,    O,    O,    Y,    Y,    Y,    O,    Y,    O,    O]),
    ("engagements.write",       [ Y,    O,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("plans.read",              [ Y,    Y,    Y,    Y,    O,    O,    Y,    O,    O,    O,    Y,    O,    O]),
    ("plans.write",             [ Y,    O,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("plans.reach",             [ Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("calendars.read",          [ Y,    Y,    Y,    Y,    O,    Y,    Y,    Y,    Y,    O,    Y,    O,    O]),
    ("calendars.write",         [ Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("staff.read",              [ Y,    O,    O,    O,    O,    O,    Y,    Y,    Y,    O,    Y,    O,    O]),
    ("staff.write",             [ Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("policies.read",           [ Y,    Y,    Y,    Y,    O,    Y,    Y,    Y,    Y,    O,    Y,    O,    O]),
    ("policies.publish",        [ Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("access.decide",           [ O,    O,    O,    O,    O,    O,    O,    Y,    Y,    O,    Y,    O,    O]),
    ("sends.authorize",         [ O,    O,    O,    O,    O,    O,    O,    Y,    O,    O,    O,    O,    O]),

    ("cases.read",              [ Y,    Y,    Y,    Y,    Y,    O,    Y,    Y,    O,    O,    Y,    O,    O]),
    ("cases.open",              [ Y,    Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("cases.work",              [ Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("cases.escalate",          [ Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("cases.declare_critical",  [ Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("cases.confirm",           [ Y,    Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("cases.record_confirmation",[ Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("cases.reject",            [ Y,    Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("timelines.read",          [ Y,    Y,    Y,    Y,    O,    O,    Y,    O,    O,    O,    O,    O,    O]),
    ("timelines.export",        [ Y,    Y,    Y,    O,    O,    O,    Y,    O,    O,    O,    O,    O,    O]),

    ("mails.deliver",           [ O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    Y,    O]),
    ("mails.read",              [ Y,    Y,    Y,    Y,    O,    Y,    Y,    O,    Y,    O,    O,    O,    O]),
    ("mails.triage",            [ Y,    O,    O,    O,    O,    Y,    O,    O,    O,    O,    O,    O,    O]),
    ("messages.send",           [ Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("meetings.read",           [ Y,    Y,    Y,    Y,    O,    O,    Y,    O,    Y,    O,    Y,    O,    O]),
    ("meetings.write",          [ Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("calls.report",            [ O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    Y]),
    ("notifications.read",      [ Y,    Y,    Y,    Y,    O,    O,    Y,    O,    Y,    O,    Y,    O,    O]),
    ("suppressions.read",       [ Y,    O,    Y,    O,    O,    O,    Y,    O,    O,    O,    O,    O,    O]),
    ("suppressions.lift",       [ Y,    O,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),

    //                             MGMT  LEAD  ACCT  TEAM  CONT  INTK  AUDT  NOTI  ESCA  REGI  REPO  MAIL  CALL
    ("reports.read",            [ Y,    Y,    Y,    Y,    O,    O,    Y,    Y,    O,    O,    O,    O,    O]),
    ("reports.write",           [ Y,    Y,    Y,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("reports.approve",         [ O,    O,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("reports.content",         [ O,    O,    O,    O,    O,    O,    O,    Y,    O,    O,    O,    O,    O]),
    ("schedules.read",          [ Y,    Y,    Y,    Y,    O,    O,    Y,    O,    O,    O,    O,    O,    O]),
    ("schedules.write",         [ Y,    O,    Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),

    ("dead_letters.read",       [ Y,    O,    O,    O,    O,    O,    Y,    O,    O,    O,    O,    O,    O]),
    ("dead_letters.redrive",    [ Y,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O,    O]),
    ("events.replay",           [ O,    O,    O,    O,    O,    O,    O,    Y,    Y,    Y,    Y,    O,    O]),
    ("audit.verify",            [ Y,    O,    O,    O,    O,    O,    Y,    O,    O,    O,    O,    O,    O]),
    ("audit.export",            [ Y,    O,    O,    O,    O,    O,    Y,    O,    O,    O,    O,    O,    O]),
];

static PERMISSIONS: LazyLock<HashMap<Role, Vec<&'static str>>> = LazyLock::new(|| {
    let held = |column: usize| TABLE.iter().filter(move |(_, cells)| cells[column]).map(|(permission, _)| *permission);
    COLUMNS.iter().enumerate().map(|(column, role)| (*role, held(column).collect())).collect()
});

impl Role {
    /// Every role.
    pub fn all() -> &'static [Self] {
        &COLUMNS
    }

    /// What it may, in the table's order.
    pub fn permissions(self) -> &'static [&'static str] {
        PERMISSIONS.get(&self).map_or(&[], Vec::as_slice)
    }

    /// Its name on the wire and in tables, for example `ACCOUNT_MANAGER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Management => "MANAGEMENT",
            Self::TeamLead => "TEAM_LEAD",
            Self::AccountManager => "ACCOUNT_MANAGER",
            Self::ProjectTeam => "PROJECT_TEAM",
            Self::ClientContact => "CLIENT_CONTACT",
            Self::Intake => "INTAKE",
            Self::Auditor => "AUDITOR",
            Self::Service(ServiceName::Notification) => "SERVICE_NOTIFICATION",
            Self::Service(ServiceName::Escalation) => "SERVICE_ESCALATION",
            Self::Service(ServiceName::ClientRegistry) => "SERVICE_CLIENT_REGISTRY",
            Self::Service(ServiceName::Reporting) => "SERVICE_REPORTING",
            Self::Service(ServiceName::Intake) => "SERVICE_INTAKE",
            Self::Service(ServiceName::Telephony) => "SERVICE_TELEPHONY",
        }
    }

    /// The role of this name, where there is one.
    pub fn parse(name: &str) -> Option<Self> {
        COLUMNS.into_iter().find(|role| role.as_str() == name)
    }
}

impl ServiceName {
    /// Its id, for example `client-registry` of `services/client-registry`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Escalation => "escalation",
            Self::ClientRegistry => "client-registry",
            Self::Reporting => "reporting",
            Self::Intake => "intake",
            Self::Telephony => "telephony",
        }
    }

    /// The service of this id, where there is one.
    pub fn parse(id: &str) -> Option<Self> {
        [Self::Notification, Self::Escalation, Self::ClientRegistry, Self::Reporting, Self::Intake, Self::Telephony]
            .into_iter()
            .find(|service| service.as_str() == id)
    }
}

/// Every permission that the table knows.
pub fn permissions() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(permission, _)| *permission)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeSet;

    use super::*;
    use crate::Rules;

    #[test]
    fn the_table_knows_exactly_the_permissions_that_the_contracts_ask_for() {
        let rules = Rules::load().unwrap();
        let asked: BTreeSet<_> = rules.all().filter(|rule| !rule.open).map(|rule| rule.permission.as_str()).collect();
        let known: BTreeSet<_> = permissions().collect();
        assert_eq!(asked.difference(&known).collect::<Vec<_>>(), [&""; 0], "asked for, but nobody can hold it");
        assert_eq!(known.difference(&asked).collect::<Vec<_>>(), [&""; 0], "in the table, but nothing asks for it");
    }

    #[test]
    fn every_permission_stands_once_and_somebody_holds_it() {
        let mut seen = BTreeSet::new();
        for (permission, cells) in TABLE {
            assert!(seen.insert(permission), "{permission} stands twice");
            assert!(cells.contains(&true), "nobody holds {permission}");
        }
    }

    #[test]
    fn an_auditor_changes_nothing() {
        for permission in Role::Auditor.permissions() {
            let verb = permission.split_once('.').unwrap().1;
            assert!(["read", "export", "verify"].contains(&verb), "{permission}");
        }
    }

    #[test]
    fn a_contact_has_to_do_with_cases_only() {
        assert_eq!(Role::ClientContact.permissions(), ["cases.read", "cases.open", "cases.confirm", "cases.reject"]);
    }

    #[test]
    fn every_role_is_found_by_its_name() {
        for role in Role::all() {
            assert_eq!(Role::parse(role.as_str()), Some(*role));
        }
        assert_eq!(Role::parse("PARTNER"), None);
    }
}
