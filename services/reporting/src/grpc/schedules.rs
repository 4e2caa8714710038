//! ReportScheduleService.

use access::Caller;
use command::{Call, Commands, Fault, paging::Page};
use contracts::reporting::v1::{
    CreateReportScheduleRequest, CreateReportScheduleResponse, GetReportScheduleRequest, GetReportScheduleResponse,
    ListReportSchedulesRequest, ListReportSchedulesResponse, ReportSchedule, UpdateReportScheduleRequest,
    UpdateReportScheduleResponse, report_schedule_service_server::ReportScheduleService,
};
use refusal::Refusal;
use tonic::{Request, Response, Status};

use super::{convert, reports::client_of};
use crate::{
    matrix::{self, ReportType},
    registry::Registry,
    report::{Reports, within_matrix},
    schedule::{Schedules, entity::Terms},
};

macro_rules! method {
    ($name:literal) => {
        concat!("liaison.reporting.v1.ReportScheduleService/", $name)
    };
}

/// The service.
#[derive(Clone)]
pub struct ScheduleEndpoint {
    commands: Commands,
    schedules: Schedules,
    reports: Reports,
    registry: Registry,
}

impl ScheduleEndpoint {
    /// Over the use cases.
    pub fn new(commands: Commands, schedules: Schedules, reports: Reports, registry: Registry) -> Self {
        Self { commands, schedules, reports, registry }
    }

    /// What is asked for, held against the procedure's table and the client's contacts.
    async fn terms(&self, client: &str, asked: &ReportSchedule) -> Result<(ReportType, Terms), Refusal> {
        let (kind, terms) = convert::terms(asked)?;
        within_matrix(matrix::check_schedule(kind, terms.format, terms.distribution), "schedule.")?;
        self.registry.demand_recipients(client, &terms.recipients, "schedule.recipients").await?;
        Ok((kind, terms))
    }
}

#[tonic::async_trait]
impl ReportScheduleService for ScheduleEndpoint {
    async fn create_report_schedule(
        &self,
        request: Request<CreateReportScheduleRequest>,
    ) -> Result<Response<CreateReportScheduleResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let asked = request.schedule.clone().unwrap_or_default();
        let client = client_of(&asked.engagement);
        caller.require_or_hide("schedules.write", &client, &asked.engagement)?;
        let (kind, terms) = self.terms(&client, &asked).await?;
        self.registry.engagement_name(&asked.engagement).await?;
        let calendar = self.registry.calendar_of(&client).await?;
        let call = Call::new(&caller, method!("CreateReportSchedule"), &request.request_id);
        let this = self.clone();
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (this, terms, calendar) = (this.clone(), terms.clone(), calendar.clone());
                let engagement = (client.clone(), asked.engagement.clone());
                Box::pin(async move {
                    let stored = this.schedules.create(unit, engagement, kind, terms, calendar).await?;
                    Ok(CreateReportScheduleResponse { schedule: Some(convert::schedule(&stored)) })
                })
            })
            .await?;
        self.reports.committed();
        Ok(Response::new(answer))
    }

    async fn get_report_schedule(
        &self,
        request: Request<GetReportScheduleRequest>,
    ) -> Result<Response<GetReportScheduleResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let stored = self.schedules.get(&caller, "schedules.read", &request.name).await;
        let stored = stored.map_err(|fault| fault.into_refusal(method!("GetReportSchedule")))?;
        Ok(Response::new(GetReportScheduleResponse { schedule: Some(convert::schedule(&stored)) }))
    }

    async fn list_report_schedules(
        &self,
        request: Request<ListReportSchedulesRequest>,
    ) -> Result<Response<ListReportSchedulesResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let list = format!("schedules?{}", request.client);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let found = self.schedules.list(&caller, &list, &request.client, &page).await;
        let (found, next_page_token) =
            found.map_err(|fault: Fault| fault.into_refusal(method!("ListReportSchedules")))?;
        let schedules = found.iter().map(convert::schedule).collect();
        Ok(Response::new(ListReportSchedulesResponse { schedules, next_page_token }))
    }

    async fn update_report_schedule(
        &self,
        request: Request<UpdateReportScheduleRequest>,
    ) -> Result<Response<UpdateReportScheduleResponse>, Status> {
        const METHOD: &str = method!("UpdateReportSchedule");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let asked = request.schedule.clone().unwrap_or_default();
        if asked.name.is_empty() {
            return Err(Refusal::field("REQUIRED", "schedule.name", "is required").into());
        }
        let known = self.schedules.get(&caller, "schedules.write", &asked.name).await;
        let known = known.map_err(|fault| fault.into_refusal(METHOD))?;
        let (kind, terms) = self.terms(&known.schedule.client, &asked).await?;
        let call = Call::new(&caller, METHOD, &request.request_id);
        let this = self.clone();
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (this, caller, asked, terms) = (this.clone(), caller.clone(), asked.clone(), terms.clone());
                Box::pin(async move {
                    let fixed = (asked.engagement.as_str(), kind);
                    let stored = this.schedules.update(unit, &caller, &asked.name, &asked.etag, fixed, terms).await?;
                    Ok(UpdateReportScheduleResponse { schedule: Some(convert::schedule(&stored)) })
                })
            })
            .await?;
        self.reports.committed();
        Ok(Response::new(answer))
    }
}
