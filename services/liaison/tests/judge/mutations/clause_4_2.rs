use prost::{Message, Name};

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

/// All of it consistently: the mail, its case and its clock count from when it was read, as if nobody had held it before.
pub(super) fn counted_from_reading(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let good = never_late(&evidence);
    let held = |mail: &&Mail| mail.record_time != mail.receive_time && mail.triage.is_none();
    let opened = |mail: &Mail| {
        evidence.cases.values().find(|case| case.mail == mail.name && good.contains(&case.name)).map(|c| c.name.clone())
    };
    let (mail, case) = evidence.mails.values().filter(held).find_map(|mail| Some((mail.clone(), opened(mail)?)))?;
    let (received, read) = (mail.receive_time?, mail.record_time?);
    bench.protos::<Mail>(names::MAILS, |mails| {
        mails.iter_mut().find(|one| one.name == mail.name).unwrap().receive_time = Some(read);
    });
    bench.timeline(&case, |entries| {
        for entry in entries {
            if entry.occur_time == Some(received) {
                entry.occur_time = Some(read);
                if is_first_clock(entry) {
                    shift(&mut entry.due_time, read.seconds - received.seconds);
                }
            }
            if entry.record_time.is_some_and(|time| time.seconds < read.seconds) {
                entry.record_time = Some(read);
            }
        }
    });
    Some(())
}

fn change_delivery(bench: &Bench, fits: impl Fn(&Step) -> bool, change: impl Fn(&mut Step)) -> Option<()> {
    let mut done = false;
    bench.change::<Vec<Step>>(names::STORY, |story| {
        if let Some(step) = story.iter_mut().find(|step| step.mail_file.is_some() && fits(step)) {
            change(step);
            done = true;
        }
    });
    done.then_some(())
}

pub(super) fn receipt_untold(bench: &Bench) -> Option<()> {
    change_delivery(bench, |_| true, |step| drop(step.request.as_object_mut().unwrap().remove("receiveTime")))
}

pub(super) fn null_sender_heard(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let word = evidence.mails.values().find(|mail| mail.kind() == MailKind::Personal && !mail.contact.is_empty())?;
    let id = word.message_id.trim_matches(['<', '>']);
    let file = &evidence.mails_in.iter().find(|raw| raw.message_id == id)?.path;
    change_delivery(
        bench,
        |step| step.mail_file.as_ref() == Some(file),
        |step| step.request["envelopeFrom"] = String::new().into(),
    )
}

/// All of it consistently: the mail, its event and its entry say that the client wrote.
pub(super) fn machine_heard(bench: &Bench) -> Option<()> {
    let (case, found) = entry(&bench.evidence(), |entry| entry.kind() == TimelineKind::AutomaticMail)?;
    let name = found.references.first()?.clone();
    bench.timeline(&case, |entries| {
        entries[found.sequence as usize - 1].kind = TimelineKind::ClientWrote.into();
    });
    bench.protos::<Mail>(names::MAILS, |mails| {
        mails.iter_mut().find(|mail| mail.name == name).unwrap().kind = MailKind::Personal.into();
    });
    bench.events("notification", |events| {
        for event in events {
            let Some(payload) = &mut event.payload else { continue };
            if payload.type_url.rsplit('/').next() != Some(MailNoted::full_name().as_str()) {
                continue;
            }
            let noted = MailNoted::decode(payload.value.as_slice()).unwrap();
            if noted.mail == name {
                let heard = InquiryReceived { mail: noted.mail, client: noted.client, ..InquiryReceived::default() };
                *payload = prost_types::Any { type_url: InquiryReceived::type_url(), value: heard.encode_to_vec() };
            }
        }
    });
    Some(())
}

/// The client's word is noted, but its clock never starts.
pub(super) fn reopening_missing(bench: &Bench) -> Option<()> {
    let (case, found) = entry(&bench.evidence(), |entry| entry.kind() == TimelineKind::Reopened)?;
    bench.timeline(&case, |entries| {
        let at = found.sequence as usize - 1;
        entries[at].kind = TimelineKind::ClientWrote.into();
        let clock = entries.iter().skip(at).position(is_first_clock).unwrap();
        entries.remove(at + clock);
    });
    bench.drop_event::<CaseReopened>("escalation", |event| event.case == case);
    Some(())
}

/// The reply left, with its permit, days after it was due; the timeline has it in time.
pub(super) fn late_told_as_in_time(bench: &Bench) -> Option<()> {
    const DAYS: i64 = 7 * 86_400;
    let reply = response(&bench.evidence())?;
    let end = bench.evidence().run.end_time.as_second();
    let days = DAYS.min(end - reply.hand_over_time?.seconds - 1);
    change_notification(bench, &reply.name, |one| shift(&mut one.hand_over_time, days));
    bench.change_event::<DeliverySucceeded>(
        "notification",
        |event| event.notification == reply.name,
        |event| {
            shift(&mut event.hand_over_time, days);
            true
        },
    );
    bench.audit("client-registry", |rows| {
        for row in rows.iter_mut().filter(|row| row.resources.contains(&reply.name)) {
            row.time += jiff::SignedDuration::from_secs(days);
        }
        rows.sort_by_key(|row| row.time);
    });
    Some(())
}

pub(super) fn policy_longer(bench: &Bench) -> Option<()> {
    publish(bench, |policy| policy.first_response_business_days = 2)
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
