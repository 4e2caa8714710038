//! ConsentService.

use access::Caller;
use command::Call;
use contracts::client_registry::v1::{
    AuthorizeSendRequest, AuthorizeSendResponse, authorize_send_response::Outcome,
    consent_service_server::ConsentService,
};
use tonic::{Request, Response, Status};

use super::{Api, convert, method};
use crate::permit;

const AUTHORIZE: &str = method!("ConsentService/AuthorizeSend");

#[tonic::async_trait]
impl ConsentService for Api {
    async fn authorize_send(
        &self,
        request: Request<AuthorizeSendRequest>,
    ) -> Result<Response<AuthorizeSendResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere("sends.authorize")?;
        let request = request.into_inner();
        let wish = convert::wish(&request)?;
        let system_now = self.system.now();
        // Each attempt asks anew and gets a permit of its own: there is nothing to repeat.
        let call = Call::new(&caller, AUTHORIZE, "");
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let wish = wish.clone();
                Box::pin(async move {
                    let outcome = match permit::authorize(unit, wish, system_now).await? {
                        Ok(granted) => Outcome::Permit(convert::granted_to_wire(granted)),
                        Err(denial) => Outcome::Refusal(convert::denial_to_wire(denial)),
                    };
                    Ok(AuthorizeSendResponse { outcome: Some(outcome) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }
}
