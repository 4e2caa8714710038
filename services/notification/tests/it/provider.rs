//! A provider that a test can break at a given point.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use notification::{
    LocalOutbox, LocalPhones,
    provider::{
        HandOver, Lookup, MailProvider, Outgoing, Settlement,
        phone::{CallSettlement, Found, OutgoingCall, PhoneProvider, Placed, Wanted},
    },
};
use tokio::sync::Semaphore;

/// Where a provider breaks, once; then it works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Never answers, and has not taken the mail: as when the process is killed just before.
    BeforeHandOver,
    /// Never answers, and has taken the mail: as when the process is killed just after.
    AfterHandOver,
    /// Has taken the mail and does not know it.
    Forgets,
    /// The same, and from then on nobody can tell of any mail, as with SMTP.
    ForgetsForGood,
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
    /// Takes nothing for now.
    away: Arc<AtomicBool>,
    /// Hand-overs begun.
    begun: Arc<Mutex<u32>>,
    /// Of each hand-over.
    tokens: Arc<Mutex<Vec<String>>>,
    /// Runs while a hand-over is under way.
    during: Arc<Mutex<Option<Hook>>>,
    /// Holds every hand-over back until it is opened.
    stalled: Arc<Mutex<Option<Arc<Semaphore>>>>,
}

type Hook = Box<dyn Fn() + Send>;

impl Breakable {
    pub fn new(outbox: LocalOutbox) -> Self {
        Self {
            outbox,
            next: Arc::default(),
            blind: Arc::default(),
            away: Arc::default(),
            begun: Arc::default(),
            tokens: Arc::default(),
            during: Arc::default(),
            stalled: Arc::default(),
        }
    }

    /// Can no longer be asked what became of an attempt, as SMTP cannot.
    pub fn blind(&self) {
        self.blind.store(true, Ordering::SeqCst);
    }

    /// Takes nothing from now on, or is back.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Holds every hand-over back from now on.
    pub fn stall(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.stalled.lock().unwrap() = Some(gate.clone());
        gate
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
        let gate = self.stalled.lock().unwrap().clone();
        if let Some(gate) = gate {
            drop(gate.acquire().await);
        }
        if self.away.load(Ordering::SeqCst) {
            return HandOver::Unavailable { reason: "RELAY_AWAY".into() };
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
            Some(Break::ForgetsForGood) => {
                self.outbox.hand_over(mail).await;
                self.blind();
                HandOver::Unknown
            }
            Some(Break::Refuses { permanent }) => HandOver::refused("NOT_TODAY", permanent),
        }
    }

    async fn look_up(&self, notification: &str, attempt: u32) -> Lookup {
        self.outbox.look_up(notification, attempt).await
    }
}

/// Where a provider of calls breaks, once; then it works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneBreak {
    /// Never answers, and has not taken the call: as when the process is killed just before.
    BeforePlacing,
    /// Never answers, and has taken the call: as when the process is killed just after.
    AfterPlacing,
    /// Has taken the call and does not know it, and nobody can tell.
    Lost,
    /// Does not take it.
    Refuses { number: bool },
}

/// The local outbox of calls with failpoints.
#[derive(Clone)]
pub struct BreakablePhones {
    pub phones: LocalPhones,
    next: Arc<Mutex<VecDeque<PhoneBreak>>>,
    lost: Arc<Mutex<Vec<String>>>,
    begun: Arc<Mutex<u32>>,
    during: Arc<Mutex<Option<CallHook>>>,
    /// Numbers whose calls are held back.
    gates: Arc<Mutex<Vec<Gate>>>,
}

type Gate = (String, Arc<Semaphore>);
type CallHook = Box<dyn Fn(&OutgoingCall) + Send>;

impl BreakablePhones {
    pub fn new(phones: LocalPhones) -> Self {
        Self {
            phones,
            next: Arc::default(),
            lost: Arc::default(),
            begun: Arc::default(),
            during: Arc::default(),
            gates: Arc::default(),
        }
    }

    /// Breaks the next placing that is not broken yet.
    pub fn break_next(&self, how: PhoneBreak) {
        self.next.lock().unwrap().push_back(how);
    }

    /// Does this during each placing, once the call is out.
    pub fn during(&self, what: impl Fn(&OutgoingCall) + Send + 'static) {
        *self.during.lock().unwrap() = Some(Box::new(what));
    }

    /// Holds every call to this number back.
    pub fn stall(&self, number: &str) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.gates.lock().unwrap().push((number.to_owned(), gate.clone()));
        gate
    }

    pub fn begun(&self) -> u32 {
        *self.begun.lock().unwrap()
    }
}

#[async_trait]
impl PhoneProvider for BreakablePhones {
    fn name(&self) -> &'static str {
        self.phones.name()
    }

    fn settlement(&self) -> CallSettlement {
        self.phones.settlement()
    }

    async fn place(&self, call: &OutgoingCall) -> Placed {
        let how = self.next.lock().unwrap().pop_front();
        *self.begun.lock().unwrap() += 1;
        let gate =
            self.gates.lock().unwrap().iter().find(|(number, _)| *number == call.to).map(|(_, gate)| gate.clone());
        if let Some(gate) = gate {
            drop(gate.acquire().await);
        }
        match how {
            None => {
                let placed = self.phones.place(call).await;
                if let Some(during) = &*self.during.lock().unwrap() {
                    during(call);
                }
                placed
            }
            Some(PhoneBreak::BeforePlacing) => std::future::pending().await,
            Some(PhoneBreak::AfterPlacing) => {
                self.phones.place(call).await;
                std::future::pending().await
            }
            Some(PhoneBreak::Lost) => {
                self.phones.place(call).await;
                self.lost.lock().unwrap().push(call.call.clone());
                Placed::Unknown
            }
            Some(PhoneBreak::Refuses { number }) => Placed::Refused { reason: "NOT_TODAY".into(), number },
        }
    }

    async fn look_up(&self, wanted: &Wanted) -> Found {
        if self.lost.lock().unwrap().contains(&wanted.call) {
            return Found::Unknown;
        }
        self.phones.look_up(wanted).await
    }
}
