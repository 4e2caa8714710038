//! What escalation knows of a client's cases: the facts that a status update is drafted from.

use business_time::Timestamp;
use command::wire::from_proto_time;
use contracts::escalation::v1::{
    Case, CaseState, ClockKind, ClockState, ListCasesRequest, case_service_client::CaseServiceClient,
};
use refusal::{Kind, Refusal};
use runtime::Client;

/// Counts over a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Cases that were opened in it.
    pub opened: u32,
    /// Cases that were first answered in it.
    pub answered: u32,
    /// Of those, the ones that were answered late.
    pub answered_late: u32,
    /// Cases that both sides confirmed as resolved in it.
    pub closed: u32,
    /// Questions without an answer at its end.
    pub open_questions: u32,
    /// Problems without a proposed solution at its end.
    pub open_issues: u32,
    /// Problems whose solution waits for a confirmation.
    pub waiting_for_you: u32,
}

/// escalation, as this service asks it. Cheap to clone.
#[derive(Clone)]
pub struct Escalation {
    channel: Client,
}

impl Escalation {
    /// Over this channel, which brings this service's own token.
    pub fn new(channel: Client) -> Self {
        Self { channel }
    }

    /// What happened between two times, `to` not included, on an engagement or on none in particular.
    ///
    /// # Errors
    /// UNAVAILABLE, ESCALATION_UNAVAILABLE where it does not answer.
    pub async fn facts(
        &self,
        client: &str,
        engagement: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Facts, Refusal> {
        let mut facts = Facts::default();
        let mut page_token = String::new();
        loop {
            let request = ListCasesRequest {
                client: client.to_owned(),
                page_size: 200,
                page_token,
                ..ListCasesRequest::default()
            };
            let answer = CaseServiceClient::new(self.channel.clone()).list_cases(request).await;
            let page = answer.map_err(|status| unavailable(&status))?.into_inner();
            for case in &page.cases {
                if case.engagement.is_empty() || case.engagement == engagement {
                    facts.count(case, from, to);
                }
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(facts);
            }
        }
    }

    /// Demands that a case exists and is this client's.
    ///
    /// # Errors
    /// NOT_FOUND, CASE_NOT_FOUND; UNAVAILABLE.
    pub async fn demand_case(&self, name: &str, client: &str) -> Result<(), Refusal> {
        let request = contracts::escalation::v1::GetCaseRequest { name: name.to_owned() };
        let answer = CaseServiceClient::new(self.channel.clone()).get_case(request).await;
        let none = || {
            let message = format!("{name} is not there, or not one of this client's");
            Refusal::new(Kind::NotFound, "CASE_NOT_FOUND", message).with("resource", name)
        };
        match answer {
            Ok(answer) if answer.get_ref().case.as_ref().is_some_and(|case| case.client == client) => Ok(()),
            Ok(_) => Err(none()),
            Err(status) if status.code() == tonic::Code::NotFound => Err(none()),
            Err(status) => Err(unavailable(&status)),
        }
    }
}

impl Facts {
    fn count(&mut self, case: &Case, from: Timestamp, to: Timestamp) {
        let within = |time: Option<&prost_types::Timestamp>| {
            time.and_then(from_proto_time).is_some_and(|time| from <= time && time < to)
        };
        self.opened += u32::from(within(case.open_time.as_ref()));
        self.closed += u32::from(within(case.close_time.as_ref()));
        let response = case.clocks.iter().find(|clock| clock.kind() == ClockKind::FirstResponse);
        let answered =
            response.filter(|clock| clock.state() == ClockState::Ended).filter(|clock| within(clock.end_time.as_ref()));
        if let Some(clock) = answered {
            self.answered += 1;
            self.answered_late += u32::from(clock.breached);
        }
        match case.state() {
            CaseState::AwaitingResponse => self.open_questions += 1,
            CaseState::Unresolved => self.open_issues += 1,
            CaseState::ResolutionProposed => self.waiting_for_you += 1,
            CaseState::Answered | CaseState::Closed | CaseState::Unspecified => {}
        }
    }
}

fn unavailable(status: &tonic::Status) -> Refusal {
    tracing::warn!(rpc.code = ?status.code(), "escalation does not answer");
    Refusal::new(Kind::Unavailable, "ESCALATION_UNAVAILABLE", "escalation does not answer; try again in a moment")
}
