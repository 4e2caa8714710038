//! ContactService.

use access::Caller;
use command::{Call, paging::Page};
use contracts::client_registry::v1::{
    CreateContactRequest, CreateContactResponse, GetContactRequest, GetContactResponse, IdentifySenderRequest,
    IdentifySenderResponse, ListContactsRequest, ListContactsResponse, UpdateContactRequest, UpdateContactResponse,
    contact_service_server::ContactService,
};
use tonic::{Request, Response, Status};

use super::{Api, chosen, convert, method, reach, required, told};
use crate::{contact, name};

const CREATE: &str = method!("ContactService/CreateContact");
const GET: &str = method!("ContactService/GetContact");
const LIST: &str = method!("ContactService/ListContacts");
const UPDATE: &str = method!("ContactService/UpdateContact");
const IDENTIFY: &str = method!("ContactService/IdentifySender");

#[tonic::async_trait]
impl ContactService for Api {
    async fn create_contact(
        &self,
        request: Request<CreateContactRequest>,
    ) -> Result<Response<CreateContactResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let client = name::id_in("clients", &request.parent, "parent")?.to_owned();
        reach(&caller, "contacts.write", &client, &request.parent)?;
        let details = convert::contact_details(required(request.contact.as_ref(), "contact")?);
        let id = chosen(&request.contact_id);
        let call = Call::new(&caller, CREATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (client, id, details) = (client.clone(), id.clone(), details.clone());
                Box::pin(async move {
                    let contact = contact::create(unit, &client, &id, details).await?;
                    Ok(CreateContactResponse { contact: Some(convert::contact_to_wire(&contact)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn get_contact(&self, request: Request<GetContactRequest>) -> Result<Response<GetContactResponse>, Status> {
        let caller = Caller::of(&request)?;
        let name = &request.get_ref().name;
        let (client, id) = name::ids_in("contacts", name, "name")?;
        reach(caller, "contacts.read", client, name)?;
        let contact = contact::get(&self.store, client, id).await.map_err(told(GET))?;
        self.audit_read(caller, GET, vec![name.clone()]).await?;
        Ok(Response::new(GetContactResponse { contact: Some(convert::contact_to_wire(&contact)) }))
    }

    async fn list_contacts(
        &self,
        request: Request<ListContactsRequest>,
    ) -> Result<Response<ListContactsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.get_ref();
        let client = name::id_in("clients", &request.parent, "parent")?;
        reach(caller, "contacts.read", client, &request.parent)?;
        let list = format!("contacts?parent={}", request.parent);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let mut contacts = contact::list(&self.store, client, &page).await.map_err(told(LIST))?;
        let next_page_token = page.cut(&list, &mut contacts, |contact| contact.id.clone());
        let contacts: Vec<_> = contacts.iter().map(convert::contact_to_wire).collect();
        self.audit_read(caller, LIST, contacts.iter().map(|contact| contact.name.clone()).collect()).await?;
        Ok(Response::new(ListContactsResponse { contacts, next_page_token }))
    }

    async fn update_contact(
        &self,
        request: Request<UpdateContactRequest>,
    ) -> Result<Response<UpdateContactResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let wanted = required(request.contact.as_ref(), "contact")?;
        let (client, id) = name::ids_in("contacts", &wanted.name, "contact.name")?;
        reach(&caller, "contacts.write", client, &wanted.name)?;
        let (client, id) = (client.to_owned(), id.to_owned());
        let (etag, details) = (wanted.etag.clone(), convert::contact_details(wanted));
        let call = Call::new(&caller, UPDATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (client, id, etag, details) = (client.clone(), id.clone(), etag.clone(), details.clone());
                Box::pin(async move {
                    let contact = contact::update(unit, &client, &id, &etag, details).await?;
                    Ok(UpdateContactResponse { contact: Some(convert::contact_to_wire(&contact)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn identify_sender(
        &self,
        request: Request<IdentifySenderRequest>,
    ) -> Result<Response<IdentifySenderResponse>, Status> {
        Caller::of(&request)?.require_everywhere("contacts.identify")?;
        let address = &request.get_ref().email;
        let found = contact::identify(&self.store, address, self.commands.now()).await.map_err(told(IDENTIFY))?;
        // A name is no personal data: whoever wants the person behind it asks for the resource, and that is audited.
        let answer = match found {
            Some(staff) if staff.starts_with("staff/") => IdentifySenderResponse { staff, ..Default::default() },
            Some(contact) => IdentifySenderResponse { contact, ..Default::default() },
            None => IdentifySenderResponse::default(),
        };
        Ok(Response::new(answer))
    }
}
