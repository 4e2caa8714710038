use contracts::client_registry::v1::{
    AssignmentChanged, DeactivateStaffRequest, DeactivateStaffResponse, FirmRole, GetClientRequest,
    GetEngagementRequest, ListStaffRequest, Staff, UpdateStaffRequest,
};
use testkit::{TestDatabase, both_databases};
use tonic::{Code, Status};

use crate::support::{House, ROOT, refusal, refused};

both_databases!(client_registry::MIGRATIONS;
    clients_and_engagements_of_one_who_leaves_go_to_the_deputy_and_are_told,
    where_the_deputy_left_too_the_deputys_deputy_takes_over,
    where_deputies_name_each_other_and_both_leave_management_takes_over,
    without_a_deputy_management_takes_over,
    where_nobody_takes_over_nobody_leaves,
    one_who_leaves_has_no_access_from_then_on,
    leaving_twice_changes_nothing_the_second_time,
    every_client_has_an_active_account_manager_after_half_the_firm_left,
);

pub async fn leave(house: &House, id: &str) -> Result<DeactivateStaffResponse, Status> {
    let request = DeactivateStaffRequest { name: format!("staff/{id}"), ..Default::default() };
    Ok(house.people(ROOT).deactivate_staff(request).await?.into_inner())
}

async fn manager_of(house: &House, client: &str) -> String {
    house.client_now(&format!("clients/{client}")).await.account_manager
}

async fn clients_and_engagements_of_one_who_leaves_go_to_the_deputy_and_are_told(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("bo").await;
    house.staff_with_deputy("anna", "bo").await;
    house.client("acme", "anna").await;
    house.client("beta", "anna").await;
    house.client("other", "root").await;
    house.engagement("other", "audit", "anna", &["anna", "root"]).await;
    house.engagement("other", "tax", "root", &["anna"]).await;
    let before = house.events::<AssignmentChanged>().await.len();

    let left = leave(&house, "anna").await.unwrap();
    assert_eq!(left.transferred_clients, ["clients/acme", "clients/beta"]);
    assert!(left.staff.unwrap().inactive);
    assert_eq!(manager_of(&house, "acme").await, "staff/bo");
    assert_eq!(manager_of(&house, "other").await, ROOT);
    let get = |id: &str| GetEngagementRequest { name: format!("clients/other/engagements/{id}") };
    let audit = house.engagements(ROOT).get_engagement(get("audit")).await.unwrap().into_inner().engagement.unwrap();
    assert_eq!((audit.team_lead.as_str(), audit.team_members), ("staff/bo", vec!["staff/bo".into(), ROOT.into()]));
    let tax = house.engagements(ROOT).get_engagement(get("tax")).await.unwrap().into_inner().engagement.unwrap();
    assert_eq!((tax.team_lead.as_str(), tax.team_members), (ROOT, vec!["staff/bo".into()]));

    let told: Vec<_> = house.events::<AssignmentChanged>().await.split_off(before);
    let told: Vec<_> =
        told.iter().map(|event| (event.client.as_str(), event.engagement.as_str(), event.revision)).collect();
    assert_eq!(
        told,
        [
            ("clients/acme", "", 2),
            ("clients/beta", "", 2),
            ("clients/other", "clients/other/engagements/audit", 2),
            ("clients/other", "clients/other/engagements/tax", 2),
        ]
    );
    let row = house.audit("StaffService/DeactivateStaff").await.remove(0);
    assert!(row.resources.contains(&"staff/anna".to_owned()) && row.resources.contains(&"clients/beta".to_owned()));
}

async fn where_the_deputy_left_too_the_deputys_deputy_takes_over(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("cy").await;
    house.staff_with_deputy("bo", "cy").await;
    house.staff_with_deputy("anna", "bo").await;
    leave(&house, "bo").await.unwrap();
    house.client("acme", "anna").await;
    leave(&house, "anna").await.unwrap();
    assert_eq!(manager_of(&house, "acme").await, "staff/cy");
}

async fn where_deputies_name_each_other_and_both_leave_management_takes_over(db: TestDatabase) {
    let house = House::open(db).await;
    let anna = house.staff("anna").await;
    house.staff_with_deputy("bo", "anna").await;
    let mutual = Staff { deputy: "staff/bo".into(), ..anna };
    let request = UpdateStaffRequest { staff: Some(mutual), ..Default::default() };
    house.people(ROOT).update_staff(request).await.unwrap();
    house.client("acme", "anna").await;
    leave(&house, "bo").await.unwrap();
    assert_eq!(manager_of(&house, "acme").await, "staff/anna");
    leave(&house, "anna").await.unwrap();
    assert_eq!(manager_of(&house, "acme").await, ROOT);
}

async fn without_a_deputy_management_takes_over(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    house.client("acme", "anna").await;
    leave(&house, "anna").await.unwrap();
    assert_eq!(manager_of(&house, "acme").await, ROOT);
    house.staff_with_role("maria", FirmRole::Management).await;
    leave(&house, "root").await.unwrap();
    let request = GetClientRequest { name: "clients/acme".into(), ..Default::default() };
    let acme = house.clients("staff/maria").get_client(request).await.unwrap().into_inner().client.unwrap();
    assert_eq!(acme.account_manager, "staff/maria");
}

async fn where_nobody_takes_over_nobody_leaves(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let nobody = refused(Code::FailedPrecondition, "NOBODY_TAKES_OVER");
    assert_eq!(refusal(leave(&house, "root").await), nobody);
    // A deputy could take the clients, but nobody would be left in management.
    house.staff("anna").await;
    let root = house.people(ROOT).list_staff(ListStaffRequest::default()).await.unwrap().into_inner().staff.remove(1);
    let request =
        UpdateStaffRequest { staff: Some(Staff { deputy: "staff/anna".into(), ..root }), ..Default::default() };
    house.people(ROOT).update_staff(request).await.unwrap();
    assert_eq!(refusal(leave(&house, "root").await), nobody);
    assert_eq!(manager_of(&house, "acme").await, ROOT);
    assert_eq!(refusal(leave(&house, "nobody").await), refused(Code::NotFound, "NOT_FOUND"));
}

async fn one_who_leaves_has_no_access_from_then_on(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff_with_role("maria", FirmRole::Management).await;
    let request = || GetClientRequest { name: "clients/none".into(), ..Default::default() };
    assert_eq!(refusal(house.clients("staff/maria").get_client(request()).await).0, Code::NotFound);
    leave(&house, "maria").await.unwrap();
    let answer = house.clients("staff/maria").get_client(request()).await;
    assert_eq!(refusal(answer), refused(Code::PermissionDenied, "UNKNOWN_PERSON"));
}

async fn leaving_twice_changes_nothing_the_second_time(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    house.client("acme", "anna").await;
    let first = leave(&house, "anna").await.unwrap();
    let second = leave(&house, "anna").await.unwrap();
    assert_eq!(second.staff, first.staff);
    assert!(second.transferred_clients.is_empty());
    let request = DeactivateStaffRequest { name: "staff/anna".into(), request_id: "r-1".into() };
    let once = house.people(ROOT).deactivate_staff(request.clone()).await.unwrap().into_inner();
    assert_eq!(house.people(ROOT).deactivate_staff(request).await.unwrap().into_inner(), once);
}

async fn every_client_has_an_active_account_manager_after_half_the_firm_left(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("p0").await;
    for index in 1..6 {
        house.staff_with_deputy(&format!("p{index}"), &format!("p{}", index - 1)).await;
    }
    for index in 0..6 {
        house.client(&format!("c{index}"), &format!("p{index}")).await;
    }
    for index in [1, 3, 2, 5] {
        leave(&house, &format!("p{index}")).await.unwrap();
    }
    let mut managers = Vec::new();
    for index in 0..6 {
        managers.push(manager_of(&house, &format!("c{index}")).await);
    }
    assert_eq!(managers, ["staff/p0", "staff/p0", "staff/p0", "staff/p0", "staff/p4", "staff/p4"]);
}
