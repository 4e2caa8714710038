use super::*;

pub(super) fn acknowledgement_undocumented(bench: &Bench) -> Option<()> {
    drop_entry(bench, |entry| entry.kind() == TimelineKind::Acknowledged).map(drop)
}

pub(super) fn telling_undocumented(bench: &Bench) -> Option<()> {
    drop_entry(bench, |entry| entry.kind() == TimelineKind::Told).map(drop)
}

pub(super) fn time_runs_back(bench: &Bench) -> Option<()> {
    change_entry(
        bench,
        |entry| entry.kind() == TimelineKind::Told,
        |entry| {
            shift(&mut entry.record_time, -86_400);
            shift(&mut entry.occur_time, -86_400);
        },
    )
}

pub(super) fn entry_of_another_case(bench: &Bench) -> Option<()> {
    change_entry(bench, |entry| entry.kind() == TimelineKind::Told, |entry| entry.case = "cases/another".to_owned())
}

pub(super) fn audit_unsealed(bench: &Bench) -> Option<()> {
    bench.change::<AuditFile>("audit/notification.json", |audit| audit.unsealed = 3);
    Some(())
}

pub(super) fn stream_broken(bench: &Bench) -> Option<()> {
    let mut done = false;
    bench.protos::<contracts::event::v1::Event>("events/escalation.json", |events| {
        if let Some(second) = events.get_mut(1) {
            second.predecessor = "00000000-0000-4000-8000-000000000000".to_owned();
            done = true;
        }
    });
    done.then_some(())
}

pub(super) fn acknowledgement_invented(bench: &Bench) -> Option<()> {
    let (case, found) = entry(&bench.evidence(), |entry| entry.kind() == TimelineKind::Acknowledged)?;
    bench.timeline(&case, |entries| entries.insert(found.sequence as usize, found));
    Some(())
}
