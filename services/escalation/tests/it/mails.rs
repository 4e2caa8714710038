//! What notification's events do to cases (SOP 4.2).

use contracts::{
    escalation::v1::{CaseKind, CaseOpened, CaseOrigin, CaseResponded, CaseState, ClockState, TimelineKind},
    notification::v1::{DeliveryBlocked, DeliveryFailed, MeetingForm, MeetingHeld, NotificationKind},
};
use testkit::TestDatabase;

use crate::support::*;

testkit::both_databases!(SETS;
    a_clients_mail_opens_an_inquiry_whose_clock_counts_from_its_receipt,
    a_persons_reply_to_the_client_answers_it_at_its_hand_over,
    an_acknowledgement_whoever_wrote_it_answers_nothing,
    a_reply_to_somebody_whom_the_client_put_in_copy_answers_nothing,
    the_clients_next_mail_on_it_opens_it_again,
    an_out_of_office_and_a_third_party_are_noted_and_count_for_nothing,
    a_third_partys_mail_that_is_attributed_later_is_the_clients_word_after_all,
    the_same_mail_told_twice_makes_one_inquiry,
    a_word_on_a_closed_issue_opens_a_new_inquiry_on_the_same_conversation,
    a_mail_that_names_its_case_joins_it_though_the_conversation_is_new_here,
    a_mail_that_names_another_clients_case_does_not_join_it,
    a_call_in_which_the_question_was_answered_ends_the_clock_at_its_end,
    a_call_that_answers_nothing_is_noted_and_stops_no_clock,
    who_was_told_and_who_was_not_stands_on_the_timeline,
    an_event_of_another_kind_is_passed_over,
    what_was_told_while_the_stream_was_lost_is_made_up_for_from_the_lists,
);

async fn a_clients_mail_opens_an_inquiry_whose_clock_counts_from_its_receipt(db: TestDatabase) {
    let world = World::new(db).await;
    // Received on Friday evening after hours, read here on Monday.
    world.mail("mails/m1", "t1", "2026-05-29T18:00:00Z").await;
    let case = world.only_case().await;
    assert_eq!(
        (case.kind(), case.state(), case.origin()),
        (CaseKind::Inquiry, CaseState::AwaitingResponse, CaseOrigin::Mail)
    );
    assert_eq!((case.mail.as_str(), case.thread.as_str(), case.opener.as_str()), ("mails/m1", "t1", CARLA));
    assert_eq!(case.subject, "", "the mail's owner has the words");
    assert_eq!(time(case.open_time), at("2026-05-29T18:00:00Z"));
    assert_eq!(time(case.clocks[0].due_time), at("2026-06-02T08:00:00Z"), "as if received on Monday at nine");
    let opened = &world.events::<CaseOpened>().await[0];
    assert_eq!((opened.mail.as_str(), opened.thread.as_str()), ("mails/m1", "t1"));
    let entry = &world.timeline(&case.name).await[0];
    assert_eq!((entry.actor.as_str(), entry.references.as_slice()), (CARLA, ["mails/m1".to_owned()].as_slice()));
    assert_eq!((time(entry.occur_time), time(entry.record_time)), (at("2026-05-29T18:00:00Z"), at(MONDAY)));
}

async fn a_persons_reply_to_the_client_answers_it_at_its_hand_over(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    world.clock.set(at("2026-06-01T13:00:00Z"));
    world.replied(&case.name, "2026-06-01T12:00:00Z").await;
    let case = world.case(&case.name).await;
    assert_eq!((case.state(), case.clocks[0].state()), (CaseState::Answered, ClockState::Ended));
    assert_eq!(time(case.clocks[0].end_time), at("2026-06-01T12:00:00Z"));
    assert_eq!(time(world.events::<CaseResponded>().await[0].respond_time), at("2026-06-01T12:00:00Z"));
    let entry = &world.entries(&case.name, TimelineKind::Responded).await[0];
    assert_eq!((entry.actor.as_str(), entry.people.as_slice()), (ANNA, [CARLA.to_owned()].as_slice()));
    world.at("2026-06-03T09:15:00Z").await;
    assert_eq!(world.case(&case.name).await.state(), CaseState::Answered);
}

fn call_about(case: &str, answers: bool) -> MeetingHeld {
    MeetingHeld {
        meeting: "meetings/c1".into(),
        client: ACME.into(),
        case: case.into(),
        form: MeetingForm::Phone.into(),
        host: ANNA.into(),
        contacts: vec![CARLA.into()],
        start_time: Some(wire(at("2026-06-01T11:50:00Z"))),
        end_time: Some(wire(at("2026-06-01T12:00:00Z"))),
        answers,
        ..MeetingHeld::default()
    }
}

async fn a_call_in_which_the_question_was_answered_ends_the_clock_at_its_end(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    world.clock.set(at("2026-06-01T13:00:00Z"));
    for _ in 0..2 {
        world.notification.tell("meetings/c1", world.clock.now(), &call_about(&case.name, true)).await;
        world.quiet().await;
    }
    let case = world.case(&case.name).await;
    assert_eq!((case.state(), time(case.clocks[0].end_time)), (CaseState::Answered, at("2026-06-01T12:00:00Z")));
    let entries = world.entries(&case.name, TimelineKind::Responded).await;
    assert_eq!((entries.len(), entries[0].actor.as_str()), (1, ANNA), "told twice, noted once");
    assert_eq!(entries[0].references, ["meetings/c1"]);
}

async fn a_call_that_answers_nothing_is_noted_and_stops_no_clock(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    world.clock.set(at("2026-06-01T13:00:00Z"));
    world.notification.tell("meetings/c1", world.clock.now(), &call_about(&case.name, false)).await;
    world.quiet().await;
    assert_eq!(world.case(&case.name).await.state(), CaseState::AwaitingResponse);
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET TOLD");
}

async fn an_acknowledgement_whoever_wrote_it_answers_nothing(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    world.handed_over(NotificationKind::AutoAcknowledgement, "", &case.name, &[CARLA], MONDAY).await;
    world.handed_over(NotificationKind::Acknowledgement, ANNA, &case.name, &[CARLA], MONDAY).await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET ACKNOWLEDGEMENT_SENT ACKNOWLEDGEMENT_SENT");
    world.at(TUESDAY).await;
    assert_eq!(world.case(&case.name).await.state(), CaseState::Unresolved);
}

async fn a_reply_to_somebody_whom_the_client_put_in_copy_answers_nothing(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    world.handed_over(NotificationKind::Reply, ANNA, &case.name, &[SAM], MONDAY).await;
    world.handed_over(NotificationKind::Reply, "", &case.name, &[CARLA], MONDAY).await;
    let case = world.case(&case.name).await;
    assert_eq!(case.state(), CaseState::AwaitingResponse);
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET TOLD TOLD");
}

async fn the_clients_next_mail_on_it_opens_it_again(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    world.replied(&case.name, "2026-06-01T10:00:00Z").await;
    world.clock.set(at("2026-06-04T10:00:00Z"));
    world.mail("mails/m2", "t1", "2026-06-04T09:00:00Z").await;
    let again = world.only_case().await;
    assert_eq!((again.name.as_str(), again.state()), (case.name.as_str(), CaseState::AwaitingResponse));
    assert_eq!(time(again.clocks[0].start_time), at("2026-06-04T09:00:00Z"));
    assert_eq!(time(again.clocks[0].due_time), at("2026-06-05T09:00:00Z"));
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET RESPONDED REOPENED CLOCK_SET");
    assert_eq!(world.told().await, ["CaseOpened", "CaseResponded", "CaseReopened"]);
    world.mail("mails/m3", "t1", "2026-06-04T09:30:00Z").await;
    assert_eq!(time(world.only_case().await.clocks[0].due_time), at("2026-06-05T09:00:00Z"), "no new clock");
}

async fn an_out_of_office_and_a_third_party_are_noted_and_count_for_nothing(db: TestDatabase) {
    let world = World::new(db).await;
    world.noted("mails/m0", "t0", false).await;
    assert!(world.cases().await.is_empty(), "on no case's conversation");
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    world.replied(&case.name, MONDAY).await;
    world.noted("mails/m2", "t1", false).await;
    world.noted("mails/m3", "t1", true).await;
    let after = world.only_case().await;
    assert_eq!(after.state(), CaseState::Answered);
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET RESPONDED AUTOMATIC_MAIL THIRD_PARTY_MAIL");
}

async fn a_third_partys_mail_that_is_attributed_later_is_the_clients_word_after_all(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    world.replied(&case.name, MONDAY).await;
    world.clock.set(at("2026-06-04T10:00:00Z"));
    // Carla from her private address: nobody knows that it is her until intake says so.
    world.noted("mails/m2", "t1", true).await;
    world.mail("mails/m2", "t1", "2026-06-04T09:00:00Z").await;
    let after = world.only_case().await;
    assert_eq!(after.state(), CaseState::AwaitingResponse);
    assert_eq!(time(after.clocks[0].due_time), at("2026-06-05T09:00:00Z"), "from when it was received");
    world.mail("mails/m2", "t1", "2026-06-04T09:00:00Z").await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET RESPONDED THIRD_PARTY_MAIL REOPENED CLOCK_SET");
}

async fn the_same_mail_told_twice_makes_one_inquiry(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    // Even if it came back under another conversation.
    world.mail("mails/m1", "t2", MONDAY).await;
    let case = world.only_case().await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET");
}

async fn a_word_on_a_closed_issue_opens_a_new_inquiry_on_the_same_conversation(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    let first = world.only_case().await.name;
    world.at(TUESDAY).await;
    world.propose(&first, "We replace the pump.").await;
    world.confirm(CARLA, &first, 1).await.unwrap();
    world.confirm(ANNA, &first, 1).await.unwrap();
    world.mail("mails/m2", "t1", TUESDAY).await;
    let cases = world.cases().await;
    assert_eq!(cases.len(), 2);
    assert_eq!((cases[0].kind(), cases[0].thread.as_str()), (CaseKind::Inquiry, "t1"));
    assert_eq!(world.case(&first).await.state(), CaseState::Closed, "and the old one stays closed");
    world.mail("mails/m3", "t1", TUESDAY).await;
    assert_eq!(world.cases().await.len(), 2, "the conversation goes on with the new one");
    assert_eq!(world.kinds(&cases[0].name).await, "OPENED CLOCK_SET CLIENT_WROTE");
}

async fn a_mail_that_names_its_case_joins_it_though_the_conversation_is_new_here(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(ANNA, CaseKind::Issue).await;
    let named =
        contracts::notification::v1::InquiryReceived { case: case.name.clone(), ..inquiry("mails/m1", "t1", MONDAY) };
    world.notification.tell("mails/m1", at(MONDAY), &named).await;
    world.quiet().await;
    assert_eq!(world.cases().await.len(), 1);
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET CLIENT_WROTE");
    world.mail("mails/m2", "t1", MONDAY).await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET CLIENT_WROTE CLIENT_WROTE");
}

async fn a_mail_that_names_another_clients_case_does_not_join_it(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(ANNA, CaseKind::Issue).await;
    let foreign = contracts::notification::v1::InquiryReceived {
        client: OTHER.into(),
        contact: SAM.into(),
        case: case.name.clone(),
        ..inquiry("mails/m1", "t1", MONDAY)
    };
    world.notification.tell("mails/m1", at(MONDAY), &foreign).await;
    world.quiet().await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET");
    assert_eq!(world.cases().await.iter().filter(|case| case.client == OTHER).count(), 1);
}

async fn who_was_told_and_who_was_not_stands_on_the_timeline(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Issue).await;
    let revision = world.case(&case.name).await.revision;
    let told = contracts::notification::v1::DeliverySucceeded {
        stand_ins_for: vec![BEN.into()],
        ..delivery(NotificationKind::Escalation, "", &case.name, &[BOSS], MONDAY)
    };
    world.notification.tell("notifications/n1", at(MONDAY), &told).await;
    let failed = DeliveryFailed {
        notification: "notifications/n2".into(),
        kind: NotificationKind::ConfirmationRequest.into(),
        client: ACME.into(),
        case: case.name.clone(),
        reason: "PROVIDER_REFUSED".into(),
        ..DeliveryFailed::default()
    };
    world.notification.tell("notifications/n2", at(MONDAY), &failed).await;
    let blocked = DeliveryBlocked {
        notification: "notifications/n3".into(),
        kind: NotificationKind::ConfirmationRequest.into(),
        client: ACME.into(),
        case: case.name.clone(),
        reason: "NOBODY_TO_TELL".into(),
        ..DeliveryBlocked::default()
    };
    world.notification.tell("notifications/n3", at(MONDAY), &blocked).await;
    world.quiet().await;
    let told = &world.entries(&case.name, TimelineKind::Told).await[0];
    assert_eq!(
        (told.people.as_slice(), told.stand_ins_for.as_slice(), told.reason.as_str()),
        ([BOSS.to_owned()].as_slice(), [BEN.to_owned()].as_slice(), "ESCALATION")
    );
    let reasons: Vec<_> =
        world.entries(&case.name, TimelineKind::NotTold).await.into_iter().map(|entry| entry.reason).collect();
    assert_eq!(reasons, ["PROVIDER_REFUSED", "NOBODY_TO_TELL"]);
    assert_eq!(world.case(&case.name).await.revision, revision, "an entry alone makes no etag stale");
}

async fn an_event_of_another_kind_is_passed_over(db: TestDatabase) {
    let world = World::new(db).await;
    let triaged = contracts::notification::v1::MailTriaged {
        mail: "mails/m1".into(),
        reason: "UNKNOWN_SENDER".into(),
        receive_time: Some(wire(at(MONDAY))),
    };
    world.notification.tell("mails/m1", at(MONDAY), &triaged).await;
    world.quiet().await;
    assert!(world.cases().await.is_empty());
}

async fn what_was_told_while_the_stream_was_lost_is_made_up_for_from_the_lists(db: TestDatabase) {
    use contracts::notification::v1::{
        Mail, MailKind, MailState, Meeting, MeetingState, Notification, NotificationState,
    };
    let world = World::new(db).await;
    let mail = |name: &str, received: &str| Mail {
        name: name.into(),
        state: MailState::Attributed.into(),
        kind: MailKind::Personal.into(),
        client: ACME.into(),
        contact: CARLA.into(),
        thread: "t1".into(),
        receive_time: Some(wire(at(received))),
        ..Mail::default()
    };
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await.name;
    world.mailroom.put_mail(mail("mails/m1", MONDAY));
    // A reply, an out-of-office and the client's next word were told on a stream that is gone.
    world.mailroom.put_notification(Notification {
        name: "notifications/r1".into(),
        kind: NotificationKind::Reply.into(),
        state: NotificationState::HandedOver.into(),
        client: ACME.into(),
        case: case.clone(),
        author: ANNA.into(),
        recipients: vec![CARLA.into()],
        hand_over_time: Some(wire(at("2026-06-01T10:00:00Z"))),
        ..Notification::default()
    });
    world.mailroom.put_mail(Mail { kind: MailKind::Automatic.into(), ..mail("mails/m2", "2026-06-01T10:01:00Z") });
    world.mailroom.put_mail(mail("mails/m3", "2026-06-01T11:00:00Z"));
    // A call, which answered nothing, was told there too; one that is not closed counts for nothing.
    world.mailroom.put_meeting(Meeting {
        name: "meetings/c1".into(),
        client: ACME.into(),
        case: case.clone(),
        form: MeetingForm::Phone.into(),
        host: ANNA.into(),
        contacts: vec![CARLA.into()],
        end_time: Some(wire(at("2026-06-01T11:30:00Z"))),
        state: MeetingState::Closed.into(),
        ..Meeting::default()
    });
    let unfinished = Meeting { name: "meetings/c2".into(), case: case.clone(), answers: true, ..Meeting::default() };
    world.mailroom.put_meeting(Meeting { state: MeetingState::Held.into(), ..unfinished });
    world.clock.set(at("2026-06-01T12:00:00Z"));
    let made_up = "OPENED CLOCK_SET RESPONDED AUTOMATIC_MAIL REOPENED CLOCK_SET TOLD";
    for _ in 0..2 {
        // The second time everything is known.
        world.lose(&world.notification).await;
        assert_eq!(world.kinds(&case).await, made_up);
    }
    assert_eq!(time(world.only_case().await.clocks[0].due_time), at("2026-06-02T11:00:00Z"));
}
