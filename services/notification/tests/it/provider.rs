//! A provider that a test can break at a given point.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use notification::{
    LocalOutbox,
    provider::{HandOver, Lookup, MailProvider, Outgoing, Settlement},
};

/// Where a provider breaks, once; then it works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Never answers, and has not taken the mail: as when the process is killed just before.
    BeforeHandOver,
    /// Never answers, and has taken the mail: as when the process is killed just after.
    AfterHandOver,
    /// Has taken the mail and does not know it.
    Forgets,
    /// Refuses it, for now or for good.
    Refuses { permanent: bool },
}

/// The local outbox with a failpoint.
#[derive(Clone)]
pub struct Breakable {
    pub outbox: LocalOutbox,
    next: Arc<Mutex<Option<Break>>>,
    /// Cannot be asked what became of an attempt.
    blind: Arc<AtomicBool>,
    /// Hand-overs begun.
    begun: Arc<Mutex<u32>>,
    /// Of each hand-over.
    tokens: Arc<Mutex<Vec<String>>>,
    /// Runs while a hand-over is under way.
    during: Arc<Mutex<Option<Hook>>>,
}

type Hook = Box<dyn Fn() + Send>;

impl Breakable {
    pub fn new(outbox: LocalOutbox) -> Self {
        Self { outbox, next: Arc::default(), blind: Arc::default(), begun: Arc::default(), tokens: Arc::default(), during: Arc::default() }
    }

    /// Can no longer be asked what became of an attempt, as SMTP cannot.
    pub fn blind(&self) {
        self.blind.store(true, Ordering::SeqCst);
    }

    /// Breaks the next hand-over.
    pub fn break_next(&self, how: Break) {
        *self.next.lock().unwrap() = Some(how);
    }

    /// Does this during each hand-over.
    pub fn during(&self, what: impl Fn() + Send + 'static) {
        *self.during.lock().unwrap() = Some(Box::new(what));
    }

    /// Those that came with the mails, in order.
    pub fn tokens(&self) -> Vec<String> {
        self.tokens.lock().unwrap().clone()
    }

    pub fn begun(&self) -> u32 {
        *self.begun.lock().unwrap()
    }
}

#[async_trait]
impl MailProvider for Breakable {
    fn name(&self) -> &'static str {
        self.outbox.name()
    }

    fn settlement(&self) -> Settlement {
        if self.blind.load(Ordering::SeqCst) { Settlement::None } else { self.outbox.settlement() }
    }

    async fn hand_over(&self, mail: &Outgoing) -> HandOver {
        let how = self.next.lock().unwrap().take();
        *self.begun.lock().unwrap() += 1;
        self.tokens.lock().unwrap().push(mail.token.clone());
        if let Some(during) = &*self.during.lock().unwrap() {
            during();
        }
        match how {
            None => self.outbox.hand_over(mail).await,
            Some(Break::BeforeHandOver) => std::future::pending().await,
            Some(Break::AfterHandOver) => {
                self.outbox.hand_over(mail).await;
                std::future::pending().await
            }
            Some(Break::Forgets) => {
                self.outbox.hand_over(mail).await;
                HandOver::Unknown
            }
            Some(Break::Refuses { permanent }) => HandOver::refused("NOT_TODAY", permanent),
        }
    }

    async fn look_up(&self, notification: &str, attempt: u32) -> Lookup {
        self.outbox.look_up(notification, attempt).await
    }
}
