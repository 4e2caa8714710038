//! PolicyService.

use access::Caller;
use command::{Call, paging::Page};
use contracts::client_registry::v1::{
    GetPolicyRequest, GetPolicyResponse, ListPoliciesRequest, ListPoliciesResponse, PublishPolicyRequest,
    PublishPolicyResponse, policy_service_server::PolicyService,
};
use refusal::Refusal;
use tonic::{Request, Response, Status};

use super::{Api, convert, method, required, told};
use crate::{name, policy};

const PUBLISH: &str = method!("PolicyService/PublishPolicy");
const GET: &str = method!("PolicyService/GetPolicy");
const LIST: &str = method!("PolicyService/ListPolicies");

#[tonic::async_trait]
impl PolicyService for Api {
    async fn publish_policy(
        &self,
        request: Request<PublishPolicyRequest>,
    ) -> Result<Response<PublishPolicyResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere("policies.publish")?;
        let request = request.into_inner();
        let rules = convert::policy_rules(required(request.policy.as_ref(), "policy")?)?;
        let call = Call::new(&caller, PUBLISH, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let rules = rules.clone();
                Box::pin(async move {
                    let policy = policy::publish_next(unit, rules).await?;
                    Ok(PublishPolicyResponse { policy: Some(convert::policy_to_wire(&policy)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    // A policy is the firm's, not a client's: whoever holds the permission for any client reads all of them.
    async fn get_policy(&self, request: Request<GetPolicyRequest>) -> Result<Response<GetPolicyResponse>, Status> {
        Caller::of(&request)?;
        let name = &request.get_ref().name;
        let version = match name::id_in("policies", name, "name")? {
            "current" => None,
            number => Some(number.parse().map_err(|_| Refusal::not_found(name))?),
        };
        let policy = policy::get(&self.store, version).await.map_err(told(GET))?;
        Ok(Response::new(GetPolicyResponse { policy: Some(convert::policy_to_wire(&policy)) }))
    }

    async fn list_policies(
        &self,
        request: Request<ListPoliciesRequest>,
    ) -> Result<Response<ListPoliciesResponse>, Status> {
        Caller::of(&request)?;
        let request = request.get_ref();
        let page = Page::read("policies", request.page_size, &request.page_token)?;
        let mut policies = policy::list(&self.store, &page).await.map_err(told(LIST))?;
        let next_page_token = page.cut("policies", &mut policies, |policy| policy.version.to_string());
        let policies = policies.iter().map(convert::policy_to_wire).collect();
        Ok(Response::new(ListPoliciesResponse { policies, next_page_token }))
    }
}
