use super::*;

fn change_staff(
    bench: &Bench,
    fits: impl Fn(&StaffRecord) -> bool,
    change: impl FnOnce(&mut StaffRecord),
) -> Option<()> {
    let mut staff: Vec<StaffRecord> = bench.get(names::STAFF);
    change(staff.iter_mut().find(|record| fits(record))?);
    bench.put(names::STAFF, &staff);
    Some(())
}

pub(super) fn contractor_without_end(bench: &Bench) -> Option<()> {
    change_staff(
        bench,
        |record| record.staff.kind() == StaffKind::Contractor,
        |record| record.staff.access_expire_time = None,
    )
}

pub(super) fn staff_of_no_kind(bench: &Bench) -> Option<()> {
    change_staff(bench, |_| true, |record| record.staff.kind = 0)
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
        |record| record.staff.access_expire_time = Some(crate::world::proto(start)),
    )
}
