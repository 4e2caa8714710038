use super::*;

pub(super) fn no_account_manager(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    // A client of whom no case rests on its account manager, or whose history still tells who it was then.
    let quiet = |client: &str| !evidence.cases.values().any(|case| case.client == client);
    let mut done = false;
    bench.change::<Vec<ClientRecord>>(names::CLIENTS, |clients| {
        let fits = |record: &&mut ClientRecord| quiet(&record.client.name) || !record.assignments.is_empty();
        if let Some(record) = clients.iter_mut().find(fits) {
            record.client.account_manager = "staff/nobody".to_owned();
            done = true;
        }
    });
    done.then_some(())
}

pub(super) fn wrong_manager_told(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let resolution =
        |entry: &TimelineEntry| entry.kind() == TimelineKind::ClockBreached && entry.clock() == ClockKind::Resolution;
    let (case, breach) = entry(&evidence, resolution)?;
    let since = breach.record_time.map_or(0, |time| time.seconds);
    let told = notification(&evidence, NotificationKind::ClockBreach, |one| {
        one.case == case && one.queue_time.is_some_and(|time| time.seconds >= since)
    })?;
    let other = evidence.staff.keys().find(|name| !told.recipients.contains(name))?.clone();
    bench.send_to(&told, &[&other], &[]);
    Some(())
}

/// Shortly before the end, when nothing rests on it any more.
pub(super) fn manager_replaced_by_nobody(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let from_time = evidence.run.end_time - jiff::SignedDuration::from_mins(5);
    let mut done = false;
    bench.change::<Vec<ClientRecord>>(names::CLIENTS, |clients| {
        let Some(record) = clients.iter_mut().find(|record| !record.assignments.is_empty()) else { return };
        let last = record.assignments.last().unwrap().clone();
        let is_other =
            |one: &&StaffRecord| one.staff.name != last.account_manager && one.staff.kind() == StaffKind::Employee;
        let Some(other) = evidence.staff.values().find(is_other) else { return };
        record.client.account_manager.clone_from(&other.staff.name);
        record.assignments.push(Assignments { from_time, account_manager: other.staff.name.clone(), ..last });
        done = true;
    });
    done.then_some(())
}
