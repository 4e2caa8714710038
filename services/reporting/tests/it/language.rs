//! The language check (SOP 4.3, SOP 4.4).

use contracts::{
    client_registry::v1::{JargonTerm, ReadingLevel},
    reporting::v1::{CheckTextRequest, CheckedLanguage, LanguageOverride, ReportState},
};
use testkit::TestDatabase;
use tonic::Code;

use crate::support::*;

testkit::both_databases!(SETS;
    jargon_blocks_a_submission_with_its_place_and_a_suggestion,
    an_override_with_a_reason_lets_it_through_and_is_recorded,
    what_the_client_knows_blocks_nothing,
    what_the_firm_bans_blocks,
    another_language_is_recorded_as_not_checked,
    a_dry_run_is_for_whoever_may_write,
);

const JARGON: &str = "We will leverage the new pump, and you failed to send the form.";

fn over(rule: &str, words: &str) -> LanguageOverride {
    LanguageOverride {
        rule: rule.into(),
        words: words.into(),
        reason: "The client calls it so.".into(),
        ..LanguageOverride::default()
    }
}

async fn jargon_blocks_a_submission_with_its_place_and_a_suggestion(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.written(JARGON).await;
    let answer = world.submit(BEN, &report.name, Vec::new()).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "LANGUAGE_BLOCKED".into()));
    assert_eq!(faults(world.submit(BEN, &report.name, Vec::new()).await), ["text[8:16]", "text[35:48]"]);
    let now = world.report(&report.name).await;
    assert_eq!((now.state(), now.submissions.len()), (ReportState::Draft, 0));
    let mended = world.write(BEN, &now, "We will use the new pump. The form is still missing.").await.unwrap();
    assert_eq!(world.submit(BEN, &mended.name, Vec::new()).await.unwrap().state(), ReportState::Submitted);
}

async fn an_override_with_a_reason_lets_it_through_and_is_recorded(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.written(JARGON).await;
    let half = vec![over("JARGON", "leverage")];
    assert_eq!(faults(world.submit(BEN, &report.name, half).await), ["text[35:48]"]);
    let idle = vec![over("JARGON", "leverage"), over("BLAMING", "you failed to"), over("RUDE", "idiot")];
    let answer = world.submit(BEN, &report.name, idle).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "OVERRIDE_WITHOUT_FINDING".into()));
    let both = vec![over("JARGON", "Leverage"), over("BLAMING", "you failed to")];
    let submitted = world.submit(BEN, &report.name, both).await.unwrap();
    let submission = &submitted.submissions[0];
    assert_eq!((submission.overrides.len(), submission.overrides[0].person.as_str()), (2, BEN));
    assert_eq!(time(submission.overrides[0].time), at(MONDAY));
    assert_eq!(submission.overrides[0].reason, "The client calls it so.");
    let check = submission.check.as_ref().unwrap();
    assert_eq!(
        (check.language(), check.reading_level.as_str(), check.policy_version),
        (CheckedLanguage::English, "GENERAL", 1)
    );
    assert_eq!(check.findings.iter().filter(|finding| finding.blocks).count(), 2);
}

async fn what_the_client_knows_blocks_nothing(db: TestDatabase) {
    let world = World::new(db).await;
    let client = world.neighbours.state().clients[ACME].clone();
    let client = contracts::client_registry::v1::Client {
        glossary: vec!["leverage".into()],
        reading_level: ReadingLevel::Expert.into(),
        ..client
    };
    world.neighbours.state().clients.insert(ACME.into(), client);
    let report = world.written("The leverage of the fund is low this week.").await;
    let submitted = world.submit(BEN, &report.name, Vec::new()).await.unwrap();
    let check = submitted.submissions[0].check.clone().unwrap();
    assert_eq!((check.reading_level.as_str(), check.glossary), ("EXPERT", vec!["leverage".to_owned()]));
}

async fn what_the_firm_bans_blocks(db: TestDatabase) {
    let world = World::new(db).await;
    let jargon = vec![JargonTerm { term: "big rocks".into(), suggestion: "main tasks".into() }];
    if let Some(policy) = &mut world.neighbours.state().policy {
        policy.jargon = jargon;
    }
    let report = world.written("These are the big rocks of this week.").await;
    assert_eq!(refused(world.submit(BEN, &report.name, Vec::new()).await).1, "LANGUAGE_BLOCKED");
}

async fn another_language_is_recorded_as_not_checked(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.written("Wir haben die Formulare am Dienstag an Sie gesendet, wie es vereinbart war.").await;
    let submitted = world.submit(BEN, &report.name, Vec::new()).await.unwrap();
    assert_eq!(submitted.submissions[0].check.as_ref().unwrap().language(), CheckedLanguage::NotChecked);
}

async fn a_dry_run_is_for_whoever_may_write(db: TestDatabase) {
    let world = World::new(db).await;
    let request = CheckTextRequest { client: ACME.into(), text: JARGON.into() };
    let check = world.as_(CARLA).check_text(request.clone()).await.unwrap().into_inner().check.unwrap();
    let found: Vec<_> =
        check.findings.iter().map(|one| (one.rule.as_str(), one.words.as_str(), one.clause.as_str())).collect();
    assert_eq!(found, [("JARGON", "leverage", "4.3"), ("BLAMING", "you failed to", "4.4")]);
    assert_eq!(refused(world.as_(OLGA).check_text(request.clone()).await).0, Code::NotFound);
    assert_eq!(refused(world.as_(AUDITOR).check_text(request).await).0, Code::PermissionDenied);
}
