//! Two at once, each on connections of its own. SQLite's one writer hides these, so they run on PostgreSQL.

use std::sync::Arc;

use business_time::Timestamp;
use contracts::{
    escalation::v1::{
        Case, CaseKind, CaseState, CriticalDeclared, DeclareCriticalRequest, ExportTimelineRequest,
        ProposeResolutionRequest, TimelineKind,
    },
    notification::v1::{AlertProgressed, AlertSide, AlertStep, InquiryReceived, NotificationKind},
};
use escalation::{case::clocks::CaseClocks, events::from_notification::FromNotification, notification::Notification};
use event_log::{Event, Handler, Position};
use evidence::{Hash, Salt, chain};
use prost::{Message, Name};
use service::Service;
use testkit::TestDatabase;
use timers::Due;
use tonic::Status;

use crate::support::*;

fn on_postgres(body: impl AsyncFnOnce(World)) {
    testkit::run(async {
        let world = World::new(TestDatabase::postgres(SETS).await).await;
        body(world).await;
    });
}

/// How often a race is run whose order nobody steers.
const ROUNDS: usize = 12;

async fn confirm_as(another: &Another, person: &str, case: &str) -> Result<Case, Status> {
    confirm(&mut another.as_(person), case, 1).await
}

/// The chain holds, whoever wrote at once.
async fn verify(world: &World, case: &str) {
    let request = ExportTimelineRequest { name: case.into() };
    let entries = world.as_(BOSS).export_timeline(request).await.unwrap().into_inner().entries;
    let salts: Vec<_> = entries.iter().map(|entry| Salt::try_new(entry.salt.clone()).unwrap()).collect();
    let chained = entries.iter().zip(&salts).map(|(entry, salt)| {
        chain::Entry::new(entry.sequence, salt, &entry.entry, Hash::from_slice(&entry.hash).unwrap())
    });
    chain::verify_chain(case, chained).unwrap();
}

fn event<M: Message + Name>(message: &M) -> Event {
    Event {
        id: uuid::Uuid::new_v4(),
        predecessor: None,
        service: "notification".into(),
        at: Position::new(1, 1),
        aggregate: "mails/m".into(),
        revision: 1,
        time: at(MONDAY),
        traceparent: String::new(),
        payload: prost_types::Any { type_url: M::type_url(), value: message.encode_to_vec() },
    }
}

async fn handle(app: &escalation::App, event: &Event) {
    let tokens = testkit::tokens();
    let nobody = runtime::client::connect("http://127.0.0.1:9", tokens.source("services/escalation")).unwrap();
    let handler = FromNotification::new(app.commands().clone(), app.cases().clone(), Notification::new(nobody));
    let tx = app.database().begin().await.unwrap();
    handler.handle(&tx, event).await.unwrap();
    tx.commit().await.unwrap();
}

#[test]
fn two_confirmations_at_once_close_once() {
    on_postgres(async |world| {
        let case = world.proposed().await.name;
        let another = world.another().await;
        let held = Held::case(&world.db, &case).await;
        let (client, firm, ()) = tokio::join!(
            world.confirm(CARLA, &case, 1),
            confirm_as(&another, ANNA, &case),
            held.release_when_waited_for(2)
        );
        let states = [client.unwrap().state(), firm.unwrap().state()];
        assert!(states.contains(&CaseState::Closed) && states.contains(&CaseState::ResolutionProposed));
        assert_eq!(world.entries(&case, TimelineKind::Closed).await.len(), 1);
        verify(&world, &case).await;
    });
}

#[test]
fn two_of_one_side_at_once_confirm_once() {
    on_postgres(async |world| {
        let case = world.proposed().await.name;
        let another = world.another().await;
        let held = Held::case(&world.db, &case).await;
        let (one, two, ()) = tokio::join!(
            world.confirm(BEN, &case, 1),
            confirm_as(&another, ANNA, &case),
            held.release_when_waited_for(2)
        );
        let refusals: Vec<_> = [one, two].into_iter().filter(Result::is_err).map(refused).collect();
        assert_eq!(refusals.len(), 1);
        assert_eq!(refusals[0].1, "SIDE_ALREADY_CONFIRMED");
        assert_eq!(world.case(&case).await.proposal.unwrap().confirmations.len(), 1);
    });
}

#[test]
fn a_confirmation_against_a_new_proposal_never_confirms_what_was_not_read() {
    on_postgres(async |world| {
        let case = world.proposed().await.name;
        world.confirm(CARLA, &case, 1).await.unwrap();
        let another = world.another().await;
        let propose = async {
            let request =
                ProposeResolutionRequest { name: case.clone(), text: "a better pump".into(), ..Default::default() };
            another.as_(BEN).propose_resolution(request).await
        };
        let held = Held::case(&world.db, &case).await;
        let (confirmed, proposed, ()) =
            tokio::join!(world.confirm(ANNA, &case, 1), propose, held.release_when_waited_for(2));
        let after = world.case(&case).await;
        match (confirmed, proposed) {
            // First the confirmation: closed, and nothing is proposed on a closed case.
            (Ok(closed), proposed) => {
                assert_eq!((closed.state(), refused(proposed).1.as_str()), (CaseState::Closed, "CASE_CLOSED"));
                assert_eq!(after.state(), CaseState::Closed);
            }
            // First the proposal: what was confirmed is no longer what stands.
            (confirmed, Ok(_)) => {
                assert_eq!(refused(confirmed).1, "PROPOSAL_REVISED");
                let proposal = after.proposal.unwrap();
                assert_eq!((proposal.revision, proposal.confirmations.len()), (2, 0));
            }
            both => panic!("one of them comes first: {both:?}"),
        }
        verify(&world, &case).await;
    });
}

#[test]
fn the_timer_against_a_reply_in_time_ends_in_one_of_two_ways_and_never_between() {
    on_postgres(async |world| {
        let another = world.another().await;
        let clocks = CaseClocks::new(another.app.database(), another.app.cases().clone());
        // Both orders, steered, and then a few that nobody steers.
        for round in 0..ROUNDS {
            let (mail, thread) = (format!("mails/m{round}"), format!("t{round}"));
            world.clock.set(at(MONDAY));
            world.mail(&mail, &thread, MONDAY).await;
            let case = world.cases().await.into_iter().find(|case| case.mail == mail).unwrap().name;
            let reply = event(&delivery(NotificationKind::Reply, ANNA, &case, &[CARLA], "2026-06-01T12:00:00Z"));
            world.clock.set(at(TUESDAY));
            let timer = async {
                clocks.run_due(at(TUESDAY), 100).await.unwrap();
            };
            match round {
                0 => {
                    timer.await;
                    handle(&world.app, &reply).await;
                }
                1 => {
                    handle(&world.app, &reply).await;
                    timer.await;
                }
                _ => {
                    tokio::join!(timer, handle(&world.app, &reply));
                }
            }
            let case = world.case(&case).await;
            let entries = world.timeline(&case.name).await;
            let count = |kind: TimelineKind| entries.iter().filter(|entry| entry.kind() == kind).count();
            assert_eq!(count(TimelineKind::Responded), 1);
            match case.state() {
                CaseState::Answered => assert_eq!(count(TimelineKind::ClockBreached), 0),
                CaseState::Unresolved => {
                    assert_eq!(count(TimelineKind::ClockBreached), 1);
                    assert!(case.clocks[0].breached);
                    let reply = entries.iter().find(|entry| entry.kind() == TimelineKind::Responded).unwrap();
                    assert_eq!(reply.reason, "IN_TIME_BUT_TOLD_LATE");
                }
                state => panic!("{state:?}"),
            }
            verify(&world, &case.name).await;
        }
    });
}

#[test]
fn two_tickers_take_each_step_once() {
    on_postgres(async |world| {
        let another = world.another().await;
        world.run(&another);
        let mut cases = Vec::new();
        for _ in 0..20 {
            cases.push(world.open(CARLA, CaseKind::Issue).await.name);
        }
        world.at("2026-06-03T09:15:00Z").await;
        for case in cases {
            assert_eq!(world.kinds(&case).await, "OPENED CLOCK_SET CLOCK_BREACHED ESCALATED ESCALATED");
            verify(&world, &case).await;
        }
    });
}

#[test]
fn the_same_event_twice_at_once_happens_once() {
    on_postgres(async |world| {
        let another = world.another().await;
        let mail = event(&inquiry("mails/m1", "t1", MONDAY));
        tokio::join!(handle(&world.app, &mail), handle(&another.app, &mail));
        let case = world.only_case().await.name;
        let reply = event(&delivery(NotificationKind::Reply, ANNA, &case, &[CARLA], MONDAY));
        tokio::join!(handle(&world.app, &reply), handle(&another.app, &reply));
        assert_eq!(world.kinds(&case).await, "OPENED CLOCK_SET RESPONDED");
        let again = event(&inquiry("mails/m2", "t1", MONDAY));
        tokio::join!(handle(&world.app, &again), handle(&another.app, &again));
        assert_eq!(world.kinds(&case).await, "OPENED CLOCK_SET RESPONDED REOPENED CLOCK_SET");
    });
}

#[test]
fn two_inquiries_on_one_conversation_at_once_make_one_case() {
    on_postgres(async |world| {
        let another = world.another().await;
        for round in 0..ROUNDS {
            let thread = format!("t{round}");
            let mail =
                |which: &str| event::<InquiryReceived>(&inquiry(&format!("mails/{which}{round}"), &thread, MONDAY));
            let (one, two) = (mail("a"), mail("b"));
            tokio::join!(handle(&world.app, &one), handle(&another.app, &two));
        }
        let cases = world.cases().await;
        assert_eq!(cases.len(), ROUNDS);
        for case in cases {
            assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET CLIENT_WROTE");
        }
    });
}

#[test]
fn a_calendar_that_changes_while_a_case_opens_reaches_it() {
    on_postgres(async |world| {
        let another = Arc::new(world.another().await);
        for revision in 2..8 {
            let closures: Vec<String> = (2..2 + revision).map(|day| format!("2026-06-{day:02}")).collect();
            let closures: Vec<&str> = closures.iter().map(String::as_str).collect();
            world.registry.put_calendar(london(revision, &closures));
            let changed =
                contracts::client_registry::v1::CalendarChanged { calendar: "calendars/london".into(), revision };
            tokio::join!(world.registry_events.tell("calendars/london", world.clock.now(), &changed), async {
                let case = Some(draft(ACME, CaseKind::Inquiry));
                let request = contracts::escalation::v1::OpenCaseRequest { case, request_id: String::new() };
                another.as_(CARLA).open_case(request).await.unwrap();
            });
        }
        world.quiet().await;
        let due: Vec<Timestamp> = world.cases().await.into_iter().map(|case| time(case.clocks[0].due_time)).collect();
        assert!(due.iter().all(|one| *one == due[0]), "{due:?}");
    });
}

#[test]
fn two_who_declare_at_once_declare_once() {
    on_postgres(async |world| {
        let case = world.open(CARLA, CaseKind::Issue).await.name;
        let another = world.another().await;
        let declare = |mut as_: contracts::escalation::v1::case_service_client::CaseServiceClient<runtime::Client>| {
            let request =
                DeclareCriticalRequest { name: case.clone(), reason: "It burns.".into(), ..Default::default() };
            async move { as_.declare_critical(request).await }
        };
        let held = Held::case(&world.db, &case).await;
        let (one, two, ()) =
            tokio::join!(declare(world.as_(BEN)), declare(another.as_(ANNA)), held.release_when_waited_for(2));
        let refusals: Vec<_> = [one, two].into_iter().filter(Result::is_err).map(refused).collect();
        assert_eq!((refusals.len(), refusals[0].1.as_str()), (1, "ALREADY_CRITICAL"));
        assert_eq!(world.events::<CriticalDeclared>().await.len(), 1);
        verify(&world, &case).await;
    });
}

#[test]
fn an_alert_that_two_readers_are_told_at_once_is_noted_once() {
    on_postgres(async |world| {
        let case = world.open(ANNA, CaseKind::Incident).await.name;
        let another = world.another().await;
        let told = AlertProgressed {
            notification: "notifications/call".into(),
            client: ACME.into(),
            case: case.clone(),
            side: AlertSide::Client.into(),
            channel: contracts::client_registry::v1::Channel::Phone.into(),
            step: AlertStep::Reached.into(),
            person: CARLA.into(),
            attempt: 1,
            time: Some(wire(at(MONDAY))),
            ..Default::default()
        };
        let (one, two) = (event(&told), event(&told));
        let held = Held::case(&world.db, &case).await;
        tokio::join!(handle(&world.app, &one), handle(&another.app, &two), held.release_when_waited_for(2));
        assert_eq!(world.entries(&case, TimelineKind::AlertReached).await.len(), 1);
        verify(&world, &case).await;
    });
}
