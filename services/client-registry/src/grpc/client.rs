//! ClientService.

use access::Caller;
use command::{Call, paging::Page};
use contracts::client_registry::v1::{
    CreateClientRequest, CreateClientResponse, GetClientRequest, GetClientResponse, ListClientsRequest,
    ListClientsResponse, TransferAccountRequest, TransferAccountResponse, UpdateClientRequest, UpdateClientResponse,
    client_service_server::ClientService,
};
use tonic::{Request, Response, Status};

use super::{Api, chosen, convert, method, reach, required, told};
use crate::{
    client::{self, View},
    name,
};

const CREATE: &str = method!("ClientService/CreateClient");
const GET: &str = method!("ClientService/GetClient");
const LIST: &str = method!("ClientService/ListClients");
const UPDATE: &str = method!("ClientService/UpdateClient");
const TRANSFER: &str = method!("ClientService/TransferAccount");

#[tonic::async_trait]
impl ClientService for Api {
    async fn create_client(
        &self,
        request: Request<CreateClientRequest>,
    ) -> Result<Response<CreateClientResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere("clients.create")?;
        let request = request.into_inner();
        let details = convert::client_details(required(request.client.as_ref(), "client")?)?;
        let id = chosen(&request.client_id);
        let call = Call::new(&caller, CREATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, details) = (id.clone(), details.clone());
                Box::pin(async move {
                    let client = client::create(unit, &id, details).await?;
                    Ok(CreateClientResponse { client: Some(convert::client_to_wire(&client)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn get_client(&self, request: Request<GetClientRequest>) -> Result<Response<GetClientResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (request, view) = (request.get_ref(), convert::view(request.get_ref().view()));
        let id = name::id_in("clients", &request.name, "name")?;
        reach(caller, "clients.read", id, &request.name)?;
        let client = client::get(&self.store, id, view).await.map_err(told(GET))?;
        if view == View::Full {
            self.audit_read(caller, GET, vec![request.name.clone()]).await?;
        }
        Ok(Response::new(GetClientResponse { client: Some(convert::client_to_wire(&client)) }))
    }

    async fn list_clients(
        &self,
        request: Request<ListClientsRequest>,
    ) -> Result<Response<ListClientsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (request, view) = (request.get_ref(), convert::view(request.get_ref().view()));
        let page = Page::read("clients", request.page_size, &request.page_token)?;
        let scope = caller.scope("clients.read");
        let mut clients = client::list(&self.store, &scope, view, &page).await.map_err(told(LIST))?;
        let next_page_token = page.cut("clients", &mut clients, |client| client.id.clone());
        let clients: Vec<_> = clients.iter().map(convert::client_to_wire).collect();
        if view == View::Full {
            self.audit_read(caller, LIST, clients.iter().map(|client| client.name.clone()).collect()).await?;
        }
        Ok(Response::new(ListClientsResponse { clients, next_page_token }))
    }

    async fn update_client(
        &self,
        request: Request<UpdateClientRequest>,
    ) -> Result<Response<UpdateClientResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let wanted = required(request.client.as_ref(), "client")?;
        let id = name::id_in("clients", &wanted.name, "client.name")?.to_owned();
        reach(&caller, "clients.update", &id, &wanted.name)?;
        let (etag, details) = (wanted.etag.clone(), convert::client_details(wanted)?);
        let call = Call::new(&caller, UPDATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, etag, details) = (id.clone(), etag.clone(), details.clone());
                Box::pin(async move {
                    let client = client::update(unit, &id, &etag, details).await?;
                    Ok(UpdateClientResponse { client: Some(convert::client_to_wire(&client)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn transfer_account(
        &self,
        request: Request<TransferAccountRequest>,
    ) -> Result<Response<TransferAccountResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let id = name::id_in("clients", &request.name, "name")?.to_owned();
        reach(&caller, "clients.transfer", &id, &request.name)?;
        let to = name::id_in("staff", &request.account_manager, "account_manager")?.to_owned();
        let call = Call::new(&caller, TRANSFER, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, to) = (id.clone(), to.clone());
                Box::pin(async move {
                    let client = client::transfer(unit, &id, &to).await?;
                    Ok(TransferAccountResponse { client: Some(convert::client_to_wire(&client)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }
}
