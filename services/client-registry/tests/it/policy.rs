use contracts::client_registry::v1::{
    EscalationStep, EscalationTarget, GetPolicyRequest, ListPoliciesRequest, Policy, PolicyPublished,
    PublishPolicyRequest, Staff, UpdateStaffRequest,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::{House, ROOT, fields, policy, refusal, refusal_of, refused};

both_databases!(client_registry::MIGRATIONS;
    versions_begin_at_1_have_no_hole_and_are_told,
    before_the_first_there_is_no_policy,
    an_older_version_stays_as_it_was,
    a_step_to_the_team_lead_later_than_24_hours_is_refused,
    a_policy_without_a_step_to_the_team_lead_or_one_to_management_behind_it_is_refused,
    a_first_response_that_takes_longer_than_a_business_day_is_refused,
    another_official_domain_is_taken_at_once_and_peoples_addresses_follow_it,
    steps_out_of_order_are_refused,
    a_service_address_of_another_domain_is_refused,
    a_firm_calendar_that_is_not_there_is_refused,
    the_newest_is_listed_first,
    the_same_request_id_publishes_once,
    one_who_works_for_a_client_reads_policies_and_publishes_none,
    what_is_out_of_range_is_refused_by_field,
);

fn publish(policy: Policy) -> PublishPolicyRequest {
    PublishPolicyRequest { policy: Some(policy), ..Default::default() }
}

fn get(version: &str) -> GetPolicyRequest {
    GetPolicyRequest { name: format!("policies/{version}") }
}

fn step(hours: i64) -> EscalationStep {
    to(EscalationTarget::TeamLead, hours)
}

fn to(target: EscalationTarget, hours: i64) -> EscalationStep {
    EscalationStep { after: Some(prost_types::Duration { seconds: hours * 3600, nanos: 0 }), target: target.into() }
}

async fn versions_begin_at_1_have_no_hole_and_are_told(db: TestDatabase) {
    let house = House::open(db).await;
    // A refused one takes no number.
    let wrong = Policy { firm_calendar: "calendars/none".into(), ..policy() };
    for expected in 1..=3 {
        house.policies(ROOT).publish_policy(publish(wrong.clone())).await.unwrap_err();
        let next = house.policy().await;
        assert_eq!((next.version, next.name), (expected, format!("policies/{expected}")));
        assert!(next.publish_time.is_some());
    }
    let told: Vec<_> = house.events::<PolicyPublished>().await.into_iter().map(|event| event.version).collect();
    assert_eq!(told, [1, 2, 3]);
}

async fn before_the_first_there_is_no_policy(db: TestDatabase) {
    let house = House::open(db).await;
    for version in ["current", "1"] {
        let answer = house.policies(ROOT).get_policy(get(version)).await;
        assert_eq!(refusal(answer), refused(Code::NotFound, "NO_POLICY"), "{version}");
    }
    let published = house.policy().await;
    let current = house.policies(ROOT).get_policy(get("current")).await.unwrap().into_inner().policy.unwrap();
    assert_eq!(current, published);
    assert_eq!(current.escalation_steps, policy().escalation_steps);
    for version in ["2", "9999999999"] {
        let answer = house.policies(ROOT).get_policy(get(version)).await;
        assert_eq!(refusal(answer), refused(Code::NotFound, "NOT_FOUND"), "{version}");
    }
}

async fn an_older_version_stays_as_it_was(db: TestDatabase) {
    let house = House::open(db).await;
    let first = house.policy().await;
    let reminder = Some(prost_types::Duration { seconds: 7200, nanos: 0 });
    let second = Policy { confirmation_reminder: reminder, auto_acknowledge: false, ..policy() };
    house.policies(ROOT).publish_policy(publish(second)).await.unwrap();
    assert_eq!(house.policies(ROOT).get_policy(get("1")).await.unwrap().into_inner().policy.unwrap(), first);
    let current = house.policies(ROOT).get_policy(get("current")).await.unwrap().into_inner().policy.unwrap();
    assert_eq!((current.version, current.confirmation_reminder), (2, reminder));
}

async fn a_step_to_the_team_lead_later_than_24_hours_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let late = vec![to(EscalationTarget::AccountManager, 4), step(25), to(EscalationTarget::Management, 48)];
    let answer = house.policies(ROOT).publish_policy(publish(Policy { escalation_steps: late, ..policy() })).await;
    assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "LATER_THAN_24_HOURS"));
    assert_eq!(fields(answer), ["policy.escalation_steps[1].after"]);
    let just = EscalationStep { after: Some(prost_types::Duration { seconds: 86_400, nanos: 1_000 }), ..step(24) };
    let answer =
        house.policies(ROOT).publish_policy(publish(Policy { escalation_steps: vec![just], ..policy() })).await;
    assert_eq!(refusal(answer).1, "LATER_THAN_24_HOURS");
}

async fn a_policy_without_a_step_to_the_team_lead_or_one_to_management_behind_it_is_refused(db: TestDatabase) {
    use EscalationTarget::{AccountManager, Management};
    let house = House::open(db).await;
    for (escalation_steps, reason) in [
        (vec![to(AccountManager, 4), to(Management, 24)], "NO_TEAM_LEAD_STEP"),
        (vec![step(24)], "NO_MANAGEMENT_STEP"),
        (vec![to(Management, 4), step(24), to(AccountManager, 48)], "NO_MANAGEMENT_STEP"),
    ] {
        let answer = house.policies(ROOT).publish_policy(publish(Policy { escalation_steps, ..policy() })).await;
        assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, reason));
        assert_eq!(fields(answer), ["policy.escalation_steps"], "{reason}");
    }
    let own = vec![to(AccountManager, 4), to(Management, 8), step(24), to(AccountManager, 30), to(Management, 30)];
    house.policies(ROOT).publish_policy(publish(Policy { escalation_steps: own, ..policy() })).await.unwrap();
}

async fn a_first_response_that_takes_longer_than_a_business_day_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    for days in [0, 2, 10] {
        let slow = Policy { first_response_business_days: days, ..policy() };
        let answer = house.policies(ROOT).publish_policy(publish(slow)).await;
        assert_eq!(refusal_of(&answer).0, Code::InvalidArgument);
        assert_eq!(fields(answer), ["policy.first_response_business_days"], "{days}");
    }
}

async fn another_official_domain_is_taken_at_once_and_peoples_addresses_follow_it(db: TestDatabase) {
    let house = House::open(db).await;
    house.policy().await;
    let anna = house.staff("anna").await;
    let moved = |staff: Staff| Staff { email: "anna@advice.example".into(), ..staff };
    let request = |staff: Staff| UpdateStaffRequest { staff: Some(staff), ..Default::default() };
    let answer = house.people(ROOT).update_staff(request(moved(anna.clone()))).await;
    assert_eq!(refusal(answer).1, "ADDRESS_NOT_OFFICIAL", "not before");
    let next = Policy {
        official_domain: "advice.example".into(),
        service_address: "service@advice.example".into(),
        ..policy()
    };
    house.policies(ROOT).publish_policy(publish(next)).await.unwrap();
    house.people(ROOT).update_staff(request(moved(anna))).await.unwrap();
}

async fn steps_out_of_order_are_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Policy { escalation_steps: vec![step(24), step(72), step(48)], ..policy() };
    let answer = house.policies(ROOT).publish_policy(publish(wrong)).await;
    assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "STEPS_NOT_IN_ORDER"));
    assert_eq!(fields(answer), ["policy.escalation_steps[2].after"]);
}

async fn a_service_address_of_another_domain_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Policy { service_address: "service@mail.example".into(), ..policy() };
    let answer = house.policies(ROOT).publish_policy(publish(wrong)).await;
    assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "ADDRESS_NOT_OFFICIAL"));
    assert_eq!(fields(answer), ["policy.service_address"]);
}

async fn a_firm_calendar_that_is_not_there_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Policy { firm_calendar: "calendars/none".into(), ..policy() };
    let answer = house.policies(ROOT).publish_policy(publish(wrong)).await;
    assert_eq!(refusal(answer), refused(Code::NotFound, "CALENDAR_NOT_FOUND"));
}

async fn the_newest_is_listed_first(db: TestDatabase) {
    let house = House::open(db).await;
    for _ in 0..12 {
        house.policy().await;
    }
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPoliciesRequest { page_size: 5, page_token };
        let page = house.policies(ROOT).list_policies(request).await.unwrap().into_inner();
        seen.extend(page.policies.into_iter().map(|policy| policy.version));
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    assert_eq!(seen, (1..=12).rev().collect::<Vec<_>>());
}

async fn the_same_request_id_publishes_once(db: TestDatabase) {
    let house = House::open(db).await;
    let once = PublishPolicyRequest { request_id: "r-1".into(), ..publish(policy()) };
    let first = house.policies(ROOT).publish_policy(once.clone()).await.unwrap().into_inner();
    assert_eq!(house.policies(ROOT).publish_policy(once.clone()).await.unwrap().into_inner(), first);
    let other = PublishPolicyRequest { policy: Some(Policy { auto_acknowledge: false, ..policy() }), ..once };
    let answer = house.policies(ROOT).publish_policy(other).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "REQUEST_ID_REUSED"));
}

async fn one_who_works_for_a_client_reads_policies_and_publishes_none(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    house.staff("idle").await;
    house.client("acme", "anna").await;
    house.contact("acme", "jo").await;
    house.policy().await;
    house.policies("staff/anna").get_policy(get("current")).await.unwrap();
    house.policies("staff/anna").list_policies(ListPoliciesRequest::default()).await.unwrap();
    let denied = refused(Code::PermissionDenied, "NO_PERMISSION");
    assert_eq!(refusal(house.policies("staff/anna").publish_policy(publish(policy())).await), denied);
    for nobody in ["staff/idle", "clients/acme/contacts/jo", "services/intake"] {
        assert_eq!(refusal(house.policies(nobody).get_policy(get("current")).await), denied, "{nobody}");
    }
}

async fn what_is_out_of_range_is_refused_by_field(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Policy {
        official_domain: "not a domain".into(),
        service_address: "nobody".into(),
        authserv_id: String::new(),
        first_response_business_days: 0,
        escalation_steps: vec![EscalationStep { after: None, target: 0 }],
        confirmation_reminder: Some(prost_types::Duration { seconds: -5, nanos: 0 }),
        ..policy()
    };
    let mut told = fields(house.policies(ROOT).publish_policy(publish(wrong)).await);
    told.sort();
    told.dedup();
    assert_eq!(
        told,
        [
            "policy.authserv_id",
            "policy.confirmation_reminder",
            "policy.escalation_steps[0].after",
            "policy.escalation_steps[0].target",
            "policy.first_response_business_days",
            "policy.official_domain",
            "policy.service_address"
        ]
    );
}
