//! StaffService.

use access::Caller;
use command::{Call, paging::Page};
use contracts::client_registry::v1::{
    CreateAbsenceRequest, CreateAbsenceResponse, CreateStaffRequest, CreateStaffResponse, DeactivateStaffRequest,
    DeactivateStaffResponse, GetStaffRequest, GetStaffResponse, ListAbsencesRequest, ListAbsencesResponse,
    ListStaffRequest, ListStaffResponse, UpdateStaffRequest, UpdateStaffResponse, staff_service_server::StaffService,
};
use tonic::{Request, Response, Status};

use super::{Api, chosen, convert, method, required, told};
use crate::{
    name,
    staff::{self, StaffError},
};
use refusal::Refusal;
use runtime::edge::validation::validate;

const CREATE: &str = method!("StaffService/CreateStaff");
const GET: &str = method!("StaffService/GetStaff");
const LIST: &str = method!("StaffService/ListStaff");
const UPDATE: &str = method!("StaffService/UpdateStaff");
const DEACTIVATE: &str = method!("StaffService/DeactivateStaff");
const CREATE_ABSENCE: &str = method!("StaffService/CreateAbsence");
const LIST_ABSENCES: &str = method!("StaffService/ListAbsences");

const READ: &str = "staff.read";
const WRITE: &str = "staff.write";

impl Api {
    /// Makes the first person, as CreateStaff makes others: what no layer has met is held here against the contract's rules.
    ///
    /// # Errors
    /// `NOT_EMPTY` where there is anybody; else what CreateStaff refuses.
    pub(crate) async fn init(&self, request: CreateStaffRequest) -> Result<(), Refusal> {
        let call = Call { principal: "init".to_owned(), method: "init", request_id: String::new() };
        let made = self.make_first(&call, &request).await;
        if let Err(refusal) = &made {
            self.commands.audit_refusal(&call.principal, call.method, refusal.reason).await;
        }
        made
    }

    async fn make_first(&self, call: &Call, request: &CreateStaffRequest) -> Result<(), Refusal> {
        validate(request).map_err(spelt_out)?;
        if request.staff_id.is_empty() {
            return Err(Refusal::field("REQUIRED", "staff_id", "is required"));
        }
        let wanted = required(request.staff.as_ref(), "staff")?;
        let (id, profile) = (request.staff_id.clone(), convert::staff_profile(wanted)?);
        let made = self.commands.execute(call, request, move |unit| {
            let (id, profile) = (id.clone(), profile.clone());
            Box::pin(async move {
                staff::init(unit, &id, profile).await?;
                Ok(CreateStaffResponse::default())
            })
        });
        made.await.map(drop)
    }
}

/// Whoever types a command is shown the sentence alone, so it says what is wrong with each field.
fn spelt_out(refusal: Refusal) -> Refusal {
    let faults: Vec<_> = refusal.fields.iter().map(|fault| format!("{} {}", fault.field, fault.description)).collect();
    if faults.is_empty() { refusal } else { Refusal { message: faults.join("; "), ..refusal } }
}

#[tonic::async_trait]
impl StaffService for Api {
    async fn create_staff(
        &self,
        request: Request<CreateStaffRequest>,
    ) -> Result<Response<CreateStaffResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere(WRITE)?;
        let request = request.into_inner();
        let wanted = required(request.staff.as_ref(), "staff")?;
        if wanted.inactive {
            return Err(Refusal::from(StaffError::UseDeactivateStaff).into());
        }
        let (id, profile) = (chosen(&request.staff_id), convert::staff_profile(wanted)?);
        let call = Call::new(&caller, CREATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, profile) = (id.clone(), profile.clone());
                Box::pin(async move {
                    let person = staff::create(unit, &id, profile).await?;
                    Ok(CreateStaffResponse { staff: Some(convert::staff_to_wire(&person)) })
                })
            })
            .await?;
        self.bell.ring();
        Ok(Response::new(answer))
    }

    async fn get_staff(&self, request: Request<GetStaffRequest>) -> Result<Response<GetStaffResponse>, Status> {
        let caller = Caller::of(&request)?;
        caller.require_everywhere(READ)?;
        let name = &request.get_ref().name;
        let id = name::id_in("staff", name, "name")?;
        let person = staff::get(&self.store, id).await.map_err(told(GET))?;
        self.audit_read(caller, GET, vec![name.clone()]).await?;
        Ok(Response::new(GetStaffResponse { staff: Some(convert::staff_to_wire(&person)) }))
    }

    async fn list_staff(&self, request: Request<ListStaffRequest>) -> Result<Response<ListStaffResponse>, Status> {
        let caller = Caller::of(&request)?;
        caller.require_everywhere(READ)?;
        let request = request.get_ref();
        let page = Page::read("staff", request.page_size, &request.page_token)?;
        let mut people = staff::list(&self.store, &page).await.map_err(told(LIST))?;
        let next_page_token = page.cut("staff", &mut people, |person| person.id.clone());
        let staff: Vec<_> = people.iter().map(convert::staff_to_wire).collect();
        self.audit_read(caller, LIST, staff.iter().map(|person| person.name.clone()).collect()).await?;
        Ok(Response::new(ListStaffResponse { staff, next_page_token }))
    }

    async fn update_staff(
        &self,
        request: Request<UpdateStaffRequest>,
    ) -> Result<Response<UpdateStaffResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere(WRITE)?;
        let request = request.into_inner();
        let wanted = required(request.staff.as_ref(), "staff")?;
        let id = name::id_in("staff", &wanted.name, "staff.name")?.to_owned();
        let (etag, inactive, profile) = (wanted.etag.clone(), wanted.inactive, convert::staff_profile(wanted)?);
        let call = Call::new(&caller, UPDATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, etag, profile) = (id.clone(), etag.clone(), profile.clone());
                Box::pin(async move {
                    let person = staff::update(unit, &id, &etag, inactive, profile).await?;
                    Ok(UpdateStaffResponse { staff: Some(convert::staff_to_wire(&person)) })
                })
            })
            .await?;
        self.bell.ring();
        Ok(Response::new(answer))
    }

    async fn deactivate_staff(
        &self,
        request: Request<DeactivateStaffRequest>,
    ) -> Result<Response<DeactivateStaffResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere(WRITE)?;
        let request = request.into_inner();
        let id = name::id_in("staff", &request.name, "name")?.to_owned();
        let call = Call::new(&caller, DEACTIVATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let id = id.clone();
                Box::pin(async move {
                    let departure = staff::deactivate(unit, &id).await?;
                    Ok(DeactivateStaffResponse {
                        staff: Some(convert::staff_to_wire(&departure.person)),
                        transferred_clients: departure.transferred.iter().map(|id| name::client(id)).collect(),
                    })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn create_absence(
        &self,
        request: Request<CreateAbsenceRequest>,
    ) -> Result<Response<CreateAbsenceResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere(WRITE)?;
        let request = request.into_inner();
        let person = name::id_in("staff", &request.parent, "parent")?.to_owned();
        let wanted = required(request.absence.as_ref(), "absence")?;
        let start = required(wanted.start_time.as_ref(), "absence.start_time")?;
        let start = convert::time(start, "absence.start_time")?;
        let end = convert::time(required(wanted.end_time.as_ref(), "absence.end_time")?, "absence.end_time")?;
        let id = chosen(&request.absence_id);
        let call = Call::new(&caller, CREATE_ABSENCE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, person) = (id.clone(), person.clone());
                Box::pin(async move {
                    let absence = staff::create_absence(unit, &id, &person, start, end).await?;
                    Ok(CreateAbsenceResponse { absence: Some(convert::absence_to_wire(&absence)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn list_absences(
        &self,
        request: Request<ListAbsencesRequest>,
    ) -> Result<Response<ListAbsencesResponse>, Status> {
        Caller::of(&request)?.require_everywhere(READ)?;
        let request = request.get_ref();
        let person = name::id_in("staff", &request.parent, "parent")?;
        let list = format!("absences?parent={}", request.parent);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let mut absences = staff::list_absences(&self.store, person, &page).await.map_err(told(LIST_ABSENCES))?;
        let next_page_token = page.cut(&list, &mut absences, staff::absence_key);
        let absences = absences.iter().map(convert::absence_to_wire).collect();
        Ok(Response::new(ListAbsencesResponse { absences, next_page_token }))
    }
}
