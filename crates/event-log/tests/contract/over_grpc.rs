//! EventLogService: what it answers, and a reader that asks over it.

use std::sync::Arc;

use contracts::event::v1::{
    ReplayEventsRequest, event_log_service_client::EventLogServiceClient,
    event_log_service_server::EventLogServiceServer,
};
use event_log::{EventLogs, Replayer};

use crate::support::{PRODUCER, Profile, World, run};

const PROFILE: Profile = Profile::InProcessOnSqlite;

fn client(world: &World) -> EventLogServiceClient<EventLogServiceServer<EventLogs>> {
    EventLogServiceClient::new(EventLogServiceServer::new(event_log::service(vec![world.log.clone()])))
}

#[test]
fn a_reader_may_ask_its_producer_over_grpc() {
    run(PROFILE, |world| async move {
        let relay = world.relay();
        world.tell_many(&["a", "b"], 20).await;
        world.relayed().await;
        relay.stop().await;
        world.flush().await;
        let _reader = world.reader_asking(Arc::new(client(&world)));
        world.settle().await;
        world.kept().await;
    });
}

#[test]
fn a_stream_that_does_not_run_here_is_not_found() {
    run(PROFILE, |world| async move {
        let request = ReplayEventsRequest { service: "notification".into(), ..Default::default() };
        let status = client(&world).replay_events(request).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::NotFound);
        assert_eq!(refusal::reason(&status).unwrap(), "STREAM_NOT_HERE");
        let asked = Replayer::replay(&client(&world), "notification", 1, 0, 0).await;
        assert!(matches!(asked, Err(event_log::Error::Replay(_))));
    });
}

#[test]
fn several_logs_of_a_process_are_told_apart_by_their_service() {
    run(PROFILE, |world| async move {
        let _relay = world.relay();
        world.tell("a").await;
        world.relayed().await;
        let logs = vec![world.log.clone()];
        assert_eq!(logs.replay(PRODUCER, 1, 0, 0).await.unwrap().events.len(), 1);
        assert!(matches!(logs.replay("other", 1, 0, 0).await, Err(event_log::Error::StreamNotHere(_))));
        let request = ReplayEventsRequest { service: PRODUCER.into(), ..Default::default() };
        let answer = client(&world).replay_events(request).await.unwrap().into_inner();
        assert_eq!((answer.incarnation, answer.last_position, answer.events.len()), (1, 1, 1));
    });
}
