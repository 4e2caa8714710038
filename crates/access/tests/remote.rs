//! Decisions asked of the registry over its contract.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use access::{DecisionError, Decisions, Grants, HeldRole, Principal, RemoteDecisions, Role};
use async_trait::async_trait;
use contracts::client_registry::v1::{
    GetGrantsRequest, GetGrantsResponse, WhoAmIRequest, WhoAmIResponse,
    access_service_server::{AccessService, AccessServiceServer},
};
use tonic::{Request, Response, Status};

struct Registry;

fn anna() -> Grants {
    Grants::of_roles([HeldRole { role: Role::AccountManager, client: Some("clients/acme".into()) }])
}

#[async_trait]
impl AccessService for Registry {
    async fn who_am_i(&self, _: Request<WhoAmIRequest>) -> Result<Response<WhoAmIResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_grants(&self, request: Request<GetGrantsRequest>) -> Result<Response<GetGrantsResponse>, Status> {
        let name = request.into_inner().principal;
        let principal = Principal::parse(&name).unwrap();
        let grants = match name.as_str() {
            "staff/anna" => Some(anna().to_wire(&principal)),
            "staff/gone" => Some(Grants::inactive().to_wire(&principal)),
            "staff/silence" => None,
            "staff/down" => return Err(Status::unavailable("")),
            _ => return Err(Status::not_found("")),
        };
        Ok(Response::new(GetGrantsResponse { grants }))
    }
}

#[tokio::test]
async fn the_registrys_answer_is_told_as_it_is_and_its_silence_denies_nobody() {
    let decisions = RemoteDecisions::new(AccessServiceServer::new(Registry));
    let ask = async |name: &str| decisions.grants(&Principal::parse(name).unwrap()).await;
    assert_eq!(ask("staff/anna").await, Ok(Arc::new(anna())));
    assert_eq!(ask("staff/gone").await, Ok(Arc::new(Grants::inactive())));
    assert_eq!(ask("staff/nobody").await, Err(DecisionError::Unknown));
    for name in ["staff/down", "staff/silence"] {
        assert_eq!(ask(name).await, Err(DecisionError::Unavailable), "{name}");
    }
}
