//! `liaison.notification.v1.CallService`.

use access::Caller;
use command::{Call as Command, Commands, paging::Page};
use contracts::notification::v1::{
    ListCallsRequest, ListCallsResponse, ReportCallRequest, ReportCallResponse, call_service_server::CallService,
};
use tonic::{Request, Response, Status};

use super::convert;
use crate::{
    call::{self, Calls, Filter, StoredCall},
    work::Wakes,
};

const READ: &str = "notifications.read";

/// Calls, and what became of them.
#[derive(Clone)]
pub struct Telephone {
    commands: Commands,
    wakes: Wakes,
}

impl Telephone {
    /// Over these commands.
    pub fn new(commands: Commands, wakes: Wakes) -> Self {
        Self { commands, wakes }
    }
}

#[tonic::async_trait]
impl CallService for Telephone {
    async fn report_call(&self, request: Request<ReportCallRequest>) -> Result<Response<ReportCallResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.CallService/ReportCall";
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let (id, report) = (request.name.trim_start_matches("calls/").to_owned(), convert::call_report(&request));
        let command = Command::new(&caller, METHOD, &request.request_id);
        let answer = self
            .commands
            .execute(&command, &request, move |unit| {
                let (id, report) = (id.clone(), report.clone());
                Box::pin(async move {
                    let stored = Calls.report(unit, &id, &report).await?;
                    Ok(ReportCallResponse { call: Some(convert::call(&stored)) })
                })
            })
            .await?;
        self.wakes.wake();
        Ok(Response::new(answer))
    }

    async fn list_calls(&self, request: Request<ListCallsRequest>) -> Result<Response<ListCallsResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.CallService/ListCalls";
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let ListCallsRequest { notification, client, case, state, .. } = &request;
        let list = format!("calls?notification={notification}&client={client}&case={case}&state={state}");
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let filter = Filter {
            notification: notification.trim_start_matches("notifications/").to_owned(),
            client: client.clone(),
            case: case.clone(),
            state: (*state != 0).then(|| i64::from(*state)),
        };
        let rows = call::list(self.commands.db().reader(), &caller.scope(READ), &filter, &page).await;
        let mut rows = rows.map_err(|fault| fault.into_refusal(METHOD))?;
        let next_page_token = page.cut(&list, &mut rows, StoredCall::sort_key);
        Ok(Response::new(ListCallsResponse { calls: rows.iter().map(convert::call).collect(), next_page_token }))
    }
}
