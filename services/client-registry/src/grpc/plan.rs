//! PlanService.

mod wire;

use access::Caller;
use command::Call;
use contracts::client_registry::v1::{
    GetPlanRequest, GetPlanResponse, PreviewPlanRequest, PreviewPlanResponse, ReachMilestoneRequest,
    ReachMilestoneResponse, UpdatePlanRequest, UpdatePlanResponse, plan_service_server::PlanService,
};
use tonic::{Request, Response, Status};

use super::{Api, method, reach, required, told};
use crate::{name, plan};

const GET: &str = method!("PlanService/GetPlan");
const UPDATE: &str = method!("PlanService/UpdatePlan");
const REACH: &str = method!("PlanService/ReachMilestone");
const PREVIEW: &str = method!("PlanService/PreviewPlan");

/// How many dates are shown where the caller does not say.
const AHEAD: usize = 20;

#[tonic::async_trait]
impl PlanService for Api {
    async fn get_plan(&self, request: Request<GetPlanRequest>) -> Result<Response<GetPlanResponse>, Status> {
        let caller = Caller::of(&request)?;
        let name = &request.get_ref().name;
        let (client, engagement) = name::ids_of_plan(name, "name")?;
        reach(caller, "plans.read", client, name)?;
        let plan = plan::get(&self.store, client, engagement).await.map_err(told(GET))?;
        self.audit_read(caller, GET, vec![name.clone()]).await?;
        Ok(Response::new(GetPlanResponse { plan: Some(wire::to_wire(&plan)) }))
    }

    async fn update_plan(&self, request: Request<UpdatePlanRequest>) -> Result<Response<UpdatePlanResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let wanted = required(request.plan.as_ref(), "plan")?;
        let (client, engagement) = name::ids_of_plan(&wanted.name, "plan.name")?;
        reach(&caller, "plans.write", client, &wanted.name)?;
        let (client, engagement) = (client.to_owned(), engagement.to_owned());
        let (etag, agreed) = (wanted.etag.clone(), wire::agreed(wanted)?);
        let call = Call::new(&caller, UPDATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (client, engagement) = (client.clone(), engagement.clone());
                let (etag, agreed) = (etag.clone(), agreed.clone());
                Box::pin(async move {
                    let plan = plan::update(unit, &client, &engagement, &etag, agreed).await?;
                    Ok(UpdatePlanResponse { plan: Some(wire::to_wire(&plan)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn reach_milestone(
        &self,
        request: Request<ReachMilestoneRequest>,
    ) -> Result<Response<ReachMilestoneResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let (client, engagement) = name::ids_of_plan(&request.name, "name")?;
        reach(&caller, "plans.reach", client, &request.name)?;
        let (client, engagement) = (client.to_owned(), engagement.to_owned());
        let milestone = request.milestone.clone();
        let call = Call::new(&caller, REACH, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (client, engagement, milestone) = (client.clone(), engagement.clone(), milestone.clone());
                Box::pin(async move {
                    let plan = plan::reach(unit, &client, &engagement, &milestone).await?;
                    Ok(ReachMilestoneResponse { plan: Some(wire::to_wire(&plan)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn preview_plan(
        &self,
        request: Request<PreviewPlanRequest>,
    ) -> Result<Response<PreviewPlanResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.get_ref();
        let (client, engagement) = name::ids_of_plan(&request.name, "name")?;
        reach(caller, "plans.read", client, &request.name)?;
        let count = match usize::try_from(request.count) {
            Ok(0) | Err(_) => AHEAD,
            Ok(count) => count,
        };
        let now = self.commands.now();
        let dates = plan::preview(&self.store, client, engagement, now, count).await.map_err(told(PREVIEW))?;
        Ok(Response::new(PreviewPlanResponse { dates: dates.iter().map(wire::date_to_wire).collect() }))
    }
}
