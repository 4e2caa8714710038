//! A running suite and its clock: calls through the front door by anybody, and time that passes.

use base64::{Engine, engine::general_purpose::STANDARD};
use business_time::{ManualClock, Timestamp};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use tonic::{Streaming, transport::Channel};

use super::settle::{Stuck, settle};
use crate::{
    call::{self, CallError},
    suite::Suite,
};

/// Where a story is played: every call bears the token of whoever makes it, and the clock jumps only when nothing is under
/// way.
pub struct Stage<'s> {
    suite: &'s Suite,
    clock: ManualClock,
    channel: Channel,
}

impl<'s> Stage<'s> {
    /// On a running suite whose business clock is `clock`.
    ///
    /// # Errors
    /// Where the suite's address is none.
    pub fn try_new(suite: &'s Suite, clock: ManualClock) -> Result<Self, CallError> {
        Ok(Self { suite, clock, channel: call::channel(&suite.address().to_string())? })
    }

    /// The suite.
    pub fn suite(&self) -> &'s Suite {
        self.suite
    }

    /// The business time now.
    pub fn now(&self) -> Timestamp {
        self.suite.now()
    }

    /// A method by `CaseService/OpenCase` or its full name.
    pub fn find_method(name: &str) -> Option<MethodDescriptor> {
        let (service, method) = name.rsplit_once('/')?;
        let ending = format!(".{service}");
        let mut services = contracts::pool().services();
        let service = services.find(|one| one.full_name() == service || one.full_name().ends_with(&ending))?;
        service.methods().find(|one| one.name() == method)
    }

    /// Calls a method that answers once, with a request as proto JSON.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn call(&self, who: &str, method: &MethodDescriptor, request: &str) -> Result<Value, CallError> {
        let message = call::request(method, request)?;
        let answer = call::unary(&self.channel, method, message, Some(&self.token(who)?)).await?;
        call::json(&answer)
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn watch(
        &self,
        who: &str,
        method: &MethodDescriptor,
        request: &str,
    ) -> Result<Streaming<DynamicMessage>, CallError> {
        let message = call::request(method, request)?;
        call::streaming(&self.channel, method, message, Some(&self.token(who)?)).await
    }

    /// Hands a mail over as the firm's mail server does, which received it at `received`.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn deliver(
        &self,
        who: &str,
        raw: &str,
        envelope_from: &str,
        received: Timestamp,
    ) -> Result<Value, CallError> {
        let fields = json!({ "envelopeFrom": envelope_from, "receiveTime": received.to_string() });
        self.deliver_with(who, raw, fields).await
    }

    /// Hands a mail over with the other `fields` of the request as they are given: what is not among them is not told.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn deliver_with(&self, who: &str, raw: &str, mut fields: Value) -> Result<Value, CallError> {
        let method = Self::find_method("InboundService/DeliverMail")
            .ok_or_else(|| CallError::Connection("the contracts have no InboundService/DeliverMail".into()))?;
        fields["raw"] = STANDARD.encode(raw).into();
        self.call(who, &method, &fields.to_string()).await
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    /// [`Stuck`].
    pub async fn settle(&self) -> Result<(), Stuck> {
        settle(self.suite, self.suite.now()).await.map(drop)
    }

    /// Lets everything happen that is due up to `until`, each at its own time, and arrives there.
    ///
    /// # Errors
    /// [`Stuck`].
    pub async fn advance(&self, until: Timestamp) -> Result<(), Stuck> {
        while self.hop(until).await? {}
        Ok(())
    }

    /// Goes to the next time up to `until` at which something is due; where nothing is, to `until`, and gives false.
    ///
    /// # Errors
    /// [`Stuck`].
    pub async fn hop(&self, until: Timestamp) -> Result<bool, Stuck> {
        let rest = settle(self.suite, self.suite.now()).await?;
        if let Some(due) = rest.next_due.filter(|due| *due <= until) {
            if due > self.suite.now() {
                self.clock.set(due);
            }
            self.suite.wake();
            return Ok(true);
        }
        if until > self.suite.now() {
            self.clock.set(until);
            self.suite.wake();
            settle(self.suite, until).await?;
        }
        Ok(false)
    }

    fn token(&self, who: &str) -> Result<String, CallError> {
        self.suite.token(who).map_err(|error| CallError::Connection(format!("no token for {who}: {error}")))
    }
}
