//! The table `access.csv`: role by RPC by own or foreign client, every cell called over the wire with a request that is
//! answered for whoever may call.

mod house;
mod reports;
mod requests;

use std::collections::BTreeMap;

use access::{Reach, Rules};
use house::{House, Side};

/// The table's columns, and whose token stands for each. The people are of the client acme: Anna its account manager, Ben
/// its team lead, Carla and Max on the project team, of whom Max was a contractor until yesterday, Jo and Sam its contacts.
const ROLES: [(&str, Option<&str>); 16] = [
    ("management", Some("staff/grace")),
    ("account_manager", Some("staff/anna")),
    ("team_lead", Some("staff/ben")),
    ("project_team", Some("staff/carla")),
    ("confirming_contact", Some("clients/acme/contacts/jo")),
    ("contact", Some("clients/acme/contacts/sam")),
    ("intake", Some("staff/ivan")),
    ("auditor", Some("staff/olga")),
    ("expired_contractor", Some("staff/max")),
    ("notification", Some("services/notification")),
    ("escalation", Some("services/escalation")),
    ("client_registry", Some("services/client-registry")),
    ("reporting", Some("services/reporting")),
    ("mail_server", Some("services/intake")),
    ("telephony", Some("services/telephony")),
    ("nobody", None),
];

/// What reaches a client's permission, and yet is about no single client.
const OF_THE_FIRM: [&str; 2] = ["PolicyService/GetPolicy", "PolicyService/ListPolicies"];

struct Row {
    rpc: &'static str,
    side: Side,
    cells: Vec<&'static str>,
}

fn table() -> Vec<Row> {
    let mut lines = include_str!("../access.csv").lines().filter(|line| !line.starts_with('#'));
    let columns: Vec<_> = lines.next().unwrap().split(',').collect();
    let expected: Vec<_> = ["rpc", "client"].into_iter().chain(ROLES.iter().map(|(role, _)| *role)).collect();
    assert_eq!(columns, expected, "the table's columns");
    let row = |line: &'static str| {
        let fields: Vec<_> = line.split(',').collect();
        assert_eq!(fields.len(), expected.len(), "{line}");
        let side = match fields[1] {
            "own" => Side::Own,
            "foreign" => Side::Foreign,
            "nobody's" => Side::Nobodys,
            "-" => Side::Firm,
            other => panic!("{other} in {line}"),
        };
        Row { rpc: fields[0], side, cells: fields[2..].to_vec() }
    };
    lines.map(row).collect()
}

#[test]
fn every_rpc_has_its_rows() {
    let mut rows: BTreeMap<&str, Vec<Side>> = BTreeMap::new();
    for row in table() {
        rows.entry(row.rpc).or_default().push(row.side);
    }
    for rule in Rules::load().unwrap().all() {
        // The path without its package: `CaseService/GetCase`.
        let rpc = rule.path.rsplit_once('.').unwrap().1;
        let sides = rows.remove(rpc).unwrap_or_else(|| panic!("access.csv has no row for {rpc}"));
        let of_client = rule.reach == Reach::Client && !rule.open && !OF_THE_FIRM.contains(&rpc);
        let needed: &[Side] = if of_client { &[Side::Own, Side::Foreign] } else { &[Side::Firm] };
        assert!(needed.iter().all(|side| sides.contains(side)), "access.csv has for {rpc} only {sides:?}");
    }
    assert!(rows.is_empty(), "access.csv has rows for what is no RPC: {:?}", rows.keys());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_is_as_the_table_says() {
    let mut house = House::build().await;
    let (mut wrong, mut cells) = (Vec::new(), 0);
    for row in table() {
        house.begin(row.rpc, row.side).await;
        for ((role, who), expected) in ROLES.into_iter().zip(row.cells) {
            cells += 1;
            let got = house.call(who).await;
            if got != expected {
                wrong.push(format!("{} of {:?} by {role}: {got}, not {expected}", row.rpc, row.side));
            }
        }
        house.end().await;
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
}
