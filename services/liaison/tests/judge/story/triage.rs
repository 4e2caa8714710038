//! Mails whose sender nobody vouches for.

use super::*;

/// A stranger, seen to in time; and a forged sender, seen to too late.
pub(super) fn triage(world: &mut World) {
    let stranger = Letter {
        file: "08-stranger",
        from: "someone@elsewhere.example",
        subject: "Offer",
        text: "Do you need printers?",
        received: "2026-04-01T09:00:00Z",
        dmarc: "pass",
        extra: "",
    };
    in_triage(world, &stranger, "UNKNOWN_SENDER", "2026-04-02T09:00:00Z", "2026-04-01T13:00:00Z", false);
    let forged = Letter {
        file: "09-forged",
        from: "kim@acme.example",
        subject: "Please pay",
        text: "Pay this at once.",
        received: "2026-03-26T10:00:00Z",
        dmarc: "fail",
        extra: "",
    };
    in_triage(world, &forged, "FORGED_SENDER", "2026-03-27T10:00:00Z", "2026-03-27T12:00:00Z", true);
}

fn in_triage(world: &mut World, letter: &Letter<'_>, reason: &str, due: &str, left: &str, overdue: bool) {
    let mail = world.letter(letter);
    mail.state = MailState::Dismissed.into();
    if letter.dmarc == "fail" {
        mail.sender_check = SenderCheck::Failed.into();
    }
    mail.triage = Some(Triage {
        reason: reason.to_owned(),
        due_time: Some(ts(due)),
        overdue,
        owners: vec!["staff/ed".to_owned()],
        end_time: Some(ts(left)),
        ended_by: "staff/ed".to_owned(),
    });
    let name = mail.name.clone();
    let read = (at(letter.received) + jiff::SignedDuration::from_secs(20)).to_string();
    world.event(
        "notification",
        &name,
        &read,
        &MailTriaged { mail: name.clone(), reason: reason.to_owned(), receive_time: Some(ts(letter.received)) },
    );
    let sent = Sent {
        kind: NotificationKind::Triage,
        case: &name,
        client: "",
        author: "",
        audience: "INTAKE",
        recipients: &["staff/ed"],
        stand_ins_for: &[],
        subject: "A mail lies in triage",
        text: "Whose is it?",
        when: &read,
    };
    world.send(&sent);
    if overdue {
        let event = TriageOverdue { mail: name.clone(), due_time: Some(ts(due)) };
        world.event("notification", &name, due, &event);
        let recipients = &["staff/dora", "staff/ed"];
        world.send(&Sent {
            kind: NotificationKind::TriageOverdue,
            audience: "MANAGEMENT",
            recipients,
            when: due,
            ..sent
        });
    }
    world.audit("notification", left, "staff/ed", TRIAGE, &[&name], (Done, ""));
    world.step(left, "staff/ed", TRIAGE, json!({ "name": name, "reason": "No client's word" }), answer());
}
