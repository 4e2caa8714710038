use super::*;

fn is_first_clock(entry: &TimelineEntry) -> bool {
    entry.kind() == TimelineKind::ClockSet && entry.clock() == ClockKind::FirstResponse
}

/// Cases that were answered and never late.
fn never_late(evidence: &Evidence) -> Vec<String> {
    let late = |entry: &TimelineEntry| matches!(entry.kind(), TimelineKind::ClockBreached | TimelineKind::BecameIssue);
    let answered = |entry: &TimelineEntry| entry.kind() == TimelineKind::Responded;
    let good = evidence
        .timelines
        .iter()
        .filter(|(_, timeline)| timeline.entries.iter().any(answered) && !timeline.entries.iter().any(late));
    good.map(|(case, _)| case.clone()).collect()
}

pub(super) fn clock_set_wrong(bench: &Bench) -> Option<()> {
    let good = never_late(&bench.evidence());
    let fits = |entry: &TimelineEntry| is_first_clock(entry) && good.contains(&entry.case);
    change_entry(bench, fits, |entry| shift(&mut entry.due_time, 3600))
}

pub(super) fn no_clock(bench: &Bench) -> Option<()> {
    let good = never_late(&bench.evidence());
    drop_entry(bench, |entry| is_first_clock(entry) && good.contains(&entry.case)).map(drop)
}

/// The reply that a response rests on.
fn response(evidence: &Evidence) -> Option<Notification> {
    let good = never_late(evidence);
    notification(evidence, NotificationKind::Reply, |one| good.contains(&one.case))
}

fn change_notification(bench: &Bench, name: &str, change: impl FnOnce(&mut Notification)) {
    bench.protos::<Notification>(names::NOTIFICATIONS, |all| {
        change(all.iter_mut().find(|one| one.name == name).unwrap());
    });
}

pub(super) fn acknowledgement_counts(bench: &Bench) -> Option<()> {
    let reply = response(&bench.evidence())?;
    change_notification(bench, &reply.name, |one| one.kind = NotificationKind::Acknowledgement.into());
    Some(())
}

pub(super) fn machine_replied(bench: &Bench) -> Option<()> {
    let reply = response(&bench.evidence())?;
    bench.text(&Bench::mail_out(&reply.name), |raw| set_header(&raw, "Auto-Submitted", "auto-generated"));
    Some(())
}

pub(super) fn nobody_replied(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let reply = response(&evidence)?;
    let service = evidence.policies.last()?.service_address.clone();
    change_notification(bench, &reply.name, |one| one.author.clear());
    bench.text(&Bench::mail_out(&reply.name), |raw| set_header(&raw, "From", &service));
    Some(())
}

pub(super) fn replied_to_nobody(bench: &Bench) -> Option<()> {
    let reply = response(&bench.evidence())?;
    let colleague = bench.evidence().staff.keys().next()?.clone();
    bench.send_to(&reply, &[&colleague], &[]);
    Some(())
}

pub(super) fn first_breach_missing(bench: &Bench) -> Option<()> {
    let breach = |entry: &TimelineEntry| {
        entry.kind() == TimelineKind::ClockBreached && entry.clock() == ClockKind::FirstResponse
    };
    let (case, _) = drop_entry(bench, breach)?;
    bench.drop_event::<ClockBreached>("escalation", |event| {
        event.case == case && event.clock() == ClockKind::FirstResponse
    });
    Some(())
}

pub(super) fn counted_from_later(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let good = never_late(&evidence);
    let by_mail = |entry: &TimelineEntry| {
        entry.kind() == TimelineKind::Opened && good.contains(&entry.case) && !entry.references.is_empty()
    };
    change_entry(bench, by_mail, |entry| shift(&mut entry.occur_time, -1800))
}

pub(super) fn word_lost(bench: &Bench) -> Option<()> {
    let word = |entry: &TimelineEntry| matches!(entry.kind(), TimelineKind::Reopened | TimelineKind::ClientWrote);
    change_entry(bench, word, |entry| entry.references.clear())
}

pub(super) fn machine_heard(bench: &Bench) -> Option<()> {
    let (case, found) = entry(&bench.evidence(), |entry| entry.kind() == TimelineKind::AutomaticMail)?;
    bench.timeline(&case, |entries| {
        let at = found.sequence as usize;
        entries.insert(at, TimelineEntry { kind: TimelineKind::ClientWrote.into(), ..found });
    });
    Some(())
}

pub(super) fn mail_doubled(bench: &Bench) -> Option<()> {
    let mut doubled = false;
    bench.protos::<Mail>(names::MAILS, |mails| {
        let Some(first) = mails.iter().find(|mail| !mail.contact.is_empty()).cloned() else { return };
        mails.push(Mail { name: "mails/once-more".to_owned(), ..first });
        doubled = true;
    });
    doubled.then_some(())
}

pub(super) fn forged_believed(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let believed = evidence.mails.values().find(|mail| !mail.contact.is_empty() && mail.triage.is_none())?;
    let id = believed.message_id.trim_matches(['<', '>']);
    for raw in evidence.mails_in.iter().filter(|raw| raw.message_id == id) {
        bench.text(&raw.path, |text| text.replacen("dmarc=pass", "dmarc=fail", 1));
    }
    Some(())
}

fn change_triage(bench: &Bench, overdue: bool, change: impl FnOnce(&mut Mail)) -> Option<String> {
    let mut name = None;
    bench.protos::<Mail>(names::MAILS, |mails| {
        let lay = |mail: &&mut Mail| mail.triage.as_ref().is_some_and(|triage| triage.overdue == overdue);
        if let Some(mail) = mails.iter_mut().find(lay) {
            change(mail);
            name = Some(mail.name.clone());
        }
    });
    name
}

pub(super) fn triage_without_owner(bench: &Bench) -> Option<()> {
    change_triage(bench, false, |mail| mail.triage.as_mut().unwrap().owners.clear()).map(drop)
}

pub(super) fn triage_due_wrong(bench: &Bench) -> Option<()> {
    change_triage(bench, false, |mail| shift(&mut mail.triage.as_mut().unwrap().due_time, 3600)).map(drop)
}

pub(super) fn triage_unnoticed(bench: &Bench) -> Option<()> {
    let name = change_triage(bench, true, |mail| mail.triage.as_mut().unwrap().overdue = false)?;
    bench.drop_event::<TriageOverdue>("notification", |event| event.mail == name);
    Some(())
}
