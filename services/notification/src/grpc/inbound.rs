//! `liaison.notification.v1.InboundService`.

use std::sync::Arc;

use access::{Caller, Scope};
use command::{Call, Commands, Fault, paging::Page, wire::from_proto_time};
use contracts::{
    client_registry::v1::{GetContactRequest, contact_service_client::ContactServiceClient},
    notification::v1::{
        AttributeMailRequest, AttributeMailResponse, DeliverMailRequest, DeliverMailResponse, DismissMailRequest,
        DismissMailResponse, GetMailRequest, GetMailResponse, ListMailsRequest, ListMailsResponse,
        inbound_service_server::InboundService,
    },
};
use refusal::{Kind, Refusal};
use runtime::Client;
use tonic::{Code, Request, Response, Status};

use super::convert;
use crate::{
    mail::{self, Delivery, Filter, MailError, Mails, StoredMail, parse::ParsedMail},
    work::Wakes,
};

const READ: &str = "mails.read";
const READ_CLIENTS: &str = "clients.read";
const TRIAGE: &str = "mails.triage";

/// Mail that comes in.
#[derive(Clone)]
pub struct Inbound {
    commands: Commands,
    mails: Mails,
    client_registry: Client,
    wakes: Wakes,
}

impl Inbound {
    /// Over these commands; contacts are looked up in this registry.
    pub fn new(commands: Commands, mails: Mails, client_registry: Client, wakes: Wakes) -> Self {
        Self { commands, mails, client_registry, wakes }
    }

    /// A client's mail is for whoever may read mails and that client's affairs; one that lies or lay in triage, or is
    /// nobody's, for whoever reads the firm's: who sees to triage, and the auditor.
    fn may_see(caller: &Caller, stored: &StoredMail) -> bool {
        let (mail, grants) = (&stored.mail, caller.grants());
        if !mail.client.is_empty() && grants.holds_on(READ, &mail.client) && grants.holds_on(READ_CLIENTS, &mail.client)
        {
            return true;
        }
        (mail.client.is_empty() || mail.triage.is_some()) && caller.grants().holds_everywhere(READ)
    }

    async fn contact_is_active(&self, contact: &str) -> Result<(), Status> {
        let mut contacts = ContactServiceClient::new(self.client_registry.clone());
        let not_found = || Status::from(Refusal::not_found(contact));
        match contacts.get_contact(GetContactRequest { name: contact.to_owned() }).await {
            Ok(answer) => match answer.into_inner().contact {
                Some(contact) if !contact.inactive => Ok(()),
                _ => Err(not_found()),
            },
            Err(status) if status.code() == Code::NotFound => Err(not_found()),
            Err(status) => {
                tracing::warn!(code = %status.code(), "the registry does not say whether a contact is active");
                let sentence = "the registry does not answer; repeat the call later";
                Err(Refusal::new(Kind::Unavailable, "REGISTRY_UNAVAILABLE", sentence).into())
            }
        }
    }

    async fn whole(&self, stored: &StoredMail) -> Result<contracts::notification::v1::Mail, Fault> {
        let (reader, keyring) = (self.commands.db().reader(), self.commands.keyring());
        let words = stored.words(reader, keyring).await?;
        let text = stored.text(reader, keyring).await?;
        Ok(convert::mail(&stored.mail, Some(&words), &text))
    }

    fn committed(&self) {
        self.commands.committed();
        self.wakes.wake();
    }
}

#[tonic::async_trait]
impl InboundService for Inbound {
    async fn deliver_mail(
        &self,
        request: Request<DeliverMailRequest>,
    ) -> Result<Response<DeliverMailResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.InboundService/DeliverMail";
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere("mails.deliver")?;
        let request = request.into_inner();
        let receive_time = match &request.receive_time {
            None => None,
            Some(time) => {
                Some(from_proto_time(time).ok_or_else(|| Refusal::field("BAD_TIME", "receive_time", "is no time"))?)
            }
        };
        let call = Call::new(&caller, METHOD, &request.request_id);
        // Reading takes time in proportion to the mail: not on a thread that serves others.
        let (parsed, request) = tokio::task::spawn_blocking(move || {
            (ParsedMail::read(&request.raw, request.envelope_from.as_deref()), request)
        })
        .await
        .map_err(|error| runtime::internal(error, "a mail could not be read"))?;
        let parsed = parsed.map_err(|error| Refusal::from(MailError::from(error)))?;
        let delivery = Arc::new(Delivery {
            parsed,
            raw: request.raw.clone(),
            receive_time,
            received_by: None,
            envelope_to: request.envelope_to.clone(),
        });
        let mails = self.mails;
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let delivery = delivery.clone();
                Box::pin(async move {
                    let (mail, duplicate) = mails.take(unit, &delivery).await?;
                    // No words: the answer is kept for the request's idempotency, and the mail server has them.
                    Ok(DeliverMailResponse { mail: Some(convert::mail(&mail, None, "")), duplicate })
                })
            })
            .await?;
        self.committed();
        Ok(Response::new(answer))
    }

    async fn get_mail(&self, request: Request<GetMailRequest>) -> Result<Response<GetMailResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.InboundService/GetMail";
        let caller = Caller::of(&request)?.clone();
        let name = request.into_inner().name;
        let answer = async {
            let found = mail::find(self.commands.db().reader(), name.trim_start_matches("mails/")).await?;
            let stored = found.filter(|stored| Self::may_see(&caller, stored));
            self.whole(&stored.ok_or_else(|| Refusal::not_found(&name))?).await
        };
        let mail = answer.await.map_err(|fault| fault.into_refusal(METHOD))?;
        self.commands.audit_read(&caller, METHOD, vec![name]).await?;
        Ok(Response::new(GetMailResponse { mail: Some(mail) }))
    }

    async fn list_mails(&self, request: Request<ListMailsRequest>) -> Result<Response<ListMailsResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.InboundService/ListMails";
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let list = format!("mails?state={}&client={}", request.state, request.client);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        // Whoever sees to triage reads mails for the whole firm, and no client's affairs.
        let scope = match (caller.scope(READ), caller.scope(READ_CLIENTS)) {
            (Scope::All, clients) | (clients, Scope::All) => clients,
            (Scope::Clients(one), Scope::Clients(other)) => Scope::Clients(one.intersection(&other).cloned().collect()),
        };
        let filter = Filter {
            scope: &scope,
            nobodys: caller.grants().holds_everywhere(READ),
            state: convert::mail_state_of(request.state()),
            client: &request.client,
        };
        let answer = async {
            let (reader, keyring) = (self.commands.db().reader(), self.commands.keyring());
            let mut rows = mail::list(reader, &filter, &page).await?;
            let next = page.cut(&list, &mut rows, StoredMail::sort_key);
            let mut mails = Vec::with_capacity(rows.len());
            for stored in &rows {
                let words = stored.words(reader, keyring).await?;
                mails.push(convert::mail(&stored.mail, Some(&words), ""));
            }
            Ok::<_, Fault>((mails, next))
        };
        let (mails, next_page_token) = answer.await.map_err(|fault| fault.into_refusal(METHOD))?;
        // Senders and subjects are personal: one row names them all.
        if !mails.is_empty() {
            let names = mails.iter().map(|mail| mail.name.clone()).collect();
            self.commands.audit_read(&caller, METHOD, names).await?;
        }
        Ok(Response::new(ListMailsResponse { mails, next_page_token }))
    }

    async fn attribute_mail(
        &self,
        request: Request<AttributeMailRequest>,
    ) -> Result<Response<AttributeMailResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.InboundService/AttributeMail";
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere(TRIAGE)?;
        let request = request.into_inner();
        self.contact_is_active(&request.contact).await?;
        let mails = self.mails;
        let (id, contact) = (request.name.trim_start_matches("mails/").to_owned(), request.contact.clone());
        let call = Call::new(&caller, METHOD, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, contact) = (id.clone(), contact.clone());
                Box::pin(async move {
                    let stored = mails.attribute(unit, &id, &contact).await?;
                    Ok(AttributeMailResponse { mail: Some(convert::mail(&stored.mail, None, "")) })
                })
            })
            .await?;
        self.committed();
        Ok(Response::new(answer))
    }

    async fn dismiss_mail(
        &self,
        request: Request<DismissMailRequest>,
    ) -> Result<Response<DismissMailResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.InboundService/DismissMail";
        let caller = Caller::of(&request)?.clone();
        caller.require_everywhere(TRIAGE)?;
        let request = request.into_inner();
        let mails = self.mails;
        let (id, reason) = (request.name.trim_start_matches("mails/").to_owned(), request.reason.clone());
        let call = Call::new(&caller, METHOD, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (id, reason) = (id.clone(), reason.clone());
                Box::pin(async move {
                    let stored = mails.dismiss(unit, &id, &reason).await?;
                    Ok(DismissMailResponse { mail: Some(convert::mail(&stored.mail, None, "")) })
                })
            })
            .await?;
        self.committed();
        Ok(Response::new(answer))
    }
}
