//! SOP 7: only authorised people get at a client's data, each look at it is on record, and so is each that was refused.

use evidence::audit_file::FileOutcome;
use liaison_tests::{Firm, JO, KIM};
use serde_json::{Value, json};
use testkit::tokens;

/// What there is of acme, by name: an inquiry, its mail and a reply to it.
async fn of_acme(firm: &Firm) -> (Value, Value, Value) {
    let mail = firm.mail(JO, "The timetable", "When?").await;
    let case = firm.case_of(&mail).await["name"].clone();
    let reply = firm.reply("staff/anna", &case).await;
    (case, mail["name"].clone(), reply["name"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_of_another_clients_team_read_nothing_of_this_one() {
    let firm = Firm::start().await;
    let (case, mail, reply) = of_acme(&firm).await;
    for who in ["staff/gina", "staff/frank", "clients/bluewater/contacts/kim"] {
        let staff = who.starts_with("staff/");
        for (method, request, open_to_contacts) in [
            ("CaseService/GetCase", json!({ "name": case }), true),
            ("CaseService/PreviewCase", json!({ "name": case }), true),
            ("CaseService/ListTimelineEntries", json!({ "parent": case }), false),
            ("CaseService/ExportTimeline", json!({ "name": case }), false),
            ("InboundService/GetMail", json!({ "name": mail }), false),
            ("NotificationService/GetNotification", json!({ "name": reply }), false),
            ("ClientService/GetClient", json!({ "name": "clients/acme" }), false),
            ("ContactService/GetContact", json!({ "name": "clients/acme/contacts/jo" }), false),
            ("ContactService/ListContacts", json!({ "parent": "clients/acme" }), false),
            ("EngagementService/GetEngagement", json!({ "name": "clients/acme/engagements/migration" }), false),
            ("EngagementService/ListEngagements", json!({ "parent": "clients/acme" }), false),
        ] {
            let reason = firm.refused(who, method, request).await;
            let expected = if staff || open_to_contacts { "NOT_FOUND" } else { "NO_PERMISSION" };
            assert_eq!(reason, expected, "{who} {method}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anothers_is_told_just_as_what_is_not_there() {
    let firm = Firm::start().await;
    let (case, ..) = of_acme(&firm).await;
    let there = firm.call("staff/gina", "CaseService/GetCase", json!({ "name": case })).await.unwrap_err();
    let nowhere = json!("cases/00000000-0000-7000-8000-000000000000");
    let not_there = firm.call("staff/gina", "CaseService/GetCase", json!({ "name": nowhere })).await.unwrap_err();
    let id = |name: &Value| name.as_str().unwrap().to_owned();
    assert_eq!(there.message.replace(&id(&case), ""), not_there.message.replace(&id(&nowhere), ""));
    assert_eq!((there.code, there.reason), (not_there.code, not_there.reason));
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_of_another_clients_team_change_nothing_of_this_one() {
    let firm = Firm::start().await;
    let (case, ..) = of_acme(&firm).await;
    let (issue, before) = (firm.issue().await, firm.case(&case).await);
    firm.propose("staff/anna", &issue).await;
    for (method, request) in [
        ("CaseService/RaiseIssue", json!({ "name": case, "reason": "x" })),
        ("CaseService/AcknowledgeCase", json!({ "name": issue })),
        ("CaseService/EscalateCase", json!({ "name": issue, "reason": "x" })),
        ("CaseService/ProposeResolution", json!({ "name": issue, "text": "x" })),
        ("CaseService/ConfirmResolution", json!({ "name": issue, "proposalRevision": 1 })),
        (
            "CaseService/GiveLatenessReason",
            json!({ "name": case, "clock": "CLOCK_KIND_FIRST_RESPONSE", "reason": "x" }),
        ),
    ] {
        assert_eq!(firm.refused("staff/gina", method, request).await, "NOT_FOUND", "{method}");
    }
    let open = json!({ "case": { "client": "clients/acme", "kind": "CASE_KIND_ISSUE", "subject": "x" } });
    assert_eq!(firm.refused("staff/gina", "CaseService/OpenCase", open).await, "CLIENT_NOT_FOUND");
    assert_eq!(firm.case(&case).await, before);
    assert_eq!(firm.case(&issue).await["proposal"].get("confirmations"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_of_another_clients_team_list_nothing_of_this_one() {
    let firm = Firm::start().await;
    of_acme(&firm).await;
    let own = firm.inquiry_from(KIM).await;
    for (method, field, rows) in [
        ("CaseService/ListCases", "cases", 1),
        ("InboundService/ListMails", "mails", 1),
        ("NotificationService/ListNotifications", "notifications", 1),
        ("ClientService/ListClients", "clients", 1),
    ] {
        let all = firm.ok("staff/gina", method, json!({})).await;
        let listed = all[field].as_array().cloned().unwrap_or_default();
        assert_eq!(listed.len(), rows, "{method}: {all}");
        assert!(!all.to_string().contains("clients/acme"), "{method}: {all}");
    }
    for method in ["CaseService/ListCases", "InboundService/ListMails", "NotificationService/ListNotifications"] {
        let acmes = firm.ok("staff/gina", method, json!({ "client": "clients/acme" })).await;
        assert_eq!(acmes, json!({}), "{method}");
    }
    let of_a_contact = firm.ok("clients/bluewater/contacts/kim", "CaseService/ListCases", json!({})).await;
    assert_eq!(of_a_contact["cases"][0]["name"], own);
    assert_eq!(of_a_contact["cases"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_of_another_clients_team_watch_nothing_of_this_one() {
    let firm = Firm::start().await;
    let mut cases = firm.watch("staff/gina", "CaseService/WatchCases", json!({})).await;
    let mut deliveries = firm.watch("staff/gina", "NotificationService/WatchDeliveries", json!({})).await;
    let mut all = firm.watch("staff/grace", "CaseService/WatchCases", json!({})).await;
    of_acme(&firm).await;
    let own = firm.inquiry_from(KIM).await;
    firm.reply("staff/gina", &own).await;
    of_acme(&firm).await;
    let last = firm.inquiry_from(KIM).await;
    firm.reply("staff/frank", &last).await;

    let answered = |message: &Value| message["event"] == "CaseResponded" && message["case"] == last;
    let seen = cases.up_to(answered).await;
    let events: Vec<_> = seen.iter().map(|message| message["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["CaseOpened", "CaseResponded", "CaseOpened", "CaseResponded"]);
    assert!(seen.iter().all(|message| message["client"] == "clients/bluewater"), "{seen:#?}");
    let replied = |message: &Value| {
        let handed_over = message["state"] == "NOTIFICATION_STATE_HANDED_OVER";
        handed_over && message["kind"] == "NOTIFICATION_KIND_REPLY" && message["case"] == last
    };
    let seen = deliveries.up_to(replied).await;
    assert!(seen.iter().all(|message| message["client"] == "clients/bluewater"), "{seen:#?}");
    let seen = all.up_to(answered).await;
    let of_acme = seen.iter().filter(|message| message["client"] == "clients/acme").count();
    assert_eq!(of_acme, 4, "management did see it: {seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_triage_is_seen_by_intake_and_management_alone() {
    let firm = Firm::start().await;
    let mail = firm.mail("r.quill@elsewhere.example", "Hello", "It is me.").await;
    for who in ["staff/ivan", "staff/grace"] {
        firm.ok(who, "InboundService/GetMail", json!({ "name": mail["name"] })).await;
        let listed = firm.ok(who, "InboundService/ListMails", json!({ "state": "MAIL_STATE_IN_TRIAGE" })).await;
        assert_eq!(listed["mails"][0]["name"], mail["name"], "{who}");
    }
    for who in ["staff/anna", "staff/gina"] {
        assert_eq!(firm.refused(who, "InboundService/GetMail", json!({ "name": mail["name"] })).await, "NOT_FOUND");
        assert_eq!(firm.ok(who, "InboundService/ListMails", json!({})).await, json!({}));
        let dismissal = json!({ "name": mail["name"], "reason": "x" });
        assert_eq!(firm.refused(who, "InboundService/DismissMail", dismissal).await, "NO_PERMISSION");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_a_forged_expired_or_foreign_token_or_with_none_is_refused() {
    let firm = Firm::start().await;
    let genuine = firm.suite().token("staff/anna").unwrap();
    let parts: Vec<_> = genuine.split('.').map(str::to_owned).collect();
    // Signed by a key that is not the issuer's, in the issuer's name; and a genuine one with somebody else's words in it.
    let foreign = tokens().of("staff/grace");
    let words = foreign.split('.').nth(1).unwrap();
    let altered = format!("{}.{words}.{}", parts[0], parts[2]);
    let issuer = access::TrialIssuer::internal(std::sync::Arc::new(business_time::WallClock)).unwrap();
    let service = access::Principal::parse("services/notification").unwrap();
    let unknown = issuer.mint(&service, std::time::Duration::from_secs(60)).unwrap();
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    let expired = firm.expired_token("staff/anna");
    for (what, token, reason) in [
        ("none", None, "NO_TOKEN"),
        ("no token at all", Some("anna"), "BAD_TOKEN"),
        ("forged: a foreign key", Some(foreign.as_str()), "BAD_TOKEN"),
        ("forged: other words", Some(altered.as_str()), "BAD_TOKEN"),
        ("forged: no signature", Some(unsigned.as_str()), "BAD_TOKEN"),
        ("expired", Some(expired.as_str()), "TOKEN_EXPIRED"),
        ("foreign", Some(unknown.as_str()), "UNKNOWN_ISSUER"),
    ] {
        for method in ["CaseService/ListCases", "ClientService/ListClients", "AccessService/WhoAmI"] {
            let refused = firm.call_with(token, method, json!({})).await.unwrap_err();
            assert_eq!(
                (refused.code.as_str(), refused.reason.as_str()),
                ("UNAUTHENTICATED", reason),
                "{what}: {method}"
            );
        }
    }
    firm.call_with(Some(&genuine), "CaseService/ListCases", json!({})).await.unwrap();
    let nobody = firm.suite().token("staff/nobody").unwrap();
    let refused = firm.call_with(Some(&nobody), "CaseService/ListCases", json!({})).await.unwrap_err();
    assert_eq!(refused.reason, "UNKNOWN_PERSON", "a genuine token of somebody whom the firm does not know");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_read_of_personal_data_is_on_record_and_a_basic_view_is_none() {
    let firm = Firm::start().await;
    let (case, mail, reply) = of_acme(&firm).await;
    let (client, contact) = (json!("clients/acme"), json!("clients/acme/contacts/jo"));
    for (service, method, request, named) in [
        ("escalation", "CaseService/GetCase", json!({ "name": case }), &case),
        ("escalation", "CaseService/ListCases", json!({}), &case),
        ("escalation", "CaseService/ListTimelineEntries", json!({ "parent": case }), &case),
        ("notification", "InboundService/GetMail", json!({ "name": mail }), &mail),
        ("notification", "InboundService/ListMails", json!({}), &mail),
        ("notification", "NotificationService/GetNotification", json!({ "name": reply }), &reply),
        ("client-registry", "ClientService/GetClient", json!({ "name": client }), &client),
        ("client-registry", "ContactService/ListContacts", json!({ "parent": client }), &contact),
    ] {
        firm.ok("staff/carla", method, request).await;
        let row = firm.audited(service, |row| row.actor == "staff/carla" && row.action.ends_with(method)).await;
        assert_eq!(row.outcome, FileOutcome::Read, "{method}");
        assert!(row.resources.iter().any(|name| *name == named.as_str().unwrap()), "{method}: {row:?}");
        let told = format!("{row:?}").to_lowercase();
        assert!(!told.contains("marsh") && !told.contains("timetable"), "names only, no words: {told}");
    }
    let basic = json!({ "name": client, "view": "VIEW_BASIC" });
    let seen = firm.ok("staff/ben", "ClientService/GetClient", basic).await;
    assert_eq!(seen["client"].get("displayName"), None, "{seen}");
    let rows = firm.audit("client-registry").await;
    assert_eq!(rows.rows().filter(|row| row.actor == "staff/ben").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_is_on_record_with_its_reason() {
    let firm = Firm::start().await;
    let issue = firm.issue().await;
    for (who, service, method, request, reason) in [
        ("staff/gina", "escalation", "CaseService/AcknowledgeCase", json!({ "name": issue }), "NOT_FOUND"),
        ("staff/olga", "escalation", "CaseService/AcknowledgeCase", json!({ "name": issue }), "NO_PERMISSION"),
        ("staff/nobody", "escalation", "CaseService/ListCases", json!({}), "UNKNOWN_PERSON"),
        (
            "staff/anna",
            "notification",
            "InboundService/DismissMail",
            json!({ "name": "mails/x", "reason": "x" }),
            "NO_PERMISSION",
        ),
        ("staff/anna", "client-registry", "StaffService/ListStaff", json!({}), "NO_PERMISSION"),
        (
            "staff/anna",
            "escalation",
            "CaseService/RaiseIssue",
            json!({ "name": issue, "reason": "x" }),
            "ALREADY_AN_ISSUE",
        ),
    ] {
        assert_eq!(firm.refused(who, method, request).await, reason, "{who} {method}");
        let row = firm.audited(service, |row| row.actor == who && row.action.ends_with(method)).await;
        assert_eq!((row.outcome, row.reason.as_str()), (FileOutcome::Refused, reason), "{who} {method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_everything_and_changes_nothing() {
    let firm = Firm::start().await;
    let (case, mail, reply) = of_acme(&firm).await;
    let issue = firm.issue().await;
    firm.propose("staff/anna", &issue).await;
    for (method, request) in [
        ("CaseService/GetCase", json!({ "name": case })),
        ("CaseService/ListTimelineEntries", json!({ "parent": case })),
        ("CaseService/ExportTimeline", json!({ "name": case })),
        ("InboundService/GetMail", json!({ "name": mail })),
        ("NotificationService/GetNotification", json!({ "name": reply })),
        ("ClientService/GetClient", json!({ "name": "clients/bluewater" })),
        ("ContactService/ListContacts", json!({ "parent": "clients/hikari" })),
        ("StaffService/ListStaff", json!({})),
        ("PolicyService/ListPolicies", json!({})),
        ("AuditService/Verify", json!({ "service": "notification" })),
    ] {
        firm.ok("staff/olga", method, request).await;
    }
    let before = firm.case(&issue).await;
    let message = json!({ "client": "clients/acme", "case": case, "nature": "MESSAGE_NATURE_REPLY", "text": "x" });
    let client = json!({ "name": "clients/acme", "displayName": "x", "calendar": "calendars/tokyo", "accountManager": "staff/anna" });
    for (method, request) in [
        ("CaseService/AcknowledgeCase", json!({ "name": issue })),
        ("CaseService/EscalateCase", json!({ "name": issue, "reason": "x" })),
        ("CaseService/ConfirmResolution", json!({ "name": issue, "proposalRevision": 1 })),
        ("CaseService/RaiseIssue", json!({ "name": case, "reason": "x" })),
        ("NotificationService/SendMessage", message),
        ("InboundService/DismissMail", json!({ "name": mail, "reason": "x" })),
        ("ClientService/UpdateClient", json!({ "client": client })),
        ("ClientService/TransferAccount", json!({ "name": "clients/acme", "accountManager": "staff/olga" })),
        ("StaffService/DeactivateStaff", json!({ "name": "staff/anna" })),
    ] {
        let reason = firm.refused("staff/olga", method, request).await;
        assert!(["NO_PERMISSION", "NOT_FOUND"].contains(&reason.as_str()), "{method}: {reason}");
    }
    assert_eq!(firm.case(&issue).await, before);
}
