//! A client in New York: a question, and an issue from the beginning.

use super::*;

/// Another client in another zone, answered by a contractor.
pub(super) fn filing(world: &mut World) {
    let letter = Letter {
        file: "07-filing",
        from: "lee@globex.example",
        subject: "State filing",
        text: "When do we file in Delaware?",
        received: "2026-04-02T15:00:00Z",
        dmarc: "pass",
        extra: "",
    };
    let mail = inquiry(world, &letter, LEE, FILING);
    // Good Friday is worked in New York.
    opened_by_mail(world, FILING, &mail, LEE, letter.received, "2026-04-03T15:00:00Z", "calendars/new-york");
    reply(world, FILING, "staff/frank", LEE, "2026-04-02T18:00:00Z", "By the first of June.");
}

/// An issue from the beginning, escalated by hand, confirmed by phone.
pub(super) fn portal(world: &mut World) {
    let opened = "2026-04-06T13:00:00Z";
    world.cases.push(Case {
        name: PORTAL.to_owned(),
        client: GLOBEX.to_owned(),
        kind: CaseKind::Issue.into(),
        state: CaseState::Unresolved.into(),
        origin: CaseOrigin::Api.into(),
        opener: LEE.to_owned(),
        subject: "Nobody can sign in".to_owned(),
        policy_version: 1,
        open_time: Some(ts(opened)),
        revision: 1,
        ..Case::default()
    });
    world.entry(PORTAL, TimelineKind::Opened, opened, LEE, |entry| entry.text = "Nobody can sign in".to_owned());
    world.event(
        "escalation",
        PORTAL,
        opened,
        &CaseOpened {
            case: PORTAL.to_owned(),
            client: GLOBEX.to_owned(),
            kind: CaseKind::Issue.into(),
            origin: CaseOrigin::Api.into(),
            opener: LEE.to_owned(),
            open_time: Some(ts(opened)),
            ..CaseOpened::default()
        },
    );
    world.clock(PORTAL, ClockKind::Resolution, opened, "2026-04-07T13:00:00Z", "");
    let rpc = format!("{CASES}/OpenCase");
    world.audit("escalation", opened, LEE, &rpc, &[PORTAL], (Done, ""));
    let request = json!({ "case": { "client": GLOBEX, "kind": "CASE_KIND_ISSUE", "subject": "Nobody can sign in" } });
    world.step(opened, LEE, &rpc, request, answer());

    let by_hand = "2026-04-06T15:00:00Z";
    escalated(world, PORTAL, GLOBEX, 1, "TEAM_LEAD", "staff/frank", by_hand);
    told(world, NotificationKind::Escalation, PORTAL, "TEAM_LEAD", &["staff/hana"], &[], by_hand);
    let rpc = format!("{CASES}/EscalateCase");
    world.audit("escalation", by_hand, "staff/frank", &rpc, &[PORTAL], (Done, ""));
    world.step(by_hand, "staff/frank", &rpc, json!({ "name": PORTAL, "reason": "All are locked out" }), answer());

    let day = "2026-04-07T13:00:00Z";
    breached(world, PORTAL, GLOBEX, ClockKind::Resolution, day);
    told(world, NotificationKind::ClockBreach, PORTAL, "ACCOUNT_MANAGER", &["staff/gil"], &[], day);
    proposed(world, PORTAL, GLOBEX, "staff/hana", LEE, 1, "2026-04-07T15:00:00Z");
    confirmed(world, PORTAL, 1, LEE, Some("staff/gil"), "2026-04-07T16:00:00Z");
    confirmed(world, PORTAL, 1, "staff/hana", NOBODY, "2026-04-07T16:30:00Z");
    closed(
        world,
        PORTAL,
        GLOBEX,
        "staff/hana",
        "2026-04-07T16:30:00Z",
        Proposal {
            revision: 1,
            text: "We correct the run and send a new slip.".to_owned(),
            proposer: "staff/hana".to_owned(),
            propose_time: Some(ts("2026-04-07T15:00:00Z")),
            confirmations: vec![
                confirmation(Side::Client, LEE, Some("staff/gil"), "2026-04-07T16:00:00Z"),
                confirmation(Side::Firm, "staff/hana", None, "2026-04-07T16:30:00Z"),
            ],
            rejected: false,
        },
    );
}

/// Frank, of this client's team, watches what happens to its cases.
pub(super) fn watch(world: &mut World) {
    let rpc = format!("{CASES}/WatchCases");
    let opened = world.step("2026-04-06T12:00:00Z", "staff/frank", &rpc, json!({}), answer()).number;
    let happened = json!([
        { "case": PORTAL, "client": GLOBEX, "event": "CaseOpened", "time": "2026-04-06T13:00:00Z" },
        { "case": PORTAL, "client": GLOBEX, "event": "CaseEscalated", "time": "2026-04-06T15:00:00Z" },
    ]);
    let ends = json!({ "watch": "frank-watches", "step": opened });
    world.step("2026-04-07T17:00:00Z", "staff/frank", &rpc, ends, Outcome::Answer(happened));
}
