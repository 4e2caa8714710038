use contracts::client_registry::v1::{
    AssignmentChanged, CreateEngagementRequest, Engagement, FirmRole, GetClientRequest, GetEngagementRequest,
    ListEngagementsRequest, UpdateEngagementRequest,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::{House, ROOT, engagement, fields, refusal, refusal_of, refused};

both_databases!(client_registry::MIGRATIONS;
    an_engagement_begins_with_its_people_who_may_read_its_client_from_then_on,
    an_engagement_needs_people_who_are_there_and_active,
    an_engagement_takes_no_auditor,
    an_engagement_of_no_client_is_refused,
    only_other_people_are_told_as_a_change_of_assignment,
    one_who_is_taken_off_a_team_reads_no_more,
    an_engagement_of_another_client_is_not_there,
    a_stale_etag_a_taken_id_and_a_reused_request_id_are_refused,
    engagements_are_listed_in_pages_and_the_read_is_audited,
    a_member_named_twice_or_not_a_person_is_refused_by_field,
    a_name_holds_a_letter_or_a_digit_and_is_one_line,
);

fn create(client: &str, id: &str, engagement: Engagement) -> CreateEngagementRequest {
    CreateEngagementRequest {
        parent: format!("clients/{client}"),
        engagement_id: id.into(),
        engagement: Some(engagement),
        ..Default::default()
    }
}

fn update(engagement: Engagement) -> UpdateEngagementRequest {
    UpdateEngagementRequest { engagement: Some(engagement), ..Default::default() }
}

fn get(name: &str) -> GetEngagementRequest {
    GetEngagementRequest { name: name.into() }
}

async fn people(house: &House) {
    for id in ["anna", "bo", "cy"] {
        house.staff(id).await;
    }
}

async fn may_read(house: &House, who: &str, client: &str) -> bool {
    let request = GetClientRequest { name: format!("clients/{client}"), ..Default::default() };
    house.clients(who).get_client(request).await.is_ok()
}

async fn an_engagement_begins_with_its_people_who_may_read_its_client_from_then_on(db: TestDatabase) {
    let house = House::open(db).await;
    people(&house).await;
    house.client("acme", "root").await;
    assert!(!may_read(&house, "staff/anna", "acme").await);
    let audit = house.engagement("acme", "audit", "anna", &["bo", "anna"]).await;
    assert_eq!(audit.name, "clients/acme/engagements/audit");
    assert_eq!(audit.team_members, ["staff/anna", "staff/bo"]);
    for who in ["staff/anna", "staff/bo"] {
        assert!(may_read(&house, who, "acme").await, "{who}");
        let read = house.engagements(who).get_engagement(get(&audit.name)).await.unwrap().into_inner();
        assert_eq!(read.engagement.unwrap(), audit);
    }
    assert!(!may_read(&house, "staff/cy", "acme").await);
    let told = AssignmentChanged { client: "clients/acme".into(), engagement: audit.name, revision: 1 };
    assert_eq!(house.events::<AssignmentChanged>().await, [told]);
}

async fn an_engagement_needs_people_who_are_there_and_active(db: TestDatabase) {
    let house = House::open(db).await;
    people(&house).await;
    house.client("acme", "root").await;
    crate::deactivate::leave(&house, "cy").await.unwrap();
    for (wanted, expected) in [
        (engagement("nobody", &[]), refused(Code::NotFound, "STAFF_NOT_FOUND")),
        (engagement("anna", &["nobody"]), refused(Code::NotFound, "STAFF_NOT_FOUND")),
        (engagement("cy", &[]), refused(Code::FailedPrecondition, "STAFF_INACTIVE")),
        (engagement("anna", &["cy"]), refused(Code::FailedPrecondition, "STAFF_INACTIVE")),
    ] {
        let answer = house.engagements(ROOT).create_engagement(create("acme", "audit", wanted)).await;
        assert_eq!(refusal(answer), expected);
    }
    let audit = house.engagement("acme", "audit", "anna", &[]).await;
    let wanted = Engagement { team_lead: "staff/cy".into(), ..audit };
    let answer = house.engagements(ROOT).update_engagement(update(wanted)).await;
    assert_eq!(refusal(answer), refused(Code::FailedPrecondition, "STAFF_INACTIVE"));
}

async fn an_engagement_of_no_client_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let answer = house.engagements(ROOT).create_engagement(create("none", "audit", engagement("root", &[]))).await;
    assert_eq!(refusal(answer), refused(Code::NotFound, "NOT_FOUND"));
    let list = ListEngagementsRequest { parent: "clients/none".into(), ..Default::default() };
    assert_eq!(refusal(house.engagements(ROOT).list_engagements(list).await).0, Code::NotFound);
    let answer = house.engagements(ROOT).get_engagement(get("clients/none/engagements/audit")).await;
    assert_eq!(refusal(answer).0, Code::NotFound);
}

async fn only_other_people_are_told_as_a_change_of_assignment(db: TestDatabase) {
    let house = House::open(db).await;
    people(&house).await;
    house.client("acme", "root").await;
    let audit = house.engagement("acme", "audit", "anna", &["bo"]).await;
    let renamed = Engagement { display_name: "Review".into(), ..audit };
    let renamed = house.engagements(ROOT).update_engagement(update(renamed)).await.unwrap().into_inner();
    let renamed = renamed.engagement.unwrap();
    assert_eq!((renamed.revision, house.events::<AssignmentChanged>().await.len()), (2, 1));
    let restaffed = Engagement { team_lead: "staff/bo".into(), team_members: vec!["staff/cy".into()], ..renamed };
    house.engagements(ROOT).update_engagement(update(restaffed)).await.unwrap();
    assert_eq!(house.events::<AssignmentChanged>().await.last().unwrap().revision, 3);
}

async fn one_who_is_taken_off_a_team_reads_no_more(db: TestDatabase) {
    let house = House::open(db).await;
    people(&house).await;
    house.client("acme", "root").await;
    let audit = house.engagement("acme", "audit", "anna", &["bo"]).await;
    assert!(may_read(&house, "staff/bo", "acme").await);
    house.engagements(ROOT).update_engagement(update(Engagement { team_members: vec![], ..audit })).await.unwrap();
    assert!(!may_read(&house, "staff/bo", "acme").await);
}

async fn an_engagement_of_another_client_is_not_there(db: TestDatabase) {
    let house = House::open(db).await;
    people(&house).await;
    house.client("acme", "anna").await;
    house.client("other", "bo").await;
    let foreign = house.engagement("other", "audit", "bo", &[]).await;
    let anna = || house.engagements("staff/anna");
    let hidden = refused(Code::NotFound, "NOT_FOUND");
    assert_eq!(refusal(anna().get_engagement(get(&foreign.name)).await), hidden);
    assert_eq!(refusal(anna().update_engagement(update(foreign)).await), hidden);
    let wanted = create("other", "more", engagement("anna", &[]));
    assert_eq!(refusal(anna().create_engagement(wanted).await), hidden);
    let list = ListEngagementsRequest { parent: "clients/other".into(), ..Default::default() };
    assert_eq!(refusal(anna().list_engagements(list).await), hidden);
    anna().create_engagement(create("acme", "more", engagement("anna", &[]))).await.unwrap();
}

async fn a_stale_etag_a_taken_id_and_a_reused_request_id_are_refused(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let audit = house.engagement("acme", "audit", "root", &[]).await;
    house.engagements(ROOT).update_engagement(update(audit.clone())).await.unwrap();
    let answer = house.engagements(ROOT).update_engagement(update(audit)).await;
    assert_eq!(refusal(answer), refused(Code::Aborted, "STALE_ETAG"));
    let taken = create("acme", "audit", engagement("root", &[]));
    let answer = house.engagements(ROOT).create_engagement(taken).await;
    assert_eq!(refusal(answer), refused(Code::AlreadyExists, "ALREADY_EXISTS"));
    let once = |name: &str| CreateEngagementRequest {
        request_id: "r-1".into(),
        ..create("acme", "", Engagement { display_name: name.into(), ..engagement("root", &[]) })
    };
    let first = house.engagements(ROOT).create_engagement(once("One")).await.unwrap().into_inner();
    assert_eq!(house.engagements(ROOT).create_engagement(once("One")).await.unwrap().into_inner(), first);
    let answer = house.engagements(ROOT).create_engagement(once("Two")).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "REQUEST_ID_REUSED"));
}

async fn engagements_are_listed_in_pages_and_the_read_is_audited(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    for id in ["b", "c", "a"] {
        house.engagement("acme", id, "root", &["root"]).await;
    }
    let list = |page_token| ListEngagementsRequest { parent: "clients/acme".into(), page_size: 2, page_token };
    let first = house.engagements(ROOT).list_engagements(list(String::new())).await.unwrap().into_inner();
    let names: Vec<_> = first.engagements.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["clients/acme/engagements/a", "clients/acme/engagements/b"]);
    assert_eq!(first.engagements[0].team_members, [ROOT]);
    let second = house.engagements(ROOT).list_engagements(list(first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((second.engagements.len(), second.next_page_token.as_str()), (1, ""));
    assert_eq!(house.audit("EngagementService/ListEngagements").await[0].resources, names);
}

async fn a_member_named_twice_or_not_a_person_is_refused_by_field(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let answer =
        house.engagements(ROOT).create_engagement(create("acme", "audit", engagement("root", &["root", "root"]))).await;
    assert_eq!(fields(answer), ["engagement.team_members"]);
    let wrong = Engagement { team_members: vec!["clients/acme".into()], ..engagement("root", &[]) };
    let answer = house.engagements(ROOT).create_engagement(create("acme", "audit", wrong)).await;
    assert_eq!(fields(answer), ["engagement.team_members[0]"]);
}

async fn an_engagement_takes_no_auditor(db: TestDatabase) {
    let house = House::open(db).await;
    people(&house).await;
    house.staff_with_role("eve", FirmRole::Auditor).await;
    house.client("acme", "root").await;
    let audit = house.engagement("acme", "audit", "anna", &["bo"]).await;
    for (lead, team, field) in [
        ("eve", vec!["bo"], "engagement.team_lead"),
        ("eve", vec!["eve"], "engagement.team_lead"),
        ("anna", vec!["bo", "eve"], "engagement.team_members"),
    ] {
        let wanted = engagement(lead, &team);
        let changed = Engagement { name: audit.name.clone(), ..wanted.clone() };
        for answer in [
            house.engagements(ROOT).create_engagement(create("acme", "x", wanted)).await.map(drop),
            house.engagements(ROOT).update_engagement(update(changed)).await.map(drop),
        ] {
            assert_eq!(refusal_of(&answer), refused(Code::FailedPrecondition, "AUDITOR_ONLY_READS"), "{lead} {team:?}");
            assert_eq!(fields(answer), [field], "{lead} {team:?}");
        }
    }
    let unchanged = house.engagements(ROOT).get_engagement(get(&audit.name)).await.unwrap().into_inner();
    assert_eq!(unchanged.engagement.unwrap(), audit);
}

async fn a_name_holds_a_letter_or_a_digit_and_is_one_line(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let audit = house.engagement("acme", "audit", "root", &[]).await;
    for name in ["  ", "\u{feff}", "Audit\n2026"] {
        let named = |engagement: Engagement| Engagement { display_name: name.into(), ..engagement };
        let made = house.engagements(ROOT).create_engagement(create("acme", "x", named(engagement("root", &[])))).await;
        assert_eq!(fields(made), ["engagement.display_name"], "{name:?}");
        let changed = house.engagements(ROOT).update_engagement(update(named(audit.clone()))).await;
        assert_eq!(fields(changed), ["engagement.display_name"], "{name:?}");
    }
}
