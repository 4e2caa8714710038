//! AccessService.

use access::{Caller, Grants, Principal};
use contracts::client_registry::v1::{
    GetGrantsRequest, GetGrantsResponse, WhoAmIRequest, WhoAmIResponse, access_service_server::AccessService,
};
use refusal::Refusal;
use tonic::{Request, Response, Status};

use super::{Api, method, told};

const WHO_AM_I: &str = method!("AccessService/WhoAmI");
const GET_GRANTS: &str = method!("AccessService/GetGrants");

#[tonic::async_trait]
impl AccessService for Api {
    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Result<Response<WhoAmIResponse>, Status> {
        // The method is open, so the caller's grants were not asked for.
        let principal = Caller::of(&request)?.principal();
        let grants = self.decisions.decide(principal).await.map_err(told(WHO_AM_I))?;
        let grants = grants.unwrap_or_else(Grants::inactive);
        Ok(Response::new(WhoAmIResponse { grants: Some(grants.to_wire(principal)) }))
    }

    async fn get_grants(&self, request: Request<GetGrantsRequest>) -> Result<Response<GetGrantsResponse>, Status> {
        Caller::of(&request)?.require_everywhere("access.decide")?;
        let principal = Principal::parse(&request.get_ref().principal)
            .map_err(|_| Refusal::field("BAD_NAME", "principal", "is the name of no principal"))?;
        let grants = self.decisions.decide(&principal).await.map_err(told(GET_GRANTS))?;
        let grants = grants.unwrap_or_else(Grants::inactive);
        Ok(Response::new(GetGrantsResponse { grants: Some(grants.to_wire(&principal)) }))
    }
}
