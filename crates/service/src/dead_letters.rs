//! DeadLetterService: what the readers of this process could not handle, and having it handled again.

use access::Caller;
use async_trait::async_trait;
use command::{Call, Commands, paging::Page, wire::proto_time};
use contracts::event::v1::{
    DeadLetter, ListDeadLettersRequest, ListDeadLettersResponse, RedriveDeadLettersRequest, RedriveDeadLettersResponse,
    dead_letter_service_server::DeadLetterService,
};
use refusal::{Kind, Refusal};
use tonic::{Request, Response, Status};

const LIST: &str = "liaison.event.v1.DeadLetterService/ListDeadLetters";
const REDRIVE: &str = "liaison.event.v1.DeadLetterService/RedriveDeadLetters";

/// Answers for the services of this process, told apart by the request's `service`.
pub struct DeadLetters {
    services: Vec<(&'static str, Commands)>,
}

impl DeadLetters {
    /// Over the commands of each.
    pub fn new(services: impl IntoIterator<Item = (&'static str, Commands)>) -> Self {
        Self { services: services.into_iter().collect() }
    }

    fn commands(&self, service: &str) -> Result<&Commands, Refusal> {
        let found = self.services.iter().find(|(name, _)| *name == service);
        found.map(|(_, commands)| commands).ok_or_else(|| {
            let refusal = Refusal::new(Kind::NotFound, "SERVICE_NOT_HERE", "this process does not run that service");
            refusal.with("service", service)
        })
    }
}

#[async_trait]
impl DeadLetterService for DeadLetters {
    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let request = request.get_ref();
        let commands = self.commands(&request.service)?;
        let list = format!("deadLetters?service={}", request.service);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let after = page.after.as_deref().and_then(|seq| seq.parse().ok()).unwrap_or(0);
        let letters = event_log::dead_letters(commands.db(), after, page.limit()).await;
        let mut letters = letters.map_err(|error| command::Fault::from(error).into_refusal(LIST))?;
        let next_page_token = page.cut(&list, &mut letters, |letter| letter.seq.to_string());
        Ok(Response::new(ListDeadLettersResponse {
            dead_letters: letters.into_iter().map(to_wire).collect(),
            next_page_token,
        }))
    }

    async fn redrive_dead_letters(
        &self,
        request: Request<RedriveDeadLettersRequest>,
    ) -> Result<Response<RedriveDeadLettersResponse>, Status> {
        let call = Call::new(Caller::of(&request)?, REDRIVE, &request.get_ref().request_id);
        let request = request.into_inner();
        let (subscription, aggregate) = (request.subscription.clone(), request.aggregate.clone());
        let answer = self.commands(&request.service)?.execute(&call, &request, move |unit| {
            let (subscription, aggregate) = (subscription.clone(), aggregate.clone());
            Box::pin(async move {
                let of = Some(aggregate.as_str()).filter(|of| !of.is_empty());
                let Some(count) = event_log::redrive(unit.tx(), &subscription, of).await? else {
                    let refusal =
                        Refusal::new(Kind::NotFound, "SUBSCRIPTION_NOT_FOUND", "there is no such subscription");
                    return Err(refusal.with("subscription", subscription).into());
                };
                unit.touched(&format!("subscriptions/{subscription}"));
                Ok(RedriveDeadLettersResponse { count: i32::try_from(count).unwrap_or(i32::MAX) })
            })
        });
        Ok(Response::new(answer.await?))
    }
}

fn to_wire(letter: event_log::DeadLetter) -> DeadLetter {
    DeadLetter {
        subscription: letter.subscription,
        stream: letter.stream,
        event: letter.event.id.to_string(),
        r#type: letter.event.type_name().to_owned(),
        aggregate: letter.event.aggregate.clone(),
        incarnation: letter.event.at.incarnation,
        position: letter.event.at.position,
        reason: letter.reason,
        dead_time: Some(proto_time(letter.dead_time)),
        redrive_pending: letter.redrive_pending,
    }
}
