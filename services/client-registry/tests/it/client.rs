use contracts::client_registry::v1::{
    AssignmentChanged, Client, ClientRegistered, ClientUpdated, CreateClientRequest, FirmRole, GetClientRequest,
    ListClientsRequest, TransferAccountRequest, UpdateClientRequest, View,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::{AuditRow, House, ROOT, client, fields, refusal, refusal_of, refused};

both_databases!(client_registry::MIGRATIONS;
    a_client_is_registered_with_its_account_manager_and_told,
    a_client_needs_a_calendar_and_staff_that_are_there,
    a_client_is_not_given_to_one_who_left,
    a_client_is_not_given_to_an_auditor,
    an_id_is_taken_once,
    the_same_request_id_registers_one_client_and_refuses_another_body,
    an_update_changes_name_and_calendar,
    an_update_made_to_an_older_revision_is_refused,
    only_a_transfer_replaces_the_account_manager,
    a_transfer_to_one_who_left_or_is_not_there_is_refused,
    a_transfer_to_the_present_account_manager_changes_nothing,
    a_client_of_another_team_is_not_there,
    a_basic_view_holds_nothing_personal_and_leaves_no_audit_row,
    clients_are_listed_in_pages_in_the_order_of_their_names,
    a_page_token_of_another_list_is_refused,
    every_wrong_field_is_told_at_once_and_nothing_changes,
    a_name_holds_a_letter_or_a_digit_and_is_one_line,
    without_a_token_nothing_is_answered,
);

fn create(id: &str, client: Client) -> CreateClientRequest {
    CreateClientRequest { client_id: id.into(), client: Some(client), ..Default::default() }
}

fn update(client: Client) -> UpdateClientRequest {
    UpdateClientRequest { client: Some(client), ..Default::default() }
}

fn get(name: &str, view: View) -> GetClientRequest {
    GetClientRequest { name: name.into(), view: view.into() }
}

async fn a_client_is_registered_with_its_account_manager_and_told(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    let acme = house.client("acme", "anna").await;
    assert_eq!((acme.name.as_str(), acme.account_manager.as_str()), ("clients/acme", "staff/anna"));
    assert_eq!((acme.revision, acme.create_time.is_some()), (1, true));
    let unnamed = house.clients(ROOT).create_client(create("", client("anna"))).await.unwrap().into_inner();
    assert_ne!(unnamed.client.unwrap().name, "clients/");
    let told = house.events::<ClientRegistered>().await;
    assert_eq!(
        told[0],
        ClientRegistered { client: "clients/acme".into(), revision: 1, calendar: "calendars/firm".into() }
    );
    let touched = ["clients/acme", "clients/acme/incidentParties"];
    assert_eq!(house.audit("ClientService/CreateClient").await[0].resources, touched);
}

async fn a_client_needs_a_calendar_and_staff_that_are_there(db: TestDatabase) {
    let house = House::open(db).await;
    let nobody = house.clients(ROOT).create_client(create("acme", client("nobody"))).await;
    assert_eq!(refusal(nobody), refused(Code::NotFound, "STAFF_NOT_FOUND"));
    let elsewhen = Client { calendar: "calendars/none".into(), ..client("root") };
    let answer = house.clients(ROOT).create_client(create("acme", elsewhen)).await;
    assert_eq!(refusal(answer), refused(Code::NotFound, "CALENDAR_NOT_FOUND"));
    assert!(house.events::<ClientRegistered>().await.is_empty());
    let audit = house.audit("ClientService/CreateClient").await;
    assert_eq!(
        audit.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>(),
        ["STAFF_NOT_FOUND", "CALENDAR_NOT_FOUND"]
    );
}

async fn a_client_is_not_given_to_one_who_left(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    crate::deactivate::leave(&house, "anna").await.unwrap();
    let answer = house.clients(ROOT).create_client(create("acme", client("anna"))).await;
    assert_eq!(refusal(answer), refused(Code::FailedPrecondition, "STAFF_INACTIVE"));
}

async fn an_id_is_taken_once(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let answer = house.clients(ROOT).create_client(create("acme", client("root"))).await;
    assert_eq!(refusal(answer), refused(Code::AlreadyExists, "ALREADY_EXISTS"));
}

async fn the_same_request_id_registers_one_client_and_refuses_another_body(db: TestDatabase) {
    let house = House::open(db).await;
    let once = CreateClientRequest { request_id: "r-1".into(), ..create("", client("root")) };
    let first = house.clients(ROOT).create_client(once.clone()).await.unwrap().into_inner();
    let again = house.clients(ROOT).create_client(once.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    assert_eq!(house.events::<ClientRegistered>().await.len(), 1);
    let other = Client { display_name: "Other Ltd".into(), ..client("root") };
    let answer = house.clients(ROOT).create_client(CreateClientRequest { client: Some(other), ..once }).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "REQUEST_ID_REUSED"));
}

async fn an_update_changes_name_and_calendar(db: TestDatabase) {
    let house = House::open(db).await;
    house.calendar("own").await;
    let acme = house.client("acme", "root").await;
    let wanted = Client { display_name: "Acme plc".into(), calendar: "calendars/own".into(), ..acme.clone() };
    let changed = house.clients(ROOT).update_client(update(wanted)).await.unwrap().into_inner().client.unwrap();
    assert_eq!((changed.display_name.as_str(), changed.revision), ("Acme plc", 2));
    assert_ne!(changed.etag, acme.etag);
    assert_eq!(
        house.events::<ClientUpdated>().await,
        [ClientUpdated { client: "clients/acme".into(), revision: 2, calendar: "calendars/own".into() }]
    );
    let nowhere = Client { calendar: "calendars/none".into(), ..changed };
    let answer = house.clients(ROOT).update_client(update(nowhere)).await;
    assert_eq!(refusal(answer), refused(Code::NotFound, "CALENDAR_NOT_FOUND"));
    let missing = Client { name: "clients/none".into(), ..client("root") };
    let answer = house.clients(ROOT).update_client(update(missing)).await;
    assert_eq!(refusal(answer), refused(Code::NotFound, "NOT_FOUND"));
    let answer = house.clients(ROOT).update_client(update(client("root"))).await;
    assert_eq!(fields(answer), ["client.name"]);
}

async fn an_update_made_to_an_older_revision_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let acme = house.client("acme", "root").await;
    house.clients(ROOT).update_client(update(acme.clone())).await.unwrap();
    let answer = house.clients(ROOT).update_client(update(acme.clone())).await;
    assert_eq!(refusal(answer), refused(Code::Aborted, "STALE_ETAG"));
    house.clients(ROOT).update_client(update(Client { etag: String::new(), ..acme })).await.unwrap();
    assert_eq!(house.client_now("clients/acme").await.revision, 3);
}

async fn only_a_transfer_replaces_the_account_manager(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    house.staff("bo").await;
    let acme = house.client("acme", "anna").await;
    let wanted = Client { account_manager: "staff/bo".into(), ..acme };
    let answer = house.clients(ROOT).update_client(update(wanted.clone())).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "USE_TRANSFER_ACCOUNT"));
    assert_eq!(fields(house.clients(ROOT).update_client(update(wanted)).await), ["client.account_manager"]);

    let transfer = TransferAccountRequest {
        name: "clients/acme".into(),
        account_manager: "staff/bo".into(),
        ..Default::default()
    };
    let moved = house.clients(ROOT).transfer_account(transfer).await.unwrap().into_inner().client.unwrap();
    assert_eq!((moved.account_manager.as_str(), moved.revision), ("staff/bo", 2));
    let told = AssignmentChanged { client: "clients/acme".into(), engagement: String::new(), revision: 2 };
    assert_eq!(house.events::<AssignmentChanged>().await, [told]);

    let mine = get("clients/acme", View::Full);
    assert_eq!(refusal(house.clients("staff/anna").get_client(mine.clone()).await).0, Code::PermissionDenied);
    house.clients("staff/bo").get_client(mine).await.unwrap();
}

async fn a_transfer_to_one_who_left_or_is_not_there_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    house.staff("anna").await;
    crate::deactivate::leave(&house, "anna").await.unwrap();
    for (to, expected) in [
        ("staff/anna", refused(Code::FailedPrecondition, "STAFF_INACTIVE")),
        ("staff/nobody", refused(Code::NotFound, "STAFF_NOT_FOUND")),
    ] {
        let request =
            TransferAccountRequest { name: "clients/acme".into(), account_manager: to.into(), ..Default::default() };
        assert_eq!(refusal(house.clients(ROOT).transfer_account(request).await), expected);
    }
    assert_eq!(house.client_now("clients/acme").await.account_manager, ROOT);
}

async fn a_transfer_to_the_present_account_manager_changes_nothing(db: TestDatabase) {
    let house = House::open(db).await;
    let acme = house.client("acme", "root").await;
    let request =
        TransferAccountRequest { name: acme.name.clone(), account_manager: ROOT.into(), ..Default::default() };
    let same = house.clients(ROOT).transfer_account(request).await.unwrap().into_inner().client.unwrap();
    assert_eq!(same, acme);
    assert!(house.events::<AssignmentChanged>().await.is_empty());
}

async fn a_client_of_another_team_is_not_there(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    house.staff("bo").await;
    house.client("acme", "anna").await;
    let other = house.client("other", "bo").await;
    let anna = || house.clients("staff/anna");
    let hidden = refused(Code::NotFound, "NOT_FOUND");
    let foreign = anna().get_client(get("clients/other", View::Basic)).await.unwrap_err();
    let missing = anna().get_client(get("clients/none", View::Basic)).await.unwrap_err();
    assert_eq!(foreign.message().replace("other", "none"), missing.message(), "one cannot tell them apart");
    assert_eq!(refusal(Err::<(), _>(foreign)), hidden);
    assert_eq!(refusal(anna().update_client(update(other)).await), hidden);
    let seen = anna().list_clients(ListClientsRequest::default()).await.unwrap().into_inner().clients;
    assert_eq!(seen.iter().map(|client| client.name.as_str()).collect::<Vec<_>>(), ["clients/acme"]);
    let transfer = TransferAccountRequest {
        name: "clients/acme".into(),
        account_manager: "staff/bo".into(),
        ..Default::default()
    };
    let answer = anna().transfer_account(transfer).await;
    assert_eq!(refusal(answer), refused(Code::PermissionDenied, "NO_PERMISSION"));
}

async fn a_basic_view_holds_nothing_personal_and_leaves_no_audit_row(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let basic = house.clients(ROOT).get_client(get("clients/acme", View::Basic)).await.unwrap().into_inner();
    assert_eq!(basic.client.as_ref().unwrap().display_name, "");
    assert_eq!(basic.client.unwrap().account_manager, ROOT);
    let list = ListClientsRequest { view: View::Basic.into(), ..Default::default() };
    let listed = house.clients(ROOT).list_clients(list).await.unwrap().into_inner();
    assert_eq!(listed.clients[0].display_name, "");
    assert_eq!(house.audit("ClientService/GetClient").await, []);
    assert_eq!(house.audit("ClientService/ListClients").await, []);

    for view in [View::Unspecified, View::Full] {
        let full = house.clients(ROOT).get_client(get("clients/acme", view)).await.unwrap().into_inner();
        assert_eq!(full.client.unwrap().display_name, "Acme Ltd");
    }
    let read = AuditRow {
        actor: ROOT.into(),
        resources: vec!["clients/acme".into()],
        outcome: contracts::evidence::v1::AuditOutcome::Read as i64,
        reason: String::new(),
    };
    let rows = house.audit("ClientService/GetClient").await;
    assert_eq!((rows.len(), &rows[0]), (2, &read));
}

async fn clients_are_listed_in_pages_in_the_order_of_their_names(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    for (index, id) in ["c", "a", "e", "b", "d"].into_iter().enumerate() {
        house.client(id, if index < 3 { "anna" } else { "root" }).await;
    }
    for (who, expected) in [(ROOT, vec!["a", "b", "c", "d", "e"]), ("staff/anna", vec!["a", "c", "e"])] {
        let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let request = ListClientsRequest { page_size: 2, page_token: token, ..Default::default() };
            let page = house.clients(who).list_clients(request).await.unwrap().into_inner();
            assert!(page.clients.len() <= 2);
            seen.extend(page.clients.into_iter().map(|client| client.name.replace("clients/", "")));
            (token, pages) = (page.next_page_token, pages + 1);
            if token.is_empty() {
                break;
            }
        }
        assert_eq!((seen, pages), (expected.iter().map(|id| (*id).to_owned()).collect(), expected.len().div_ceil(2)));
    }
    let rows = house.audit("ClientService/ListClients").await;
    assert_eq!(rows[0].resources, ["clients/a", "clients/b"], "one row names all that were read");
}

async fn a_page_token_of_another_list_is_refused(db: TestDatabase) {
    let house = House::open(db).await;
    for id in ["a", "b"] {
        house.client(id, "root").await;
    }
    let first = ListClientsRequest { page_size: 1, ..Default::default() };
    let token = house.clients(ROOT).list_clients(first).await.unwrap().into_inner().next_page_token;
    let request = contracts::client_registry::v1::ListStaffRequest { page_token: token, ..Default::default() };
    let answer = house.people(ROOT).list_staff(request).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "BAD_PAGE_TOKEN"));
    for page_token in ["x", "%%%"] {
        let request = ListClientsRequest { page_token: page_token.into(), ..Default::default() };
        assert_eq!(refusal(house.clients(ROOT).list_clients(request).await).1, "BAD_PAGE_TOKEN");
    }
}

async fn every_wrong_field_is_told_at_once_and_nothing_changes(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Client {
        display_name: String::new(),
        calendar: "calendars/../x".into(),
        account_manager: "root".into(),
        ..Default::default()
    };
    let request = CreateClientRequest { request_id: "no spaces".into(), ..create("UPPER", wrong) };
    let answer = house.clients(ROOT).create_client(request).await;
    let mut told = fields(answer);
    told.sort();
    assert_eq!(told, ["client.account_manager", "client.calendar", "client.display_name", "client_id", "request_id"]);
    assert_eq!(fields(house.clients(ROOT).create_client(CreateClientRequest::default()).await), ["client"]);
    for name in ["", "clients/", "clients/a/b", "clients/a'; DROP TABLE client; --", "staff/root"] {
        assert_eq!(fields(house.clients(ROOT).get_client(get(name, View::Full)).await), ["name"], "{name}");
    }
    assert!(house.events::<ClientRegistered>().await.is_empty());
}

async fn without_a_token_nothing_is_answered(db: TestDatabase) {
    let house = House::open(db).await;
    let bare = tonic::transport::Endpoint::from_shared(house.url()).unwrap().connect().await.unwrap();
    let mut clients = contracts::client_registry::v1::client_service_client::ClientServiceClient::new(bare);
    let answer = clients.get_client(get("clients/acme", View::Full)).await;
    assert_eq!(refusal(answer), refused(Code::Unauthenticated, "NO_TOKEN"));
}

async fn a_client_is_not_given_to_an_auditor(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff_with_role("eve", FirmRole::Auditor).await;
    let answer = house.clients(ROOT).create_client(create("acme", client("eve"))).await;
    assert_eq!(refusal_of(&answer), refused(Code::FailedPrecondition, "AUDITOR_ONLY_READS"));
    assert_eq!(fields(answer), ["client.account_manager"]);
    house.client("acme", "root").await;
    let transfer = TransferAccountRequest {
        name: "clients/acme".into(),
        account_manager: "staff/eve".into(),
        ..Default::default()
    };
    let answer = house.clients(ROOT).transfer_account(transfer).await;
    assert_eq!(refusal_of(&answer), refused(Code::FailedPrecondition, "AUDITOR_ONLY_READS"));
    assert_eq!(fields(answer), ["account_manager"]);
    assert_eq!(house.client_now("clients/acme").await.account_manager, ROOT);
}

async fn a_name_holds_a_letter_or_a_digit_and_is_one_line(db: TestDatabase) {
    let house = House::open(db).await;
    let acme = house.client("acme", "root").await;
    for name in [" \t ", "\u{200b}", "Acme\r\nLtd"] {
        let named = |client: Client| Client { display_name: name.into(), ..client };
        let made = house.clients(ROOT).create_client(create("blank", named(client("root")))).await;
        assert_eq!(fields(made), ["client.display_name"], "{name:?}");
        let changed = house.clients(ROOT).update_client(update(named(acme.clone()))).await;
        assert_eq!(fields(changed), ["client.display_name"], "{name:?}");
    }
}
