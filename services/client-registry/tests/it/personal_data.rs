//! A canary in every personal field: it lies nowhere in the clear, neither in a column nor in a refusal.

use contracts::client_registry::v1::{
    Client, Contact, ContactWay, CreateClientRequest, CreateContactRequest, Engagement, Milestone, Plan, Staff,
    UpdatePlanRequest,
};
use database::{DbBackend, query_all};
use testkit::{TestDatabase, both_databases};

use crate::support::{House, ROOT, client, contact, employee, engagement};

both_databases!(client_registry::MIGRATIONS; what_is_personal_lies_nowhere_in_the_clear, a_refusal_repeats_no_personal_field);

const CANARY: &str = "canary7q";
const PHONE: &str = "+4479460007";
const OTHER_PHONE: &str = "+4479460008";

async fn fill(house: &House) {
    let person = Staff {
        display_name: format!("Staff {CANARY}"),
        email: format!("staff-{CANARY}@firm.example"),
        phones: vec![PHONE.into(), OTHER_PHONE.into()],
        ..employee("anna")
    };
    house.staff_like("anna", person).await;
    let acme = Client { display_name: format!("Client {CANARY}"), ..client("anna") };
    let request = CreateClientRequest { client_id: "acme".into(), client: Some(acme), request_id: "r-1".into() };
    house.clients(ROOT).create_client(request).await.unwrap();
    let wanted = Contact {
        display_name: format!("Contact {CANARY}"),
        phone: PHONE.into(),
        other_phones: vec![OTHER_PHONE.into()],
        ..contact(&format!("{CANARY}@acme.example"))
    };
    let request = CreateContactRequest {
        parent: "clients/acme".into(),
        contact_id: "jo".into(),
        contact: Some(wanted),
        request_id: "r-1".into(),
    };
    house.contacts(ROOT).create_contact(request).await.unwrap();
    let wanted = Engagement { display_name: format!("Engagement {CANARY}"), ..engagement("anna", &[]) };
    let request = contracts::client_registry::v1::CreateEngagementRequest {
        parent: "clients/acme".into(),
        engagement_id: "audit".into(),
        engagement: Some(wanted),
        ..Default::default()
    };
    house.engagements(ROOT).create_engagement(request).await.unwrap();
    let milestone = Milestone {
        id: "trial".into(),
        display_name: format!("Milestone {CANARY}"),
        ways: vec![ContactWay::Email.into()],
        ..Default::default()
    };
    let plan =
        Plan { name: "clients/acme/engagements/audit/plan".into(), milestones: vec![milestone], ..Default::default() };
    let request = UpdatePlanRequest { plan: Some(plan), request_id: "r-1".into() };
    house.plans(ROOT).update_plan(request).await.unwrap();
}

/// Every value of every column of every table, as bytes.
async fn everything(house: &House) -> Vec<(String, Vec<u8>)> {
    let db = house.db.database();
    let (tables, columns) = match db.backend() {
        DbBackend::Postgres => (
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
            "SELECT column_name AS name FROM information_schema.columns WHERE table_name = ? AND data_type IN ('text', 'bytea')",
        ),
        _ => (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            "SELECT name FROM pragma_table_info(?) WHERE type IN ('TEXT', 'BLOB')",
        ),
    };
    let mut all = Vec::new();
    for table in query_all(db.reader(), tables, vec![]).await.unwrap() {
        let table: String = table.try_get("", "name").unwrap();
        for column in query_all(db.reader(), columns, vec![table.clone().into()]).await.unwrap() {
            let column: String = column.try_get("", "name").unwrap();
            let sql = format!("SELECT {column} AS value FROM {table} WHERE {column} IS NOT NULL");
            for row in query_all(db.reader(), &sql, vec![]).await.unwrap() {
                let value = row
                    .try_get::<String>("", "value")
                    .map(String::into_bytes)
                    .or_else(|_| row.try_get::<Vec<u8>>("", "value"))
                    .unwrap();
                all.push((format!("{table}.{column}"), value));
            }
        }
    }
    all
}

fn contains(value: &[u8], needle: &str) -> bool {
    value.windows(needle.len()).any(|window| window == needle.as_bytes())
}

async fn what_is_personal_lies_nowhere_in_the_clear(db: TestDatabase) {
    let house = House::open(db).await;
    fill(&house).await;
    let all = everything(&house).await;
    assert!(
        all.iter().any(|(place, value)| place == "client.id" && value == b"acme"),
        "the search finds what is there"
    );
    for (place, value) in all {
        assert!(!contains(&value, CANARY) && !contains(&value, PHONE) && !contains(&value, OTHER_PHONE), "{place}");
    }
}

async fn a_refusal_repeats_no_personal_field(db: TestDatabase) {
    let house = House::open(db).await;
    fill(&house).await;
    let contact = |email: String, phone: &str| CreateContactRequest {
        parent: "clients/acme".into(),
        contact: Some(Contact { display_name: format!("Again {CANARY}"), phone: phone.into(), ..contact(&email) }),
        ..Default::default()
    };
    let taken = house.contacts(ROOT).create_contact(contact(format!("{CANARY}@acme.example"), PHONE)).await;
    let malformed = house.contacts(ROOT).create_contact(contact(format!("{CANARY} at acme"), CANARY)).await;
    let unofficial = {
        house.policy().await;
        let person = Staff { email: format!("{CANARY}@mail.example"), ..employee("x") };
        let request = contracts::client_registry::v1::CreateStaffRequest { staff: Some(person), ..Default::default() };
        house.people(ROOT).create_staff(request).await.unwrap_err()
    };
    for status in [taken.unwrap_err(), malformed.unwrap_err(), unofficial] {
        assert!(!status.message().contains(CANARY), "{}", status.message());
        assert!(!contains(status.details(), CANARY), "{}", status.message());
    }
}
