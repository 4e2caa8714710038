//! Both sides, two people, one revision (SOP 8.4).

use contracts::escalation::v1::{
    Case, CaseKind, CaseState, ClockState, RecordClientConfirmationRequest, RejectResolutionRequest, Side, TimelineKind,
};
use testkit::TestDatabase;
use tonic::{Code, Status};

use crate::support::*;

testkit::both_databases!(SETS;
    a_case_closes_when_a_contact_and_a_member_of_staff_confirm_the_same_revision,
    each_refusal_has_its_reason,
    a_new_proposal_needs_both_confirmations_afresh,
    a_confirmation_by_phone_is_recorded_with_its_evidence_and_its_recorder_cannot_stand_for_the_firm,
    only_a_contact_who_may_confirm_is_recorded,
    a_contact_of_another_client_cannot_be_recorded,
    the_client_rejects_or_whoever_of_the_team_heard_it,
);

async fn record(world: &World, recorder: &str, case: &str, contact: &str) -> Result<Case, Status> {
    let request = RecordClientConfirmationRequest {
        name: case.into(),
        proposal_revision: 1,
        contact: contact.into(),
        evidence: "called +44 20 7946 0000 on Monday at noon".into(),
        request_id: String::new(),
    };
    Ok(world.as_(recorder).record_client_confirmation(request).await?.into_inner().case.unwrap())
}

async fn a_case_closes_when_a_contact_and_a_member_of_staff_confirm_the_same_revision(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    assert_eq!(
        (case.state(), case.proposal.as_ref().unwrap().text.as_str()),
        (CaseState::ResolutionProposed, "We replace the pump on Friday.")
    );
    let once = world.confirm(CARLA, &case.name, 1).await.unwrap();
    assert_eq!(once.state(), CaseState::ResolutionProposed);
    let closed = world.confirm(ANNA, &case.name, 1).await.unwrap();
    assert_eq!((closed.state(), closed.clocks[0].state()), (CaseState::Closed, ClockState::Ended));
    assert_eq!(time(closed.close_time), at(MONDAY));
    let sides: Vec<_> = closed
        .proposal
        .unwrap()
        .confirmations
        .iter()
        .map(|confirmation| (confirmation.side(), confirmation.person.clone()))
        .collect();
    assert_eq!(sides, [(Side::Client, CARLA.to_owned()), (Side::Firm, ANNA.to_owned())]);
    assert_eq!(
        world.told().await,
        ["CaseOpened", "ResolutionProposed", "ResolutionConfirmed", "ResolutionConfirmed", "CaseClosed"]
    );
}

async fn each_refusal_has_its_reason(db: TestDatabase) {
    let world = World::new(db).await;
    let state = |reason: &str| (Code::FailedPrecondition, reason.to_owned());
    let inquiry = world.open(CARLA, CaseKind::Inquiry).await;
    assert_eq!(refused(world.confirm(ANNA, &inquiry.name, 1).await), state("NOT_AN_ISSUE"));
    let issue = world.open(CARLA, CaseKind::Issue).await;
    assert_eq!(refused(world.confirm(ANNA, &issue.name, 1).await), state("NO_PROPOSAL"));
    world.propose(&issue.name, "one").await;
    let case = world.propose(&issue.name, "two").await;
    assert_eq!(refused(world.confirm(ANNA, &case.name, 1).await), state("PROPOSAL_REVISED"));
    assert_eq!(refused(world.confirm(ANNA, &case.name, 3).await), state("NO_PROPOSAL"));
    world.confirm(ANNA, &case.name, 2).await.unwrap();
    assert_eq!(refused(world.confirm(ANNA, &case.name, 2).await), state("ALREADY_CONFIRMED"));
    assert_eq!(refused(world.confirm(BEN, &case.name, 2).await), state("SIDE_ALREADY_CONFIRMED"));
    assert_eq!(refused(world.confirm(SAM, &case.name, 2).await).0, Code::NotFound);
    world.confirm(CARLA, &case.name, 2).await.unwrap();
    assert_eq!(refused(world.confirm(BEN, &case.name, 2).await), state("CASE_CLOSED"));
}

async fn a_new_proposal_needs_both_confirmations_afresh(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    world.confirm(CARLA, &case.name, 1).await.unwrap();
    let again = world.propose(&case.name, "We replace the pump on Thursday.").await;
    let proposal = again.proposal.unwrap();
    assert_eq!((proposal.revision, proposal.confirmations.len()), (2, 0));
    assert_eq!(world.confirm(ANNA, &case.name, 2).await.unwrap().state(), CaseState::ResolutionProposed);
    assert_eq!(world.confirm(CARLA, &case.name, 2).await.unwrap().state(), CaseState::Closed);
}

async fn a_confirmation_by_phone_is_recorded_with_its_evidence_and_its_recorder_cannot_stand_for_the_firm(
    db: TestDatabase,
) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    let recorded = record(&world, ANNA, &case.name, CARLA).await.unwrap();
    let confirmation = &recorded.proposal.unwrap().confirmations[0];
    assert_eq!((confirmation.person.as_str(), confirmation.recorder.as_str()), (CARLA, ANNA));
    let entry = &world.entries(&case.name, TimelineKind::ResolutionConfirmed).await[0];
    assert_eq!((entry.actor.as_str(), entry.reason.as_str()), (ANNA, "RECORDED_BY_STAFF"));
    assert!(entry.text.contains("called"));
    let own = refused(world.confirm(ANNA, &case.name, 1).await);
    assert_eq!(own, (Code::FailedPrecondition, "RECORDER_CANNOT_CONFIRM".into()));
    assert_eq!(world.confirm(BEN, &case.name, 1).await.unwrap().state(), CaseState::Closed);
}

async fn only_a_contact_who_may_confirm_is_recorded(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    let cannot = refused(record(&world, ANNA, &case.name, COLIN).await);
    assert_eq!(cannot, (Code::FailedPrecondition, "CONTACT_CANNOT_CONFIRM".into()));
    let nobody = refused(record(&world, ANNA, &case.name, "clients/acme/contacts/nobody").await);
    assert_eq!(nobody, (Code::NotFound, "CONTACT_NOT_FOUND".into()));
    world.registry.put_contact(CARLA, true, true);
    assert_eq!(refused(record(&world, ANNA, &case.name, CARLA).await).1, "CONTACT_CANNOT_CONFIRM", "she has left");
    world.registry.is_down(true);
    assert_eq!(refused(record(&world, ANNA, &case.name, CARLA).await).1, "REGISTRY_UNAVAILABLE");
}

async fn a_contact_of_another_client_cannot_be_recorded(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    let foreign = refused(record(&world, ANNA, &case.name, SAM).await);
    assert_eq!(foreign, (Code::InvalidArgument, "CONTACT_OF_ANOTHER_CLIENT".into()));
}

async fn the_client_rejects_or_whoever_of_the_team_heard_it(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    let reject = async |person: &str| {
        let request = RejectResolutionRequest {
            name: case.name.clone(),
            proposal_revision: 1,
            reason: "it still leaks".into(),
            request_id: String::new(),
        };
        world.as_(person).reject_resolution(request).await
    };
    for foreign in [SAM, OLGA] {
        assert_eq!(refused(reject(foreign).await).0, Code::NotFound, "{foreign}");
    }
    let rejected = reject(CARLA).await.unwrap().into_inner().case.unwrap();
    assert_eq!(rejected.state(), CaseState::Unresolved);
    assert_eq!(refused(reject(CARLA).await), (Code::FailedPrecondition, "NO_PROPOSAL".into()));
    let entry = &world.entries(&case.name, TimelineKind::ResolutionRejected).await[0];
    assert_eq!((entry.actor.as_str(), entry.text.as_str()), (CARLA, "it still leaks"));
    world.propose(&case.name, "We replaced the seal.").await;
    let request = RejectResolutionRequest {
        name: case.name.clone(),
        proposal_revision: 2,
        reason: "Carla wrote that it leaks again".into(),
        request_id: String::new(),
    };
    world.as_(ANNA).reject_resolution(request).await.unwrap();
    assert_eq!(world.entries(&case.name, TimelineKind::ResolutionRejected).await[1].actor, ANNA);
}
