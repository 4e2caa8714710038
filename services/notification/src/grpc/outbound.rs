//! `liaison.notification.v1.NotificationService`.

use std::sync::{Arc, Mutex, PoisonError};

use access::{Caller, Decisions, PrincipalKind};
use business_time::SystemClock;
use command::{Call, Commands, Fault, paging::Page};
use contracts::{
    escalation::v1::{GetCaseRequest, case_service_client::CaseServiceClient},
    notification::v1::{
        CancelNotificationRequest, CancelNotificationResponse, GetNotificationRequest, GetNotificationResponse,
        ListNotificationsRequest, ListNotificationsResponse, MessageNature, SendMessageRequest, SendMessageResponse,
        WatchDeliveriesRequest, notification_service_server::NotificationService,
    },
};
use event_log::EventLog;
use refusal::{Kind as Refused, Refusal};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use super::{convert, language, sees, watch};
use crate::{
    Peers,
    notification::{
        self, Notifications, StoredNotification,
        entity::Kind,
        message::{Message, case_not_here_yet},
    },
    thread,
    work::Wakes,
};

const READ: &str = "notifications.read";
const SEND: &str = "messages.send";

/// What goes out.
#[derive(Clone)]
pub struct Outbound {
    commands: Commands,
    notifications: Notifications,
    peers: Peers,
    wakes: Wakes,
    watch: watch::Tools,
    streams: Arc<Mutex<CancellationToken>>,
}

impl Outbound {
    /// Over these commands. `decisions` are asked again while somebody watches; streams end when what `streams`
    /// holds then is cancelled.
    pub fn new(
        commands: Commands,
        peers: Peers,
        wakes: Wakes,
        log: EventLog,
        decisions: Arc<dyn Decisions>,
        system: Arc<dyn SystemClock>,
        streams: Arc<Mutex<CancellationToken>>,
    ) -> Self {
        let watch = watch::Tools { log, decisions, system };
        Self { commands, notifications: Notifications, peers, wakes, watch, streams }
    }

    /// A case that was not heard of here is not there at all, or was opened a moment ago; escalation knows.
    async fn await_case(&self, case: &str, client: &str) -> Result<(), Status> {
        if case.is_empty() {
            return Ok(());
        }
        let known = thread::find_case(self.commands.db().reader(), case, "").await;
        if known.map_err(|fault| fault.into_refusal("SendMessage"))?.is_some() {
            return Ok(());
        }
        let mut cases = CaseServiceClient::new(self.peers.escalation.clone());
        match cases.get_case(GetCaseRequest { name: case.to_owned() }).await {
            Err(status) if status.code() == Code::NotFound => Err(Refusal::not_found(case).into()),
            Ok(answer) if answer.get_ref().case.as_ref().is_none_or(|known| known.client != client) => {
                Err(Refusal::not_found(case).into())
            }
            _ => Err(case_not_here_yet(case).into()),
        }
    }
}

#[tonic::async_trait]
impl NotificationService for Outbound {
    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.NotificationService/SendMessage";
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        caller.require(SEND, &request.client)?;
        if caller.principal().kind() != PrincipalKind::Staff {
            let sentence = "a message to a client is a person's: only staff can send one";
            return Err(Refusal::new(Refused::Denied, "ONLY_STAFF", sentence).into());
        }
        let kind = match request.nature() {
            MessageNature::Reply => Kind::Reply,
            MessageNature::Acknowledgement => Kind::Acknowledgement,
            MessageNature::IncidentUpdate => Kind::IncidentUpdate,
            MessageNature::Unspecified => {
                return Err(Refusal::field("NATURE_MISSING", "nature", "says whether it answers the question").into());
            }
        };
        // A full stop or an invisible character is no reply that a clock could end by (SOP 4.2).
        if !request.text.chars().any(char::is_alphanumeric) {
            return Err(Refusal::field("TEXT_MISSING", "text", "has no words").into());
        }
        self.await_case(&request.case, &request.client).await?;
        let reader = self.commands.db().reader();
        let profile = language::profile(reader, &self.peers.client_registry, &request.client).await;
        let profile = profile.map_err(|fault| fault.into_refusal(METHOD))?;
        let (override_reason, language_blocks) =
            language::settle(&request.text, &profile, &request.language_override_reason)?;
        let message = Message {
            client: request.client.clone(),
            case: request.case.clone(),
            contact: request.contact.clone(),
            kind,
            subject: request.subject.clone(),
            text: request.text.clone(),
            override_reason,
            language_blocks,
        };
        let notifications = self.notifications;
        let call = Call::new(&caller, METHOD, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let message = message.clone();
                Box::pin(async move {
                    let queued = notifications.send_message(unit, message).await?;
                    Ok(SendMessageResponse { notification: Some(convert::notification(&queued, None)) })
                })
            })
            .await?;
        self.wakes.wake();
        Ok(Response::new(answer))
    }

    async fn get_notification(
        &self,
        request: Request<GetNotificationRequest>,
    ) -> Result<Response<GetNotificationResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.NotificationService/GetNotification";
        let caller = Caller::of(&request)?.clone();
        let name = request.into_inner().name;
        let answer = async {
            let reader = self.commands.db().reader();
            let found = notification::find(reader, name.trim_start_matches("notifications/")).await?;
            let stored = found.filter(|stored| sees(&caller, READ, &stored.notification.client));
            let stored = stored.ok_or_else(|| Refusal::not_found(&name))?;
            let words = stored.words(reader, self.commands.keyring()).await?;
            let attempts = notification::attempts(reader, &stored.notification).await?;
            let shown = convert::notification(&stored.notification, Some(&words));
            Ok::<_, Fault>(convert::with_attempts(shown, &attempts))
        };
        let notification = answer.await.map_err(|fault| fault.into_refusal(METHOD))?;
        self.commands.audit_read(&caller, METHOD, vec![name]).await?;
        Ok(Response::new(GetNotificationResponse { notification: Some(notification) }))
    }

    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Result<Response<ListNotificationsResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.NotificationService/ListNotifications";
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let list = format!("notifications?client={}&case={}", request.client, request.case);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let scope = caller.scope(READ);
        let reader = self.commands.db().reader();
        let rows = notification::list(reader, &scope, &request.client, &request.case, &page).await;
        let mut rows = rows.map_err(|fault| fault.into_refusal(METHOD))?;
        let next_page_token = page.cut(&list, &mut rows, StoredNotification::sort_key);
        let mut notifications = Vec::with_capacity(rows.len());
        for StoredNotification { notification, .. } in &rows {
            let attempts = notification::attempts(reader, notification).await;
            let attempts = attempts.map_err(|fault| fault.into_refusal(METHOD))?;
            notifications.push(convert::with_attempts(convert::notification(notification, None), &attempts));
        }
        Ok(Response::new(ListNotificationsResponse { notifications, next_page_token }))
    }

    async fn cancel_notification(
        &self,
        request: Request<CancelNotificationRequest>,
    ) -> Result<Response<CancelNotificationResponse>, Status> {
        const METHOD: &str = "liaison.notification.v1.NotificationService/CancelNotification";
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let id = request.name.trim_start_matches("notifications/");
        let found = notification::find(self.commands.db().reader(), id).await;
        let found = found.map_err(|fault| fault.into_refusal(METHOD))?;
        let client = found.map(|stored| stored.notification.client);
        let Some(client) = client.filter(|client| sees(&caller, READ, client) || sees(&caller, SEND, client)) else {
            return Err(Refusal::not_found(&request.name).into());
        };
        if client.is_empty() {
            caller.require_everywhere(SEND)?
        } else {
            caller.require(SEND, &client)?
        }
        let (notifications, id) = (self.notifications, id.to_owned());
        let call = Call::new(&caller, METHOD, &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let id = id.clone();
                Box::pin(async move {
                    let stored = notifications.cancel(unit, &id).await?;
                    let notification = convert::notification(&stored.notification, None);
                    Ok(CancelNotificationResponse { notification: Some(notification) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    type WatchDeliveriesStream = watch::Stream;

    async fn watch_deliveries(
        &self,
        request: Request<WatchDeliveriesRequest>,
    ) -> Result<Response<Self::WatchDeliveriesStream>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let shutdown = self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone();
        watch::begin(self.watch.clone(), &caller, request, shutdown).await.map(Response::new)
    }
}
