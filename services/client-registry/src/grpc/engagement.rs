//! EngagementService.

use access::Caller;
use command::{Call, paging::Page};
use contracts::client_registry::v1::{
    CreateEngagementRequest, CreateEngagementResponse, GetEngagementRequest, GetEngagementResponse,
    ListEngagementsRequest, ListEngagementsResponse, UpdateEngagementRequest, UpdateEngagementResponse,
    engagement_service_server::EngagementService,
};
use tonic::{Request, Response, Status};

use super::{Api, chosen, convert, method, reach, required, told};
use crate::{engagement, name};

const CREATE: &str = method!("EngagementService/CreateEngagement");
const GET: &str = method!("EngagementService/GetEngagement");
const LIST: &str = method!("EngagementService/ListEngagements");
const UPDATE: &str = method!("EngagementService/UpdateEngagement");

#[tonic::async_trait]
impl EngagementService for Api {
    async fn create_engagement(
        &self,
        request: Request<CreateEngagementRequest>,
    ) -> Result<Response<CreateEngagementResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let client = name::id_in("clients", &request.parent, "parent")?.to_owned();
        reach(&caller, "engagements.write", &client, &request.parent)?;
        let details = convert::engagement_details(required(request.engagement.as_ref(), "engagement")?)?;
        let id = chosen(&request.engagement_id);
        let call = Call::new(&caller, CREATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (client, id, details) = (client.clone(), id.clone(), details.clone());
                Box::pin(async move {
                    let engagement = engagement::create(unit, &client, &id, details).await?;
                    Ok(CreateEngagementResponse { engagement: Some(convert::engagement_to_wire(&engagement)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn get_engagement(
        &self,
        request: Request<GetEngagementRequest>,
    ) -> Result<Response<GetEngagementResponse>, Status> {
        let caller = Caller::of(&request)?;
        let name = &request.get_ref().name;
        let (client, id) = name::ids_in("engagements", name, "name")?;
        reach(caller, "engagements.read", client, name)?;
        let engagement = engagement::get(&self.store, client, id).await.map_err(told(GET))?;
        self.audit_read(caller, GET, vec![name.clone()]).await?;
        Ok(Response::new(GetEngagementResponse { engagement: Some(convert::engagement_to_wire(&engagement)) }))
    }

    async fn list_engagements(
        &self,
        request: Request<ListEngagementsRequest>,
    ) -> Result<Response<ListEngagementsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.get_ref();
        let client = name::id_in("clients", &request.parent, "parent")?;
        reach(caller, "engagements.read", client, &request.parent)?;
        let list = format!("engagements?parent={}", request.parent);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let mut engagements = engagement::list(&self.store, client, &page).await.map_err(told(LIST))?;
        let next_page_token = page.cut(&list, &mut engagements, |engagement| engagement.id.clone());
        let engagements: Vec<_> = engagements.iter().map(convert::engagement_to_wire).collect();
        self.audit_read(caller, LIST, engagements.iter().map(|engagement| engagement.name.clone()).collect()).await?;
        Ok(Response::new(ListEngagementsResponse { engagements, next_page_token }))
    }

    async fn update_engagement(
        &self,
        request: Request<UpdateEngagementRequest>,
    ) -> Result<Response<UpdateEngagementResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let wanted = required(request.engagement.as_ref(), "engagement")?;
        let (client, id) = name::ids_in("engagements", &wanted.name, "engagement.name")?;
        reach(&caller, "engagements.write", client, &wanted.name)?;
        let (client, id) = (client.to_owned(), id.to_owned());
        let (etag, details) = (wanted.etag.clone(), convert::engagement_details(wanted)?);
        let call = Call::new(&caller, UPDATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (client, id, etag, details) = (client.clone(), id.clone(), etag.clone(), details.clone());
                Box::pin(async move {
                    let engagement = engagement::update(unit, &client, &id, &etag, details).await?;
                    Ok(UpdateEngagementResponse { engagement: Some(convert::engagement_to_wire(&engagement)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }
}
