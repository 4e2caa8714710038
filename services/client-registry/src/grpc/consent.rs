//! ConsentService.

use access::Caller;
use command::Call;
use contracts::client_registry::v1::{
    AuthorizeSendRequest, AuthorizeSendResponse, GetIncidentPartiesRequest, GetIncidentPartiesResponse,
    authorize_send_response::Outcome, consent_service_server::ConsentService,
};
use tonic::{Request, Response, Status};

use super::{Api, convert, method};
use crate::{name, permit};

const AUTHORIZE: &str = method!("ConsentService/AuthorizeSend");
const PARTIES: &str = method!("ConsentService/GetIncidentParties");

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

    async fn get_incident_parties(
        &self,
        request: Request<GetIncidentPartiesRequest>,
    ) -> Result<Response<GetIncidentPartiesResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere("sends.authorize")?;
        let request = request.into_inner();
        let client = name::id_in("clients", &request.client, "client")?.to_owned();
        // In one transaction, as AuthorizeSend finds them: a copy is of one moment. Its audit row names everybody in it.
        let call = Call::new(&caller, PARTIES, "");
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let client = client.clone();
                Box::pin(async move {
                    Ok(convert::incident_parties_to_wire(permit::incident_parties(unit, &client).await?))
                })
            })
            .await?;
        Ok(Response::new(answer))
    }
}
