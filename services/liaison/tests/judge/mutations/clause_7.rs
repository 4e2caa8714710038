use super::*;

pub(super) fn stranger_read(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    // Somebody with no role for the whole firm, and a case of a client where they have none either.
    let (stranger, case) =
        evidence.staff.values().filter(|record| record.staff.roles.is_empty()).find_map(|record| {
            let name = &record.staff.name;
            let case = evidence.cases.values().find(|case| {
                let known = &evidence.clients[&case.client];
                let text = serde_json::to_string(known).unwrap();
                !text.contains(&format!("\"{name}\""))
            })?;
            let rows = evidence.audits.values().flat_map(AuditFile::rows);
            let active = rows.filter(|row| row.actor == *name).count() > 0;
            active.then(|| (name.clone(), case.name.clone()))
        })?;
    let mut done = false;
    bench.audit("escalation", |rows| {
        let Some(last) = rows.last().cloned() else { return };
        rows.push(FileRow {
            actor: stranger,
            action: "liaison.escalation.v1.CaseService/GetCase".to_owned(),
            resources: vec![case],
            outcome: FileOutcome::Read,
            reason: String::new(),
            ..last
        });
        done = true;
    });
    done.then_some(())
}

/// Takes away every row of a step of the story.
fn drop_rows(bench: &Bench, evidence: &Evidence, fits: impl Fn(&Outcome) -> bool, outcome: FileOutcome) -> Option<()> {
    let mut gone = false;
    for step in evidence.story.iter().filter(|step| fits(&step.outcome) && is_person(&step.who)) {
        for service in evidence.audits.keys() {
            bench.audit(service, |rows| {
                let before = rows.len();
                rows.retain(|row| {
                    !(row.outcome == outcome
                        && row.actor == step.who
                        && row.action == step.rpc
                        && step.at <= row.time
                        && row.time.duration_since(step.at).as_secs() <= 60)
                });
                gone |= rows.len() < before;
            });
        }
        if gone {
            return Some(());
        }
    }
    None
}

pub(super) fn refusal_missing(bench: &Bench) -> Option<()> {
    let refused =
        |outcome: &Outcome| matches!(outcome, Outcome::Refused(refused) if refused.code != "INVALID_ARGUMENT");
    drop_rows(bench, &bench.evidence(), refused, FileOutcome::Refused)
}

pub(super) fn read_missing(bench: &Bench) -> Option<()> {
    // An answer without words of anybody need not be there.
    let has_words = |outcome: &Outcome| {
        let Outcome::Answer(answer) = outcome else { return false };
        let answer = answer.to_string();
        ["subject", "text", "email", "displayName"].iter().any(|field| answer.contains(&format!("\"{field}\":\"")))
    };
    drop_rows(bench, &bench.evidence(), has_words, FileOutcome::Read)
}

pub(super) fn nobody_acted(bench: &Bench) -> Option<()> {
    let mut done = false;
    bench.audit("notification", |rows| {
        let Some(last) = rows.last().cloned() else { return };
        rows.push(FileRow { actor: String::new(), resources: Vec::new(), ..last });
        done = true;
    });
    done.then_some(())
}

/// The same actor, method and time, but the row does not say whose it was.
pub(super) fn other_resource_named(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let read = evidence.story.iter().find(|step| {
        let Outcome::Answer(answer) = &step.outcome else { return false };
        let answer = answer.to_string();
        step.rpc.contains("/Get") && ["subject", "text"].iter().any(|field| answer.contains(&format!("\"{field}\":\"")))
    })?;
    let mut done = false;
    for service in evidence.audits.keys() {
        bench.audit(service, |rows| {
            let of_read = |row: &&mut FileRow| row.actor == read.who && row.action == read.rpc && row.time == read.at;
            for row in rows.iter_mut().filter(of_read) {
                row.resources.clear();
                done = true;
            }
        });
    }
    done.then_some(())
}

pub(super) fn change_missing(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let change = evidence
        .story
        .iter()
        .find(|step| step.rpc.ends_with("CaseService/AcknowledgeCase") && matches!(step.outcome, Outcome::Answer(_)))?;
    bench.audit("escalation", |rows| {
        rows.retain(|row| !(row.actor == change.who && row.action == change.rpc && row.outcome == FileOutcome::Done));
    });
    Some(())
}

pub(super) fn foreign_watch(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let foreign = |who: &str| {
        let mut records = evidence.clients.values();
        records.find(|record| !serde_json::to_string(record).unwrap().contains(&format!("\"{who}\""))).cloned()
    };
    let mut done = false;
    bench.change::<Vec<Step>>(names::STORY, |story| {
        let Some(end) = story.iter_mut().find(|step| step.request.get("watch").is_some()) else { return };
        let Some(record) = foreign(&end.who) else { return };
        let Outcome::Answer(serde_json::Value::Array(messages)) = &mut end.outcome else { return };
        let Some(mut message) = messages.last().cloned() else { return };
        message["client"] = record.client.name.into();
        message.as_object_mut().unwrap().remove("case");
        messages.push(message);
        // What the scenario says of it is another table.
        end.expect.never = None;
        done = true;
    });
    done.then_some(())
}
