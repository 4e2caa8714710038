use super::*;

fn is_confirmation(entry: &TimelineEntry, of_staff: bool) -> bool {
    let person = entry.people.first().unwrap_or(&entry.actor);
    entry.kind() == TimelineKind::ResolutionConfirmed && is_staff(person) == of_staff
}

pub(super) fn closed_without_client(bench: &Bench) -> Option<()> {
    let (case, _) = drop_entry(bench, |entry| is_confirmation(entry, false))?;
    bench.drop_event::<ResolutionConfirmed>("escalation", |event| event.case == case && event.side() == Side::Client);
    Some(())
}

pub(super) fn closed_on_older_revision(bench: &Bench) -> Option<()> {
    let newer = |entry: &TimelineEntry| is_confirmation(entry, false) && entry.proposal_revision > 1;
    let (case, found) = entry(&bench.evidence(), newer)?;
    bench.timeline(&case, |entries| entries[found.sequence as usize - 1].proposal_revision -= 1);
    bench.change_event::<ResolutionConfirmed>(
        "escalation",
        |event| event.case == case && event.side() == Side::Client,
        |event| {
            event.proposal_revision -= 1;
            true
        },
    );
    Some(())
}

pub(super) fn stranger_confirmed(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let (case, found) = entry(&evidence, |entry| is_confirmation(entry, false))?;
    let client = &evidence.cases[&case].client;
    let others = evidence.clients.values().filter(|record| record.client.name != *client);
    let stranger = others.flat_map(|record| &record.contacts).find(|contact| contact.confirms)?.name.clone();
    bench.timeline(&case, |entries| {
        let entry = &mut entries[found.sequence as usize - 1];
        if !is_staff(&entry.actor) {
            entry.actor.clone_from(&stranger);
        }
        entry.people = vec![stranger];
    });
    Some(())
}

pub(super) fn recorder_confirmed(bench: &Bench) -> Option<()> {
    let by_phone = |entry: &TimelineEntry| is_confirmation(entry, false) && is_staff(&entry.actor);
    let (case, found) = entry(&bench.evidence(), by_phone)?;
    bench.timeline(&case, |entries| {
        for entry in entries.iter_mut().filter(|entry| is_confirmation(entry, true)) {
            entry.actor.clone_from(&found.actor);
            entry.people = vec![found.actor.clone()];
        }
    });
    Some(())
}

pub(super) fn contact_may_not(bench: &Bench) -> Option<()> {
    // One whose word somebody of the firm wrote down: the contact made no call that would have been refused.
    let by_phone = |entry: &TimelineEntry| is_confirmation(entry, false) && is_staff(&entry.actor);
    let (_, found) = entry(&bench.evidence(), by_phone)?;
    let person = found.people.first().unwrap_or(&found.actor).clone();
    bench.change::<Vec<ClientRecord>>(names::CLIENTS, |clients| {
        let contacts = clients.iter_mut().flat_map(|record| &mut record.contacts);
        for contact in contacts.filter(|contact| contact.name == person) {
            contact.confirms = false;
        }
        let versions = clients.iter_mut().flat_map(|record| &mut record.contact_versions);
        for version in versions.filter(|version| version.contact.name == person) {
            version.contact.confirms = false;
        }
    });
    Some(())
}

pub(super) fn never_closed(bench: &Bench) -> Option<()> {
    let (case, _) = drop_entry(bench, |entry| entry.kind() == TimelineKind::Closed)?;
    bench.drop_event::<CaseClosed>("escalation", |event| event.case == case);
    Some(())
}

pub(super) fn state_disagrees(bench: &Bench) -> Option<()> {
    let mut done = false;
    bench.protos::<Case>(names::CASES, |cases| {
        if let Some(open) = cases.iter_mut().find(|case| case.close_time.is_none()) {
            open.state = contracts::escalation::v1::CaseState::Closed.into();
            done = true;
        }
    });
    done.then_some(())
}

pub(super) fn reminder_missing(bench: &Bench) -> Option<()> {
    let (case, found) = drop_entry(bench, |entry| entry.kind() == TimelineKind::ConfirmationReminded)?;
    let revision = found.proposal_revision;
    bench
        .drop_event::<ConfirmationDue>("escalation", |event| event.case == case && event.proposal_revision == revision);
    Some(())
}

pub(super) fn confirmer_not_asked(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let mute = |client: &str| {
        let contacts = &evidence.clients.get(client)?.contacts;
        contacts.iter().find(|contact| !contact.confirms).map(|contact| contact.name.clone())
    };
    let asked = notification(&evidence, NotificationKind::ConfirmationRequest, |one| mute(&one.client).is_some())?;
    bench.send_to(&asked, &[&mute(&asked.client)?], &[]);
    Some(())
}
