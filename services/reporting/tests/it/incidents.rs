//! Incident reports (SOP 5, SOP 8.2).

use contracts::{
    client_registry::v1::{Contact, Engagement},
    escalation::v1::{Case, CriticalDeclared},
    reporting::v1::{
        CancelReportRequest, CreateReportRequest, DistributionMethod, IncidentForm, IncidentIssue, Report,
        ReportFormat, ReportOverdue, ReportState, ReportType, UpdateReportRequest,
    },
};
use testkit::TestDatabase;
use tonic::{Code, Status};

use crate::support::*;

testkit::both_databases!(SETS;
    a_critical_incident_opens_the_draft_of_its_report_with_a_due_time,
    every_field_of_the_form_is_required_when_it_is_submitted,
    updates_and_the_final_report_follow_the_first,
    a_cancelled_update_blocks_no_further_one,
    an_incident_has_one_first_report_whichever_engagement_it_is_asked_for_on,
    an_incident_report_that_is_late_is_told,
);

const CASE: &str = "cases/fire";

async fn declare(world: &World) -> Report {
    let told = Contact { name: SAM.into(), told_of_incidents: true, ..Contact::default() };
    world.neighbours.state().contacts.insert(SAM.into(), told);
    world.neighbours.state().cases.push(Case { name: CASE.into(), client: ACME.into(), ..Case::default() });
    let event = CriticalDeclared {
        case: CASE.into(),
        client: ACME.into(),
        engagement: ENGAGEMENT.into(),
        declarer: BEN.into(),
        declare_time: Some(wire(at(MONDAY))),
        report_due_time: Some(wire(at("2026-03-10T10:15:00Z"))),
        policy_version: 1,
    };
    world.escalation.tell(CASE, world.clock.now(), &event).await;
    world.quiet().await;
    let name = world.reports().await[0].name.clone();
    world.report(&name).await
}

fn whole() -> IncidentForm {
    IncidentForm {
        summary: "The line is down.".into(),
        impact: "You cannot send orders.".into(),
        start_time: Some(wire(at(MONDAY))),
        status: "We are working on it.".into(),
        actions_taken: "We have changed the router.".into(),
        next_update_time: Some(wire(at("2026-03-09T12:00:00Z"))),
        contact: "Anna Keller, +44 20 7946 0000".into(),
    }
}

async fn fill(world: &World, report: &Report, form: IncidentForm) -> Result<Report, Status> {
    let request = UpdateReportRequest {
        name: report.name.clone(),
        form: Some(form),
        etag: report.etag.clone(),
        ..UpdateReportRequest::default()
    };
    Ok(world.as_(BEN).update_report(request).await?.into_inner().report.unwrap())
}

async fn a_critical_incident_opens_the_draft_of_its_report_with_a_due_time(db: TestDatabase) {
    let world = World::new(db).await;
    let report = declare(&world).await;
    assert_eq!(
        (report.r#type(), report.format(), report.issue()),
        (ReportType::IncidentReport, ReportFormat::Form, IncidentIssue::Initial)
    );
    assert_eq!((report.case.as_str(), time(report.due_time)), (CASE, at("2026-03-10T10:15:00Z")));
    assert_eq!(report.title, "Incident report: Pumps, first report");
    assert_eq!(report.recipients, [SAM], "whoever is told of incidents gets its report");
    let event = CriticalDeclared {
        case: CASE.into(),
        client: ACME.into(),
        engagement: ENGAGEMENT.into(),
        report_due_time: Some(wire(at("2026-03-10T10:15:00Z"))),
        ..CriticalDeclared::default()
    };
    world.escalation.tell(CASE, world.clock.now(), &event).await;
    world.quiet().await;
    assert_eq!(world.reports().await.len(), 1, "an incident has one first report");
}

async fn every_field_of_the_form_is_required_when_it_is_submitted(db: TestDatabase) {
    let world = World::new(db).await;
    let report = declare(&world).await;
    let answer = world.submit(BEN, &report.name, Vec::new()).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "FORM_INCOMPLETE".into()));
    let fields = ["summary", "impact", "start_time", "status", "actions_taken", "next_update_time", "contact"];
    let missing = faults(world.submit(BEN, &report.name, Vec::new()).await);
    assert_eq!(missing, fields.map(|field| format!("form.{field}")));
    let half = fill(&world, &report, IncidentForm { impact: String::new(), ..whole() }).await.unwrap();
    assert_eq!(faults(world.submit(BEN, &report.name, Vec::new()).await), ["form.impact"]);
    let full = fill(&world, &half, whole()).await.unwrap();
    assert!(full.text.contains("# What it means for you\n\nYou cannot send orders."), "{}", full.text);
    assert!(full.text.contains("Monday 9 March 2026, 12:00 (Europe/London)"), "{}", full.text);
    assert_eq!(world.submit(BEN, &report.name, Vec::new()).await.unwrap().state(), ReportState::Submitted);
    let text = UpdateReportRequest { name: report.name, text: PLAIN.into(), etag: "1".into(), ..Default::default() };
    assert_eq!(refused(world.as_(BEN).update_report(text).await).1, "FORM_MISSING");
}

fn further(issue: IncidentIssue, case: &str) -> CreateReportRequest {
    CreateReportRequest {
        r#type: ReportType::IncidentReport.into(),
        format: ReportFormat::Form.into(),
        distribution: DistributionMethod::Email.into(),
        case: case.into(),
        issue: issue.into(),
        ..by_hand("")
    }
}

async fn a_cancelled_update_blocks_no_further_one(db: TestDatabase) {
    let world = World::new(db).await;
    declare(&world).await;
    let update = async || {
        let opened = world.as_(BEN).create_report(further(IncidentIssue::Update, CASE)).await;
        opened.unwrap().into_inner().report.unwrap()
    };
    let first = update().await;
    assert_eq!(update().await.period, "cases/fire#UPDATE-2");
    let cancel = CancelReportRequest { name: first.name, reason: "Opened twice.".into(), ..Default::default() };
    world.as_(ANNA).cancel_report(cancel).await.unwrap();
    assert_eq!(update().await.period, "cases/fire#UPDATE-3");
}

async fn an_incident_has_one_first_report_whichever_engagement_it_is_asked_for_on(db: TestDatabase) {
    let world = World::new(db).await;
    let valves = "clients/acme/engagements/valves";
    let engagement = Engagement { name: valves.into(), display_name: "Valves".into(), ..Engagement::default() };
    world.neighbours.state().engagements.insert(valves.into(), engagement);
    declare(&world).await;
    let on_valves = |issue| CreateReportRequest { engagement: valves.into(), ..further(issue, CASE) };
    let second = world.as_(BEN).create_report(on_valves(IncidentIssue::Initial)).await;
    assert_eq!(refused(second), (Code::AlreadyExists, "PERIOD_TAKEN".into()));
    let update = world.as_(BEN).create_report(on_valves(IncidentIssue::Update)).await.unwrap().into_inner();
    assert_eq!(update.report.unwrap().period, "cases/fire#UPDATE-1", "it follows the first, wherever that stands");
}

async fn updates_and_the_final_report_follow_the_first(db: TestDatabase) {
    let world = World::new(db).await;
    declare(&world).await;
    let mut ben = world.as_(BEN);
    let mut open = async |issue, case: &str| ben.create_report(further(issue, case)).await;
    world.neighbours.state().cases.push(Case { name: "cases/calm".into(), client: ACME.into(), ..Case::default() });
    assert_eq!(
        refused(open(IncidentIssue::Update, "cases/calm").await),
        (Code::FailedPrecondition, "NO_INITIAL_REPORT".into())
    );
    assert_eq!(refused(open(IncidentIssue::Update, "cases/none").await), (Code::NotFound, "CASE_NOT_FOUND".into()));
    assert_eq!(refused(open(IncidentIssue::Initial, CASE).await), (Code::AlreadyExists, "PERIOD_TAKEN".into()));
    for expected in ["cases/fire#UPDATE-1", "cases/fire#UPDATE-2"] {
        let report = open(IncidentIssue::Update, CASE).await.unwrap().into_inner().report.unwrap();
        assert_eq!(report.period, expected);
    }
    let last = open(IncidentIssue::Final, CASE).await.unwrap().into_inner().report.unwrap();
    world.quiet().await;
    let last = world.report(&last.name).await;
    fill(&world, &last, IncidentForm { next_update_time: None, ..whole() }).await.unwrap();
    assert!(world.submit(BEN, &last.name, Vec::new()).await.is_ok(), "after the last there is no next one");
}

async fn an_incident_report_that_is_late_is_told(db: TestDatabase) {
    let world = World::new(db).await;
    let report = declare(&world).await;
    world.at("2026-03-10T10:15:00Z").await;
    assert_eq!(world.events::<ReportOverdue>().await[0].report, report.name);
}
