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
