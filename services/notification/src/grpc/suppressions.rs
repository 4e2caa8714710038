//! `liaison.notification.v1.SuppressionService`.

use access::Caller;
use command::{Call, Commands, Fault, paging::Page, wire::proto_time};
use contracts::notification::v1::{
    self as wire, LiftSuppressionRequest, LiftSuppressionResponse, ListSuppressionsRequest, ListSuppressionsResponse,
    suppression_service_server::SuppressionService,
};
use refusal::Refusal;
use tonic::{Request, Response, Status};

use crate::suppression::{self, StoredSuppression, Suppressions};

const READ: &str = "suppressions.read";
const LIFT: &str = "suppressions.lift";

/// Addresses that take no mail.
#[derive(Clone)]
pub struct SuppressionApi {
    commands: Commands,
}

impl SuppressionApi {
    /// Over these commands.
    pub fn new(commands: Commands) -> Self {
        Self { commands }
    }
}

fn shown(stored: &StoredSuppression, lift_reason: String) -> wire::Suppression {
    let suppression = &stored.suppression;
    wire::Suppression {
        name: suppression.name(),
        client: suppression.client.clone(),
        contact: suppression.contact.clone(),
        notification: suppression.notification.clone(),
        reason: suppression.reason.clone(),
        create_time: Some(proto_time(suppression.create_time)),
        lift_time: suppression.lifted.as_ref().map(|lifted| proto_time(lifted.time)),
        lifted_by: suppression.lifted.as_ref().map(|lifted| lifted.by.clone()).unwrap_or_default(),
        lift_reason,
    }
}

#[tonic::async_trait]
impl SuppressionService for SuppressionApi {
    async fn list_suppressions(
        &self,
        request: Request<ListSuppressionsRequest>,
    ) -> Result<Response<ListSuppressionsResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.SuppressionService/ListSuppressions";
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let list = format!("suppressions?client={}&lifted={}", request.client, request.show_lifted);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let (scope, reader) = (caller.scope(READ), self.commands.db().reader());
        let rows = suppression::list(reader, &scope, &request.client, request.show_lifted, &page).await;
        let mut rows = rows.map_err(|fault| fault.into_refusal(METHOD))?;
        let next_page_token = page.cut(&list, &mut rows, StoredSuppression::sort_key);
        let opened = async {
            let mut suppressions = Vec::with_capacity(rows.len());
            for stored in &rows {
                suppressions.push(shown(stored, stored.lift_reason(reader, self.commands.keyring()).await?));
            }
            Ok::<_, Fault>(suppressions)
        };
        let suppressions = opened.await.map_err(|fault| fault.into_refusal(METHOD))?;
        // What people said is personal: one row names them all.
        let read: Vec<_> =
            suppressions.iter().filter(|one| !one.lift_reason.is_empty()).map(|one| one.name.clone()).collect();
        if !read.is_empty() {
            self.commands.audit_read(&caller, METHOD, read).await?;
        }
        Ok(Response::new(ListSuppressionsResponse { suppressions, next_page_token }))
    }

    async fn lift_suppression(
        &self,
        request: Request<LiftSuppressionRequest>,
    ) -> Result<Response<LiftSuppressionResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.SuppressionService/LiftSuppression";
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let id = request.name.trim_start_matches("suppressions/").to_owned();
        let found = suppression::find(self.commands.db().reader(), &id).await;
        let found = found.map_err(|fault| fault.into_refusal(METHOD))?;
        let not_found = || Refusal::not_found(&request.name);
        let client = found.ok_or_else(not_found)?.suppression.client;
        caller
            .require(LIFT, &client)
            .map_err(|denied| if caller.scope(READ).contains(&client) { denied } else { not_found() })?;
        let call = Call::new(&caller, METHOD, &request.request_id);
        let reason = request.reason.clone();
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, reason) = (id.clone(), reason.clone());
                Box::pin(async move {
                    let stored = Suppressions.lift(unit, &id, &reason).await?;
                    Ok(LiftSuppressionResponse { suppression: Some(shown(&stored, reason)) })
                })
            })
            .await?;
        self.commands.committed();
        Ok(Response::new(answer))
    }
}
