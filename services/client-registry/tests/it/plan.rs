use contracts::client_registry::v1::{
    ContactWay, DayOfWeek, GetPlanRequest, Milestone, MilestoneReached, Plan, PlanChanged, PlannedContact,
    PreviewPlanRequest, ReachMilestoneRequest, UpdatePlanRequest, planned_contact::Rhythm,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::{House, ROOT, at, fields, refusal, refused, wire};

const NAME: &str = "clients/acme/engagements/audit/plan";

both_databases!(client_registry::MIGRATIONS;
    a_plan_is_agreed_read_back_and_told,
    a_plan_of_no_engagement_or_of_nothing_agreed_is_not_there,
    a_wrong_plan_is_refused_by_field_and_changes_nothing,
    a_milestone_is_reached_once_and_told_with_its_days,
    the_dates_ahead_follow_the_clients_calendar,
    who_works_for_the_client_reads_the_plan_and_the_account_manager_writes_it,
    a_stale_etag_and_a_reused_request_id_are_refused,
);

fn weekly_call() -> PlannedContact {
    PlannedContact {
        id: "weekly-call".into(),
        rhythm: Some(Rhythm::WeeklyOn(DayOfWeek::Monday.into())),
        time: "10:00".into(),
        ways: vec![ContactWay::Phone.into(), ContactWay::Video.into()],
        start_date: "2026-03-02".into(),
        ..Default::default()
    }
}

fn trial_run() -> Milestone {
    Milestone {
        id: "trial-run".into(),
        display_name: "The trial run".into(),
        ways: vec![ContactWay::Email.into()],
        ..Default::default()
    }
}

fn plan() -> Plan {
    Plan { name: NAME.into(), contacts: vec![weekly_call()], milestones: vec![trial_run()], ..Default::default() }
}

fn update(plan: Plan) -> UpdatePlanRequest {
    UpdatePlanRequest { plan: Some(plan), ..Default::default() }
}

fn get() -> GetPlanRequest {
    GetPlanRequest { name: NAME.into() }
}

fn reach(milestone: &str) -> ReachMilestoneRequest {
    ReachMilestoneRequest { name: NAME.into(), milestone: milestone.into(), ..Default::default() }
}

/// A client of Anna's with an engagement that Bo leads and Cy works on; Dee has nothing to do with it.
async fn open(db: TestDatabase) -> House {
    let house = House::open(db).await;
    for id in ["anna", "bo", "cy", "dee"] {
        house.staff(id).await;
    }
    house.client("acme", "anna").await;
    house.engagement("acme", "audit", "bo", &["cy"]).await;
    house
}

async fn agreed(house: &House) -> Plan {
    house.plans("staff/anna").update_plan(update(plan())).await.unwrap().into_inner().plan.unwrap()
}

async fn now(house: &House) -> Plan {
    house.plans(ROOT).get_plan(get()).await.unwrap().into_inner().plan.unwrap()
}

async fn a_plan_is_agreed_read_back_and_told(db: TestDatabase) {
    let house = open(db).await;
    let first = agreed(&house).await;
    assert_eq!((first.revision, first.contacts[0].remind_before.unwrap().seconds), (1, 86_400));
    assert_eq!(first.milestones[0].within_business_days, 1);
    assert_eq!(now(&house).await, first);
    assert_eq!(house.audit("PlanService/GetPlan").await[0].resources, [NAME]);
    let mut more = first.clone();
    more.contacts.push(PlannedContact {
        id: "review".into(),
        rhythm: Some(Rhythm::MonthlyOn(31)),
        end_date: "2026-12-31".into(),
        ..weekly_call()
    });
    let second = house.plans("staff/anna").update_plan(update(more)).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((second.revision, second.contacts.len()), (2, 2));
    let told: Vec<_> = house.events::<PlanChanged>().await.into_iter().map(|told| (told.plan, told.revision)).collect();
    assert_eq!(told, [(NAME.into(), 1), (NAME.into(), 2)]);
}

async fn a_plan_of_no_engagement_or_of_nothing_agreed_is_not_there(db: TestDatabase) {
    let house = open(db).await;
    let hidden = refused(Code::NotFound, "NOT_FOUND");
    assert_eq!(refusal(house.plans(ROOT).get_plan(get()).await), hidden);
    assert_eq!(refusal(house.plans(ROOT).reach_milestone(reach("trial-run")).await), hidden);
    let preview = PreviewPlanRequest { name: NAME.into(), count: 0 };
    assert_eq!(refusal(house.plans(ROOT).preview_plan(preview).await), hidden);
    let nowhere = Plan { name: "clients/acme/engagements/none/plan".into(), ..plan() };
    assert_eq!(refusal(house.plans(ROOT).update_plan(update(nowhere)).await), hidden);
}

async fn a_wrong_plan_is_refused_by_field_and_changes_nothing(db: TestDatabase) {
    let house = open(db).await;
    let before = agreed(&house).await;
    let with = |contact: PlannedContact| Plan { contacts: vec![contact], ..plan() };
    let biweekly = |first: &str| Some(Rhythm::BiweeklyFrom(first.into()));
    for (wrong, field) in [
        (with(PlannedContact { rhythm: None, ..weekly_call() }), "plan.contacts[0].rhythm"),
        (with(PlannedContact { rhythm: biweekly("2026-02-30"), ..weekly_call() }), "plan.contacts[0].biweekly_from"),
        (with(PlannedContact { rhythm: Some(Rhythm::MonthlyOn(32)), ..weekly_call() }), "plan.contacts[0].monthly_on"),
        (with(PlannedContact { rhythm: Some(Rhythm::WeeklyOn(9)), ..weekly_call() }), "plan.contacts[0].weekly_on"),
        (with(PlannedContact { time: "25:00".into(), ..weekly_call() }), "plan.contacts[0].time"),
        (with(PlannedContact { ways: Vec::new(), ..weekly_call() }), "plan.contacts[0].ways"),
        (with(PlannedContact { ways: vec![99], ..weekly_call() }), "plan.contacts[0].ways[0]"),
        (with(PlannedContact { start_date: "2026-13-01".into(), ..weekly_call() }), "plan.contacts[0].start_date"),
        (with(PlannedContact { end_date: "2026-03-01".into(), ..weekly_call() }), "plan.contacts[0].end_date"),
        (Plan { contacts: vec![weekly_call(), weekly_call()], ..plan() }, "plan.contacts[1].id"),
        (
            Plan { milestones: vec![Milestone { display_name: " ".into(), ..trial_run() }], ..plan() },
            "plan.milestones[0].display_name",
        ),
    ] {
        let answer = house.plans("staff/anna").update_plan(update(wrong)).await;
        assert_eq!(fields(answer), [field]);
    }
    assert_eq!(now(&house).await, before);
    assert_eq!(house.events::<PlanChanged>().await.len(), 1);
}

async fn a_milestone_is_reached_once_and_told_with_its_days(db: TestDatabase) {
    let house = open(db).await;
    agreed(&house).await;
    let answer = house.plans("staff/cy").reach_milestone(reach("trial-run")).await.unwrap().into_inner();
    let reached = answer.plan.unwrap();
    assert_eq!(reached.milestones[0].reach_time, Some(wire(house.clock.now())));
    let told = house.events::<MilestoneReached>().await;
    assert_eq!((told.len(), told[0].milestone.as_str(), told[0].within_business_days), (1, "trial-run", 1));
    assert_eq!(told[0].engagement, "clients/acme/engagements/audit");
    let again = house.plans("staff/cy").reach_milestone(reach("trial-run")).await;
    assert_eq!(refusal(again), refused(Code::FailedPrecondition, "MILESTONE_REACHED"));
    let unknown = house.plans("staff/cy").reach_milestone(reach("none")).await;
    assert_eq!(refusal(unknown), refused(Code::NotFound, "MILESTONE_NOT_FOUND"));
    let without = Plan { milestones: Vec::new(), ..plan() };
    let answer = house.plans("staff/anna").update_plan(update(without)).await;
    assert_eq!(refusal(answer), refused(Code::FailedPrecondition, "MILESTONE_REACHED"));
    house.plans("staff/anna").update_plan(update(plan())).await.unwrap();
    assert_eq!(now(&house).await.milestones[0].reach_time, reached.milestones[0].reach_time);
    assert_eq!(house.events::<MilestoneReached>().await.len(), 1);
}

async fn the_dates_ahead_follow_the_clients_calendar(db: TestDatabase) {
    let house = open(db).await;
    // It is Monday, 2 March 2026, 09:00 in London; Easter Monday is the 6th of April.
    agreed(&house).await;
    let preview = PreviewPlanRequest { name: NAME.into(), count: 6 };
    let dates = house.plans("staff/cy").preview_plan(preview).await.unwrap().into_inner().dates;
    let told: Vec<_> = dates.iter().map(|date| (date.date.as_str(), date.due_local.as_str())).collect();
    assert_eq!(told[0], ("2026-03-02", "2026-03-02T10:00:00[Europe/London]"));
    assert_eq!(told[5], ("2026-04-06", "2026-04-07T10:00:00[Europe/London]"));
    assert_eq!(dates[5].due_time.unwrap(), wire(at("2026-04-07T09:00:00Z")));
    let default = PreviewPlanRequest { name: NAME.into(), count: 0 };
    assert_eq!(house.plans("staff/cy").preview_plan(default).await.unwrap().into_inner().dates.len(), 20);
}

async fn who_works_for_the_client_reads_the_plan_and_the_account_manager_writes_it(db: TestDatabase) {
    let house = open(db).await;
    agreed(&house).await;
    for who in ["staff/anna", "staff/bo", "staff/cy", ROOT, "services/reporting"] {
        assert!(house.plans(who).get_plan(get()).await.is_ok(), "{who}");
    }
    assert!(house.plans(ROOT).update_plan(update(plan())).await.is_ok());
    let barred = refused(Code::PermissionDenied, "NO_PERMISSION");
    for who in ["staff/bo", "staff/cy"] {
        assert_eq!(refusal(house.plans(who).update_plan(update(plan())).await), barred, "{who}");
    }
    // Another client's account manager holds the permissions, and not here.
    house.client("other", "dee").await;
    let (dee, hidden) = (|| house.plans("staff/dee"), refused(Code::NotFound, "NOT_FOUND"));
    assert_eq!(refusal(dee().update_plan(update(plan())).await), hidden);
    assert_eq!(refusal(dee().get_plan(get()).await), hidden);
    assert_eq!(refusal(dee().reach_milestone(reach("trial-run")).await), hidden);
}

async fn a_stale_etag_and_a_reused_request_id_are_refused(db: TestDatabase) {
    let house = open(db).await;
    let stale = Plan { etag: "r4".into(), ..plan() };
    let answer = house.plans(ROOT).update_plan(update(stale)).await;
    assert_eq!(refusal(answer), refused(Code::Aborted, "STALE_ETAG"), "of a plan that is not there");
    let first = agreed(&house).await;
    house.plans(ROOT).update_plan(update(first.clone())).await.unwrap();
    assert_eq!(refusal(house.plans(ROOT).update_plan(update(first)).await), refused(Code::Aborted, "STALE_ETAG"));
    let once = |plan| UpdatePlanRequest { request_id: "r-1".into(), ..update(plan) };
    let answer = house.plans(ROOT).update_plan(once(plan())).await.unwrap().into_inner();
    assert_eq!(house.plans(ROOT).update_plan(once(plan())).await.unwrap().into_inner(), answer);
    let other = Plan { contacts: Vec::new(), ..plan() };
    let answer = house.plans(ROOT).update_plan(once(other)).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "REQUEST_ID_REUSED"));
}
