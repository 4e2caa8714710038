use super::*;

fn last_step(evidence: &Evidence) -> Option<(String, TimelineEntry)> {
    let by_itself = |entry: &&TimelineEntry| entry.kind() == TimelineKind::Escalated && !is_staff(&entry.actor);
    let mut all = evidence.timelines.iter();
    all.find_map(|(case, timeline)| Some((case.clone(), timeline.entries.iter().rfind(by_itself)?.clone())))
}

pub(super) fn step_missing(bench: &Bench) -> Option<()> {
    let (case, step) = last_step(&bench.evidence())?;
    bench.timeline(&case, |entries| drop(entries.remove(step.sequence as usize - 1)));
    bench.drop_event::<CaseEscalated>("escalation", |event| event.case == case && event.step == step.step);
    Some(())
}

pub(super) fn step_astray(bench: &Bench) -> Option<()> {
    let (case, step) = last_step(&bench.evidence())?;
    bench.timeline(&case, |entries| {
        entries[step.sequence as usize - 1].target = "ACCOUNT_MANAGER".to_owned();
    });
    bench.change_event::<CaseEscalated>(
        "escalation",
        |event| event.case == case && event.step == step.step,
        |event| {
            event.target = "ACCOUNT_MANAGER".to_owned();
            true
        },
    );
    Some(())
}

pub(super) fn absent_told(bench: &Bench) -> Option<()> {
    let stood_in = |one: &Notification| one.stand_ins_for.len() == 1 && one.recipients.len() == 1;
    let told = notification(&bench.evidence(), NotificationKind::Escalation, stood_in)?;
    let absent = told.stand_ins_for[0].clone();
    bench.send_to(&told, &[&absent], &[]);
    Some(())
}

pub(super) fn step_early(bench: &Bench) -> Option<()> {
    let (case, step) = last_step(&bench.evidence())?;
    bench.timeline(&case, |entries| {
        let mut entry = entries.remove(step.sequence as usize - 1);
        shift(&mut entry.record_time, -600);
        shift(&mut entry.occur_time, -600);
        let at = |entry: &TimelineEntry| entry.record_time.map_or(0, |time| time.seconds);
        let place = entries.iter().position(|other| at(other) > at(&entry)).unwrap_or(entries.len());
        entries.insert(place, entry);
    });
    Some(())
}

pub(super) fn day_unnoticed(bench: &Bench) -> Option<()> {
    let breach =
        |entry: &TimelineEntry| entry.kind() == TimelineKind::ClockBreached && entry.clock() == ClockKind::Resolution;
    let (case, _) = drop_entry(bench, breach)?;
    bench.drop_event::<ClockBreached>("escalation", |event| {
        event.case == case && event.clock() == ClockKind::Resolution
    });
    Some(())
}

pub(super) fn policy_later(bench: &Bench) -> Option<()> {
    publish(bench, |policy| {
        for step in &mut policy.escalation_steps {
            step.after.as_mut().unwrap().seconds += 86_400;
        }
    })
}

pub(super) fn policy_without_management(bench: &Bench) -> Option<()> {
    publish(bench, |policy| policy.escalation_steps.retain(|step| step.target() != EscalationTarget::Management))
}
