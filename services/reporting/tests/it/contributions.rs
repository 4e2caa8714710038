//! What the team adds (SOP 9).

use contracts::reporting::v1::{ContributionRequested, GiveContributionRequest, Report, RequestContributionRequest};
use testkit::TestDatabase;
use tonic::{Code, Status};

use crate::support::*;

testkit::both_databases!(SETS;
    a_contribution_is_added_to_the_draft_in_the_name_of_whoever_gave_it,
    only_the_one_who_was_asked_gives_it_and_once,
    nobody_is_asked_who_does_not_work_for_the_client,
);

async fn ask(world: &World, report: &Report, staff: &str) -> Result<Report, Status> {
    let request = RequestContributionRequest {
        name: report.name.clone(),
        staff: staff.into(),
        question: "How far is the pump?".into(),
        request_id: String::new(),
    };
    Ok(world.as_(ANNA).request_contribution(request).await?.into_inner().report.unwrap())
}

async fn give(world: &World, person: &str, report: &Report) -> Result<Report, Status> {
    let request = GiveContributionRequest {
        name: report.name.clone(),
        contribution: report.contributions[0].contribution.clone(),
        text: "The pump is built in and runs.".into(),
        request_id: String::new(),
    };
    Ok(world.as_(person).give_contribution(request).await?.into_inner().report.unwrap())
}

async fn a_contribution_is_added_to_the_draft_in_the_name_of_whoever_gave_it(db: TestDatabase) {
    let world = World::new(db).await;
    let draft = world.draft("2026-W11").await;
    let asked = ask(&world, &draft, CARLA).await.unwrap();
    assert_eq!(asked.contributions[0].question, "How far is the pump?");
    let told = &world.events::<ContributionRequested>().await[0];
    assert_eq!(
        (told.staff.as_str(), told.contribution.as_str()),
        (CARLA, asked.contributions[0].contribution.as_str())
    );
    let given = give(&world, CARLA, &asked).await.unwrap();
    assert!(given.text.starts_with(draft.text.trim_end()), "{}", given.text);
    assert!(given.text.ends_with("\n\n# From Carla Ruiz\n\nThe pump is built in and runs."), "{}", given.text);
    assert_eq!(given.contributions[0].text, "The pump is built in and runs.");
    assert_eq!((given.text_version, given.versions[1].author.as_str()), (2, CARLA));
}

async fn only_the_one_who_was_asked_gives_it_and_once(db: TestDatabase) {
    let world = World::new(db).await;
    let draft = world.draft("2026-W11").await;
    let asked = ask(&world, &draft, CARLA).await.unwrap();
    for person in [ANNA, BEN, BOSS] {
        assert_eq!(refused(give(&world, person, &asked).await), (Code::PermissionDenied, "NOT_ASKED".into()));
    }
    give(&world, CARLA, &asked).await.unwrap();
    assert_eq!(refused(give(&world, CARLA, &asked).await), (Code::FailedPrecondition, "ALREADY_GIVEN".into()));
}

async fn nobody_is_asked_who_does_not_work_for_the_client(db: TestDatabase) {
    let world = World::new(db).await;
    let draft = world.draft("2026-W11").await;
    for stranger in [OLGA, "staff/nobody", AUDITOR] {
        let answer = ask(&world, &draft, stranger).await;
        assert_eq!(refused(answer), (Code::FailedPrecondition, "NOT_ON_TEAM".into()), "{stranger}");
    }
}
