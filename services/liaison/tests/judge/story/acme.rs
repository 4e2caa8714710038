//! A client in London: one case answered in time, one late.

use super::*;

/// Answered in time twice, over the change of the clocks and over Easter.
pub(super) fn invoice(world: &mut World) {
    let first = Letter {
        file: "01-invoice",
        from: "Jo <jo@acme.example>",
        subject: "Invoice 4711",
        text: "Which of the two invoices for March is the right one?",
        received: "2026-03-27T16:00:00Z",
        dmarc: "pass",
        extra: "",
    };
    let mail = inquiry(world, &first, JO, INVOICE);
    // Friday 16:00 in London; due on Monday 16:00, which is an hour earlier in UTC since the clocks changed.
    opened_by_mail(world, INVOICE, &mail, JO, first.received, "2026-03-30T15:00:00Z", LONDON);
    reply(world, INVOICE, "staff/anna", JO, "2026-03-30T09:40:00Z", "The second one. The first was a draft.");
    let away = Letter {
        file: "02-away",
        subject: "Out of office",
        text: "I am away until Thursday.",
        received: "2026-03-30T09:41:00Z",
        extra: "Auto-Submitted: auto-replied\r\n",
        ..first
    };
    noted(world, &away, INVOICE, ACME, false);

    let again = Letter {
        file: "03-invoice-again",
        subject: "Re: Invoice 4711",
        text: "And the one for February?",
        received: "2026-04-02T14:10:00Z",
        ..first
    };
    let mail = inquiry(world, &again, JO, INVOICE);
    // The same mail is delivered a second time.
    let (_, raw) = world.mails_in.last().unwrap().clone();
    world.mails_in.push(("04-invoice-again-twice".to_owned(), raw));
    world.hand_over("04-invoice-again-twice", "2026-04-02T14:12:00Z");
    world.entry(INVOICE, TimelineKind::Reopened, again.received, JO, |entry| entry.references = vec![mail]);
    let reopened = CaseReopened { case: INVOICE.to_owned(), client: ACME.to_owned() };
    world.event("escalation", INVOICE, again.received, &reopened);
    // Thursday 15:10 in London, then Good Friday, a weekend and Easter Monday: due on Tuesday.
    world.clock(INVOICE, ClockKind::FirstResponse, again.received, "2026-04-07T14:10:00Z", LONDON);
    let stranger = Letter {
        file: "05-adviser",
        from: "adviser@tax.example",
        subject: "Re: Invoice 4711",
        text: "I agree with Jo.",
        received: "2026-04-02T15:00:00Z",
        ..first
    };
    noted(world, &stranger, INVOICE, ACME, true);
    let read = format!("{CASES}/GetCase");
    world.audit("escalation", "2026-04-07T08:20:00Z", "staff/anna", &read, &[INVOICE], (Read, ""));
    let found = Outcome::Answer(json!({ "case": { "name": INVOICE, "subject": "Invoice 4711" } }));
    world.step("2026-04-07T08:20:00Z", "staff/anna", &read, json!({ "name": INVOICE }), found).title =
        "Anna looks the case up".to_owned();
    reply(world, INVOICE, "staff/anna", JO, "2026-04-07T08:30:00Z", "February is settled.");
    world.audit("escalation", "2026-04-07T09:00:00Z", "staff/frank", &read, &[], (Refused, "CASE_NOT_FOUND"));
    let refusal = refused("NOT_FOUND", "CASE_NOT_FOUND");
    world.step("2026-04-07T09:00:00Z", "staff/frank", &read, json!({ "name": INVOICE }), refusal).title =
        "Frank, of another client's team, finds nothing".to_owned();
}

/// Late, an issue by itself, escalated over an absent team lead, rejected once, closed by both.
pub(super) fn payroll(world: &mut World) {
    let letter = Letter {
        file: "06-payroll",
        from: "Kim <kim@acme.example>",
        subject: "Payroll for March",
        text: "Two payslips are missing.",
        received: "2026-03-30T08:30:00Z",
        dmarc: "pass",
        extra: "",
    };
    let mail = inquiry(world, &letter, KIM, PAYROLL);
    let due = "2026-03-31T08:30:00Z";
    opened_by_mail(world, PAYROLL, &mail, KIM, letter.received, due, LONDON);
    breached(world, PAYROLL, ACME, ClockKind::FirstResponse, due);
    world.entry(PAYROLL, TimelineKind::BecameIssue, due, "timer", |_| {});
    let issue = CaseBecameIssue { case: PAYROLL.to_owned(), client: ACME.to_owned() };
    world.event("escalation", PAYROLL, due, &issue);
    world.clock(PAYROLL, ClockKind::Resolution, due, "2026-04-01T08:30:00Z", "");
    told(world, NotificationKind::ClockBreach, PAYROLL, "ACCOUNT_MANAGER", &["staff/anna"], &[], due);

    let noted = "2026-03-31T10:00:00Z";
    world.entry(PAYROLL, TimelineKind::Acknowledged, noted, "staff/anna", |_| {});
    let event = CaseAcknowledged { case: PAYROLL.to_owned(), client: ACME.to_owned() };
    world.event("escalation", PAYROLL, noted, &event);
    let rpc = format!("{CASES}/AcknowledgeCase");
    world.audit("escalation", noted, "staff/anna", &rpc, &[PAYROLL], (Done, ""));
    world.step(noted, "staff/anna", &rpc, json!({ "name": PAYROLL }), answer());
    reply(
        world,
        PAYROLL,
        "staff/cleo",
        KIM,
        "2026-03-31T11:00:00Z",
        "We are looking into it: the run stopped halfway.",
    );

    let day = "2026-04-01T08:30:00Z";
    breached(world, PAYROLL, ACME, ClockKind::Resolution, day);
    escalated(world, PAYROLL, ACME, 1, "TEAM_LEAD", "timer", day);
    told(world, NotificationKind::ClockBreach, PAYROLL, "ACCOUNT_MANAGER", &["staff/anna"], &[], day);
    told(world, NotificationKind::Escalation, PAYROLL, "TEAM_LEAD", &["staff/cleo"], &["staff/ben"], day);

    proposed(world, PAYROLL, ACME, "staff/cleo", KIM, 1, "2026-04-01T14:30:00Z");
    // 48 hours pass while it is proposed; the rejection brings the second step at once.
    let no = "2026-04-02T10:30:00Z";
    world.entry(PAYROLL, TimelineKind::ResolutionRejected, no, KIM, |entry| {
        entry.proposal_revision = 1;
        entry.text = "One slip is still missing.".to_owned();
    });
    world.event(
        "escalation",
        PAYROLL,
        no,
        &ResolutionRejected { case: PAYROLL.to_owned(), client: ACME.to_owned(), proposal_revision: 1 },
    );
    let rpc = format!("{CASES}/RejectResolution");
    world.audit("escalation", no, KIM, &rpc, &[PAYROLL], (Done, ""));
    world.step(no, KIM, &rpc, json!({ "name": PAYROLL, "proposalRevision": 1 }), answer());
    escalated(world, PAYROLL, ACME, 2, "MANAGEMENT", "timer", no);
    told(world, NotificationKind::Escalation, PAYROLL, "MANAGEMENT", &["staff/dora"], &[], no);

    proposed(world, PAYROLL, ACME, "staff/cleo", KIM, 2, "2026-04-02T13:00:00Z");
    for (when, sides) in [("2026-04-03T13:00:00Z", 2), ("2026-04-04T13:00:00Z", 1)] {
        for (side, to) in [(Side::Client, KIM), (Side::Firm, "staff/anna")].into_iter().take(sides) {
            world.entry(PAYROLL, TimelineKind::ConfirmationReminded, when, "timer", |entry| {
                entry.proposal_revision = 2;
                entry.target = if side == Side::Firm { "FIRM" } else { "CLIENT" }.to_owned();
            });
            world.event(
                "escalation",
                PAYROLL,
                when,
                &ConfirmationDue {
                    case: PAYROLL.to_owned(),
                    client: ACME.to_owned(),
                    proposal_revision: 2,
                    side: side.into(),
                    ..ConfirmationDue::default()
                },
            );
            let audience = if side == Side::Firm { "ACCOUNT_MANAGER" } else { KIM };
            told(world, NotificationKind::ConfirmationReminder, PAYROLL, audience, &[to], &[], when);
        }
    }
    confirmed(world, PAYROLL, 2, "staff/cleo", NOBODY, "2026-04-03T15:00:00Z");
    let rpc = format!("{CASES}/ConfirmResolution");
    for (when, who, code, reason) in [
        ("2026-04-03T15:05:00Z", "staff/cleo", "FAILED_PRECONDITION", "SIDE_ALREADY_CONFIRMED"),
        ("2026-04-04T14:00:00Z", KIM, "FAILED_PRECONDITION", "PROPOSAL_REVISED"),
        ("2026-04-04T14:05:00Z", LEE, "NOT_FOUND", "CASE_NOT_FOUND"),
    ] {
        world.audit("escalation", when, who, &rpc, &[], (Refused, reason));
        let revision = if reason == "PROPOSAL_REVISED" { 1 } else { 2 };
        let request = json!({ "name": PAYROLL, "proposalRevision": revision });
        world.step(when, who, &rpc, request, refused(code, reason));
    }
    let end = "2026-04-04T14:30:00Z";
    confirmed(world, PAYROLL, 2, KIM, NOBODY, end);
    closed(
        world,
        PAYROLL,
        ACME,
        KIM,
        end,
        Proposal {
            revision: 2,
            text: "We correct the run and send a new slip.".to_owned(),
            proposer: "staff/cleo".to_owned(),
            propose_time: Some(ts("2026-04-02T13:00:00Z")),
            confirmations: vec![
                confirmation(Side::Firm, "staff/cleo", None, "2026-04-03T15:00:00Z"),
                confirmation(Side::Client, KIM, None, end),
            ],
            rejected: false,
        },
    );
}
