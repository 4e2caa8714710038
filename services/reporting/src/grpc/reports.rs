//! ReportService. Each call: who calls, what must be known from outside, one use case, the answer.

use std::sync::Arc;

use access::{Caller, Decisions, Principal, PrincipalKind};
use command::{Call, Commands, Fault, Unit, paging::Page};
use contracts::reporting::v1::{
    ApproveReportRequest, ApproveReportResponse, CancelReportRequest, CancelReportResponse, CheckTextRequest,
    CheckTextResponse, CreateReportRequest, CreateReportResponse, GetReportContentRequest, GetReportContentResponse,
    GetReportRequest, GetReportResponse, GiveContributionRequest, GiveContributionResponse, IncidentIssue,
    ListReportsRequest, ListReportsResponse, RejectReportRequest, RejectReportResponse, Report,
    RequestContributionRequest, RequestContributionResponse, SubmitReportRequest, SubmitReportResponse,
    UpdateReportRequest, UpdateReportResponse, report_service_server::ReportService,
};
use database::{BoxFuture, ConnectionTrait};
use refusal::{Kind, Refusal};
use tonic::{Request, Response, Status};

use super::convert;
use crate::{
    facts::Escalation,
    matrix::{Format, ReportType},
    registry::Registry,
    report::{
        ReportError, Reports, Stored, Wanted, Writing,
        content::{self, Source},
        entity::{Issue, Opening, Period},
        language, may_be_made,
    },
    schedule::Schedules,
};

macro_rules! method {
    ($name:literal) => {
        concat!("liaison.reporting.v1.ReportService/", $name)
    };
}

/// The service.
#[derive(Clone)]
pub struct ReportEndpoint {
    commands: Commands,
    reports: Reports,
    schedules: Schedules,
    registry: Registry,
    escalation: Escalation,
    decisions: Arc<dyn Decisions>,
}

/// The client of an engagement.
pub fn client_of(engagement: &str) -> String {
    engagement.split("/engagements/").next().unwrap_or_default().to_owned()
}

impl ReportEndpoint {
    /// Over the use cases.
    pub fn new(
        commands: Commands,
        reports: Reports,
        schedules: Schedules,
        registry: Registry,
        escalation: Escalation,
        decisions: Arc<dyn Decisions>,
    ) -> Self {
        Self { commands, reports, schedules, registry, escalation, decisions }
    }

    /// Runs a use case as one command and answers with the report as it is then.
    async fn command<Q, F>(
        &self,
        caller: Caller,
        method: &'static str,
        request_id: &str,
        request: Q,
        change: F,
    ) -> Result<Report, Refusal>
    where
        Q: prost::Message + Clone + 'static,
        F: for<'u> Fn(&'u Reports, &'u Unit<'u>, &'u Caller, &'u Q) -> BoxFuture<'u, Result<Stored, Fault>>
            + Send
            + Sync
            + 'static,
    {
        let call = Call::new(&caller, method, request_id);
        let (this, asked, change) = (self.clone(), request.clone(), Arc::new(change));
        let answer: GetReportResponse = self
            .commands
            .execute(&call, &request, move |unit| {
                let (this, caller, asked, change) = (this.clone(), caller.clone(), asked.clone(), change.clone());
                Box::pin(async move {
                    let stored = change(&this.reports, unit, &caller, &asked).await?;
                    Ok(GetReportResponse { report: Some(this.view(unit.tx(), &stored).await?) })
                })
            })
            .await?;
        self.reports.committed();
        Ok(answer.report.unwrap_or_default())
    }

    async fn view<C: ConnectionTrait>(&self, conn: &C, stored: &Stored) -> Result<Report, Fault> {
        let words = self.reports.words(conn, &stored.report).await?;
        convert::report(stored, Some(&words))
    }

    /// What is to be opened, held against the procedure's table, the engagement's schedule and the registry.
    async fn opening(&self, request: &CreateReportRequest, client: &str) -> Result<Opening, Refusal> {
        let (kind, format, distribution) =
            convert::row(request.r#type(), request.format(), request.distribution(), "")?;
        may_be_made(kind, format, distribution)?;
        let period = period(kind, request)?;
        if let Some(case) = period.case() {
            self.escalation.demand_case(case, client).await?;
        }
        self.registry.engagement_name(&request.engagement).await?;
        let agreed = self.schedules.agreed(&request.engagement, kind, &period).await;
        let agreed = agreed.map_err(|fault| fault.into_refusal(method!("CreateReport")))?;
        let given = convert::time(request.due_time.as_ref(), "due_time")?;
        let due = given.map(|time| (time, String::new())).or(agreed.as_ref().and_then(|(_, due)| due.clone()));
        let (due_time, due_local) = due.ok_or_else(|| {
            let why = "is needed: no schedule of this engagement says when such a report is due";
            Refusal::field("DUE_TIME_MISSING", "due_time", why)
        })?;
        let recipients = match request.recipients.as_slice() {
            [] => agreed.map(|(schedule, _)| schedule.terms.recipients).unwrap_or_default(),
            named => named.to_vec(),
        };
        if recipients.is_empty() {
            let why = "are needed: no schedule of this engagement says who gets such a report";
            return Err(Refusal::field("RECIPIENTS_MISSING", "recipients", why));
        }
        self.registry.demand_recipients(client, &recipients, "recipients").await?;
        Ok(Opening {
            id: command::new_id(),
            client: client.to_owned(),
            engagement: request.engagement.clone(),
            kind,
            format,
            distribution,
            period,
            due_time,
            due_local,
            schedule: String::new(),
            recipients,
        })
    }

    /// A report that the caller may see, for what is asked of others before a command begins.
    async fn known(&self, caller: &Caller, permission: &str, name: &str, method: &str) -> Result<Stored, Refusal> {
        self.reports.get(caller, permission, name).await.map_err(|fault| fault.into_refusal(method))
    }
}

/// What a report is about. The number of an incident's update is given when it is opened.
fn period(kind: ReportType, request: &CreateReportRequest) -> Result<Period, Refusal> {
    if kind != ReportType::IncidentReport {
        let wrong = || Refusal::field("BAD_PERIOD", "period", "is no period of this kind of report");
        return Period::of(kind, &request.period).map_err(|_| wrong());
    }
    if request.case.is_empty() {
        return Err(Refusal::field("CASE_MISSING", "case", "is needed: an incident report is about a case"));
    }
    let issue = match request.issue() {
        IncidentIssue::Unspecified => {
            return Err(Refusal::field(
                "ISSUE_MISSING",
                "issue",
                "says whether it is the first, an update or the last",
            ));
        }
        IncidentIssue::Initial => Issue::Initial,
        IncidentIssue::Update => Issue::Update(1),
        IncidentIssue::Final => Issue::Final,
    };
    Ok(Period::Incident { case: request.case.clone(), issue })
}

/// A text or a form, as the report has it.
fn writing(request: &UpdateReportRequest, format: Format, zone: &business_time::Zone) -> Result<Writing, Refusal> {
    if format == Format::Form {
        let Some(form) = &request.form else {
            return Err(Refusal::field("FORM_MISSING", "form", "is needed: this report is a form"));
        };
        let form = convert::form(form)?;
        let shown = |time| format!("{} ({})", zone.wall(time).strftime("%A %-d %B %Y, %H:%M"), zone.name());
        let text = form.text(shown);
        return Ok(Writing::Form(form, text));
    }
    if !request.text.chars().any(char::is_alphanumeric) {
        return Err(Refusal::field("TEXT_MISSING", "text", "has no words"));
    }
    Ok(Writing::Text(request.text.clone()))
}

#[tonic::async_trait]
impl ReportService for ReportEndpoint {
    async fn create_report(
        &self,
        request: Request<CreateReportRequest>,
    ) -> Result<Response<CreateReportResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let client = client_of(&request.engagement);
        caller.require_or_hide("reports.write", &client, &request.engagement)?;
        let opening = self.opening(&request, &client).await?;
        let id = request.request_id.clone();
        let report = self
            .command(caller, method!("CreateReport"), &id, request, move |reports, unit, _, _| {
                let mut opening = opening.clone();
                Box::pin(async move {
                    if let Period::Incident { case, issue } = &opening.period {
                        opening.period = reports.next_issue(unit, case, *issue).await?;
                    }
                    reports.open(unit, opening).await
                })
            })
            .await?;
        Ok(Response::new(CreateReportResponse { report: Some(report) }))
    }

    async fn get_report(&self, request: Request<GetReportRequest>) -> Result<Response<GetReportResponse>, Status> {
        const METHOD: &str = method!("GetReport");
        let (caller, name) = (Caller::of(&request)?.clone(), request.into_inner().name);
        let stored = self.known(&caller, "reports.read", &name, METHOD).await?;
        let report = self.view(self.commands.db().reader(), &stored).await;
        let report = report.map_err(|fault| fault.into_refusal(METHOD))?;
        self.commands.audit_read(&caller, METHOD, vec![name]).await?;
        Ok(Response::new(GetReportResponse { report: Some(report) }))
    }

    async fn list_reports(
        &self,
        request: Request<ListReportsRequest>,
    ) -> Result<Response<ListReportsResponse>, Status> {
        const METHOD: &str = method!("ListReports");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let list = format!("reports?{}&{}&{}", request.client, request.engagement, request.state);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let state = convert::stored_state(request.state());
        let wanted = Wanted { client: request.client, engagement: request.engagement, state, page };
        let told = |fault: Fault| fault.into_refusal(METHOD);
        let (found, next_page_token) = self.reports.list(&caller, &list, &wanted).await.map_err(told)?;
        let reports: Result<_, Fault> = found.iter().map(|stored| convert::report(stored, None)).collect();
        Ok(Response::new(ListReportsResponse { reports: reports.map_err(told)?, next_page_token }))
    }

    async fn update_report(
        &self,
        request: Request<UpdateReportRequest>,
    ) -> Result<Response<UpdateReportResponse>, Status> {
        const METHOD: &str = method!("UpdateReport");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let known = self.known(&caller, "reports.write", &request.name, METHOD).await?.report;
        if !request.recipients.is_empty() {
            self.registry.demand_recipients(&known.client, &request.recipients, "recipients").await?;
        }
        let zone = match known.format {
            Format::Form => self.registry.calendar_of(&known.client).await?.calendar.zone().clone(),
            Format::EmailSummary | Format::Pdf | Format::Pptx => {
                business_time::Zone::try_new("UTC").map_err(|error| {
                    tracing::error!(%error, "no UTC");
                    Refusal::internal()
                })?
            }
        };
        let writing = writing(&request, known.format, &zone)?;
        let id = request.request_id.clone();
        let report = self
            .command(caller, METHOD, &id, request, move |reports, unit, caller, asked| {
                let writing = writing.clone();
                Box::pin(async move {
                    reports.revise(unit, caller, &asked.name, &asked.etag, &writing, &asked.recipients).await
                })
            })
            .await?;
        Ok(Response::new(UpdateReportResponse { report: Some(report) }))
    }

    async fn request_contribution(
        &self,
        request: Request<RequestContributionRequest>,
    ) -> Result<Response<RequestContributionResponse>, Status> {
        const METHOD: &str = method!("RequestContribution");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let known = self.known(&caller, "reports.write", &request.name, METHOD).await?.report;
        let asked = Principal::parse(&request.staff).map_err(|_| Refusal::not_found(&request.staff))?;
        match self.decisions.grants(&asked).await {
            Ok(grants) if grants.holds_on("reports.write", &known.client) => {}
            Ok(_) | Err(access::DecisionError::Unknown) => return Err(Refusal::from(ReportError::NotOnTeam).into()),
            Err(_) => {
                let message = "client-registry does not answer; try again in a moment";
                return Err(Refusal::new(Kind::Unavailable, "REGISTRY_UNAVAILABLE", message).into());
            }
        }
        let id = request.request_id.clone();
        let report = self
            .command(caller, METHOD, &id, request, |reports, unit, caller, asked| {
                Box::pin(reports.request_contribution(unit, caller, &asked.name, &asked.staff, &asked.question))
            })
            .await?;
        Ok(Response::new(RequestContributionResponse { report: Some(report) }))
    }

    async fn give_contribution(
        &self,
        request: Request<GiveContributionRequest>,
    ) -> Result<Response<GiveContributionResponse>, Status> {
        const METHOD: &str = method!("GiveContribution");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let known = self.known(&caller, "reports.write", &request.name, METHOD).await?.report;
        let asked = known.contributions.iter().find(|one| one.id == request.contribution);
        let asked = asked.ok_or_else(|| Refusal::from(ReportError::NoContribution))?;
        if asked.staff != caller.principal().name() || caller.principal().kind() != PrincipalKind::Staff {
            return Err(Refusal::from(ReportError::NotAsked).into());
        }
        let display_name = self.registry.staff_name(caller.principal().name()).await?;
        let id = request.request_id.clone();
        let report = self
            .command(caller, METHOD, &id, request, move |reports, unit, caller, asked| {
                let name = display_name.clone();
                Box::pin(async move {
                    let (report, contribution) = (&asked.name, &asked.contribution);
                    reports.give_contribution(unit, caller, report, contribution, &name, &asked.text).await
                })
            })
            .await?;
        Ok(Response::new(GiveContributionResponse { report: Some(report) }))
    }

    async fn check_text(&self, request: Request<CheckTextRequest>) -> Result<Response<CheckTextResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        caller.require_or_hide("reports.write", &request.client, &request.client)?;
        let profile = self.registry.profile(&request.client).await?;
        let check = convert::check(&language::check(&request.text, &profile));
        Ok(Response::new(CheckTextResponse { check: Some(check) }))
    }

    async fn submit_report(
        &self,
        request: Request<SubmitReportRequest>,
    ) -> Result<Response<SubmitReportResponse>, Status> {
        const METHOD: &str = method!("SubmitReport");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let known = self.known(&caller, "reports.write", &request.name, METHOD).await?.report;
        let profile = self.registry.profile(&known.client).await?;
        let id = request.request_id.clone();
        let report = self
            .command(caller, METHOD, &id, request, move |reports, unit, caller, asked| {
                let profile = profile.clone();
                Box::pin(async move {
                    let overrides = convert::overrides(&asked.overrides, caller.principal().name(), unit.now());
                    reports.submit(unit, caller, &asked.name, &asked.etag, &profile, &overrides).await
                })
            })
            .await?;
        Ok(Response::new(SubmitReportResponse { report: Some(report) }))
    }

    async fn approve_report(
        &self,
        request: Request<ApproveReportRequest>,
    ) -> Result<Response<ApproveReportResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let report = self
            .command(caller, method!("ApproveReport"), &id, request, |reports, unit, caller, asked| {
                Box::pin(reports.approve(unit, caller, &asked.name, asked.text_version))
            })
            .await?;
        Ok(Response::new(ApproveReportResponse { report: Some(report) }))
    }

    async fn reject_report(
        &self,
        request: Request<RejectReportRequest>,
    ) -> Result<Response<RejectReportResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let report = self
            .command(caller, method!("RejectReport"), &id, request, |reports, unit, caller, asked| {
                Box::pin(reports.reject(unit, caller, &asked.name, asked.text_version, &asked.reason))
            })
            .await?;
        Ok(Response::new(RejectReportResponse { report: Some(report) }))
    }

    async fn cancel_report(
        &self,
        request: Request<CancelReportRequest>,
    ) -> Result<Response<CancelReportResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let report = self
            .command(caller, method!("CancelReport"), &id, request, |reports, unit, caller, asked| {
                Box::pin(reports.cancel(unit, caller, &asked.name, &asked.reason))
            })
            .await?;
        Ok(Response::new(CancelReportResponse { report: Some(report) }))
    }

    async fn get_report_content(
        &self,
        request: Request<GetReportContentRequest>,
    ) -> Result<Response<GetReportContentResponse>, Status> {
        const METHOD: &str = method!("GetReportContent");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let approved = self.reports.approved(&request.name, request.text_version).await;
        let approved = approved.map_err(|fault| fault.into_refusal(METHOD))?;
        let source = Source {
            title: &approved.title,
            label: convert::label(approved.report.kind),
            text: &approved.text,
            report: &request.name,
            version: request.text_version,
        };
        let content = content::render(&source).map_err(|error| {
            tracing::error!(error, "a report's page was not rendered");
            Refusal::internal()
        })?;
        self.commands.audit_read(&caller, METHOD, vec![request.name]).await?;
        let content::Content { subject, text, html } = content;
        Ok(Response::new(GetReportContentResponse { subject, text, html }))
    }
}
