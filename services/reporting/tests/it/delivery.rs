//! What becomes of an approved report.

use contracts::reporting::v1::{DeliveryOutcome, ReportApproved, ReportDelivered, ReportDeliveryFailed, ReportState};
use testkit::TestDatabase;
use tonic::Code;

use crate::support::*;

testkit::both_databases!(SETS;
    it_is_delivered_when_every_recipients_mail_was_handed_over,
    where_one_recipient_cannot_have_it_the_delivery_has_failed_and_a_new_version_can_go_to_others,
);

async fn it_is_delivered_when_every_recipients_mail_was_handed_over(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.approved().await;
    let told = &world.events::<ReportApproved>().await[0];
    assert_eq!((told.text_version, told.approver.as_str()), (report.text_version, ANNA));
    assert_eq!(told.recipients, [JO, SAM]);
    world.handed_over(&report.name, JO, "2026-03-09T10:16:00Z").await;
    let half = world.report(&report.name).await;
    assert_eq!(half.state(), ReportState::Approved);
    let outcomes: Vec<_> = half.deliveries.iter().map(|one| one.outcome()).collect();
    assert_eq!(outcomes, [DeliveryOutcome::Delivered, DeliveryOutcome::Unspecified]);
    world.handed_over(&report.name, SAM, "2026-03-09T10:17:00Z").await;
    world.handed_over(&report.name, SAM, "2026-03-09T10:19:00Z").await;
    let all = world.report(&report.name).await;
    assert_eq!((all.state(), time(all.deliver_time)), (ReportState::Delivered, at("2026-03-09T10:17:00Z")));
    assert_eq!(all.deliveries[1].notification, "notifications/sam");
    assert_eq!(world.events::<ReportDelivered>().await.len(), 1);
    assert_eq!(refused(world.write(BEN, &all, PLAIN).await), (Code::FailedPrecondition, "REPORT_DELIVERED".into()));
}

async fn where_one_recipient_cannot_have_it_the_delivery_has_failed_and_a_new_version_can_go_to_others(
    db: TestDatabase,
) {
    let world = World::new(db).await;
    let report = world.approved().await;
    world.blocked(&report.name, JO).await;
    world.handed_over(&report.name, SAM, "2026-03-09T10:17:00Z").await;
    let failed = world.report(&report.name).await;
    assert_eq!(failed.state(), ReportState::DeliveryFailed);
    assert_eq!(
        (failed.deliveries[0].outcome(), failed.deliveries[0].reason.as_str()),
        (DeliveryOutcome::Blocked, "RECIPIENT_INACTIVE")
    );
    assert_eq!(world.events::<ReportDeliveryFailed>().await[0].reason, "RECIPIENT_INACTIVE");
    let request = contracts::reporting::v1::UpdateReportRequest {
        name: failed.name.clone(),
        text: PLAIN.into(),
        etag: failed.etag.clone(),
        recipients: vec![SAM.into()],
        ..Default::default()
    };
    let again = world.as_(BEN).update_report(request).await.unwrap().into_inner().report.unwrap();
    assert_eq!((again.state(), again.recipients), (ReportState::Draft, vec![SAM.to_owned()]));
}
