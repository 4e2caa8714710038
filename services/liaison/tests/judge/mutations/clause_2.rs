use super::*;

fn change_staff(bench: &Bench, fits: impl Fn(&StaffRecord) -> bool, change: impl Fn(&mut Staff)) -> Option<()> {
    let mut staff: Vec<StaffRecord> = bench.get(names::STAFF);
    let record = staff.iter_mut().find(|record| fits(record))?;
    change(&mut record.staff);
    record.versions.iter_mut().for_each(|version| change(&mut version.staff));
    bench.put(names::STAFF, &staff);
    Some(())
}

pub(super) fn contractor_without_end(bench: &Bench) -> Option<()> {
    change_staff(bench, |record| record.staff.kind() == StaffKind::Contractor, |staff| staff.access_expire_time = None)
}

pub(super) fn staff_of_no_kind(bench: &Bench) -> Option<()> {
    change_staff(bench, |_| true, |staff| staff.kind = 0)
}

/// A contractor who acted and holds no office that others rest on.
pub(super) fn contractor_acted_too_late(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let acted = |name: &str| {
        let mut rows = evidence.audits.values().flat_map(AuditFile::rows);
        rows.any(|row| row.actor == name && row.outcome != FileOutcome::Refused)
    };
    let start = evidence.run.start_time;
    change_staff(
        bench,
        |record| record.staff.kind() == StaffKind::Contractor && acted(&record.staff.name),
        |staff| staff.access_expire_time = Some(crate::world::proto(start)),
    )
}

/// The same person, deactivated by management before all that they did.
pub(super) fn acted_after_deactivation(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let mut rows = evidence.audits.values().flat_map(AuditFile::rows);
    let who = rows.find(|row| {
        let staff = evidence.find_staff(&row.actor);
        row.outcome != FileOutcome::Refused && staff.is_some_and(|staff| staff.kind() == StaffKind::Contractor)
    })?;
    let who = who.actor.clone();
    let is_management = |record: &&StaffRecord| {
        record.staff.roles().any(|role| role == contracts::client_registry::v1::FirmRole::Management)
    };
    let manager = evidence.staff.values().find(is_management)?.staff.name.clone();
    bench.audit("client-registry", |rows| {
        let first = rows[0].clone();
        rows.insert(
            0,
            FileRow {
                actor: manager,
                action: "liaison.client_registry.v1.StaffService/DeactivateStaff".to_owned(),
                resources: vec![who.clone()],
                outcome: FileOutcome::Done,
                reason: String::new(),
                ..first
            },
        );
    });
    change_staff(bench, |record| record.staff.name == who, |staff| staff.inactive = true)
}
