//! CalendarService.

use std::collections::BTreeSet;

use access::Caller;
use command::{Call, Fault, paging::Page};
use contracts::client_registry::v1::{
    CreateCalendarRequest, CreateCalendarResponse, GetCalendarRequest, GetCalendarResponse, ListCalendarsRequest,
    ListCalendarsResponse, UpdateCalendarRequest, UpdateCalendarResponse, calendar_service_server::CalendarService,
};
use refusal::Refusal;
use tonic::{Request, Response, Status};

use super::{Api, chosen, convert, method, required, told};
use crate::{calendar, client, name, policy};

const CREATE: &str = method!("CalendarService/CreateCalendar");
const GET: &str = method!("CalendarService/GetCalendar");
const LIST: &str = method!("CalendarService/ListCalendars");
const UPDATE: &str = method!("CalendarService/UpdateCalendar");

impl Api {
    /// The calendars that the caller may see: those of their clients and the firm's own; `None` for all.
    async fn calendars_in_sight(&self, caller: &Caller) -> Result<Option<BTreeSet<String>>, Fault> {
        let Some(mut seen) = client::calendars_of(&self.store, &caller.scope("calendars.read")).await? else {
            return Ok(None);
        };
        let policy = policy::find_current(self.store.reader()).await?;
        seen.extend(policy.map(|policy| policy.rules.firm_calendar));
        Ok(Some(seen))
    }
}

#[tonic::async_trait]
impl CalendarService for Api {
    async fn create_calendar(
        &self,
        request: Request<CreateCalendarRequest>,
    ) -> Result<Response<CreateCalendarResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere("calendars.write")?;
        let request = request.into_inner();
        let spec = convert::calendar_spec(required(request.calendar.as_ref(), "calendar")?)?;
        let id = chosen(&request.calendar_id);
        let call = Call::new(&caller, CREATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, spec) = (id.clone(), spec.clone());
                Box::pin(async move {
                    let calendar = calendar::create(unit, &id, spec).await?;
                    Ok(CreateCalendarResponse { calendar: Some(convert::calendar_to_wire(&calendar)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn get_calendar(
        &self,
        request: Request<GetCalendarRequest>,
    ) -> Result<Response<GetCalendarResponse>, Status> {
        let caller = Caller::of(&request)?;
        let name = &request.get_ref().name;
        let id = name::id_in("calendars", name, "name")?;
        let seen = self.calendars_in_sight(caller).await.map_err(told(GET))?;
        if seen.is_some_and(|seen| !seen.contains(id)) {
            caller.require_everywhere("calendars.read").map_err(|_| Refusal::not_found(name))?;
        }
        let calendar = calendar::get(&self.store, id).await.map_err(told(GET))?;
        Ok(Response::new(GetCalendarResponse { calendar: Some(convert::calendar_to_wire(&calendar)) }))
    }

    async fn list_calendars(
        &self,
        request: Request<ListCalendarsRequest>,
    ) -> Result<Response<ListCalendarsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.get_ref();
        let page = Page::read("calendars", request.page_size, &request.page_token)?;
        let seen = self.calendars_in_sight(caller).await.map_err(told(LIST))?;
        let mut calendars = calendar::list(&self.store, seen.as_ref(), &page).await.map_err(told(LIST))?;
        let next_page_token = page.cut("calendars", &mut calendars, |calendar| calendar.spec.id.clone());
        let calendars = calendars.iter().map(convert::calendar_to_wire).collect();
        Ok(Response::new(ListCalendarsResponse { calendars, next_page_token }))
    }

    async fn update_calendar(
        &self,
        request: Request<UpdateCalendarRequest>,
    ) -> Result<Response<UpdateCalendarResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere("calendars.write")?;
        let request = request.into_inner();
        let wanted = required(request.calendar.as_ref(), "calendar")?;
        let id = name::id_in("calendars", &wanted.name, "calendar.name")?.to_owned();
        let (etag, spec) = (wanted.etag.clone(), convert::calendar_spec(wanted)?);
        let call = Call::new(&caller, UPDATE, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, etag, spec) = (id.clone(), etag.clone(), spec.clone());
                Box::pin(async move {
                    let calendar = calendar::update(unit, &id, &etag, spec).await?;
                    Ok(UpdateCalendarResponse { calendar: Some(convert::calendar_to_wire(&calendar)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }
}
