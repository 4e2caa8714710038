//! The composition root.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use access::{CachedDecisions, Decisions, RemoteDecisions, TokenSource};
use async_trait::async_trait;
use business_time::SystemClock;
use command::{Activity, Fault};
use contracts::notification::v1::{
    call_service_server::CallServiceServer, inbound_service_server::InboundServiceServer,
    meeting_service_server::MeetingServiceServer, notification_service_server::NotificationServiceServer,
    suppression_service_server::SuppressionServiceServer,
};
use database::MigrationSet;
use event_log::{Handler, Reader};
use runtime::{Client, Services, client::connect};
use service::{Base, Owners, Process, Service, StartError, config::needed, process::Outcome};
use timers::{
    Backoff, Ticker,
    claim::{Claims, next_due},
    work::{Performer, Worker},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, MIGRATIONS, SERVICE,
    calling::Caller,
    config::{Own, WayOut},
    events::{
        from_client_registry::FromClientRegistry, from_escalation::FromEscalation, from_reporting::FromReporting,
    },
    grpc::{Inbound, Meetings, Outbound, SuppressionApi, Telephone},
    intake::{Intake, Recipients, lmtp::Lmtp, maildir::Maildir},
    mail::{Mails, clock::TriageClock, identify::Identify, parse::LARGEST},
    notification::Notifications,
    party::{self, FetchParties},
    procedure::{self, FetchCalendar, FetchPolicy},
    provider::{
        LocalOutbox, MailProvider, Smtp,
        phone::{LocalPhones, PhoneProvider, Twilio},
        smtp::settings::BadSetting,
    },
    sending::{self, Sender},
    telephony::Callbacks,
    work::{self, Wakes},
};

/// What notification is handed by whoever composes it.
pub type Deps = service::Deps<Peers>;

/// The services that notification asks, each over a channel that brings its own token, `services/notification`.
#[derive(Clone)]
pub struct Peers {
    /// client-registry: senders, contacts, permits, the policy, the firm's calendar, who may do what.
    pub client_registry: Client,
    /// escalation: a proposal's words, and whether a case exists.
    pub escalation: Client,
    /// reporting: what a report says.
    pub reporting: Client,
}

/// Who carries what goes out.
#[derive(Clone)]
pub struct Providers {
    /// Mail.
    pub mail: Arc<dyn MailProvider>,
    /// The mails of a critical incident: connections of their own, so that no other mail delays them (SOP 8.2).
    pub alert_mail: Arc<dyn MailProvider>,
    /// Calls.
    pub phones: Arc<dyn PhoneProvider>,
}

/// The outbox cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("outbox {}: {error}", folder.display())]
struct NoOutbox {
    folder: PathBuf,
    error: std::io::Error,
}

/// A real provider over a database whose clock may be made up.
#[derive(Debug, thiserror::Error)]
#[error("this database was made by `migrate --trial`: no real telephone rings for it; unset twilio")]
struct NoRealCalls;

/// Callbacks cannot be listened for.
#[derive(Debug, thiserror::Error)]
#[error("twilio.callback_listen: {0}")]
struct NoCallbacks(#[source] std::io::Error);

/// Notification, composed.
#[derive(Clone)]
pub struct App {
    base: Base,
    mails: Mails,
    notifications: Notifications,
    deps: Deps,
    decisions: Arc<dyn Decisions>,
    providers: Providers,
    outbox: Option<LocalOutbox>,
    phones: LocalPhones,
    lmtp: Option<Lmtp>,
    maildir: Option<Maildir>,
    /// Where callbacks arrive, until somebody serves them, and the address.
    callbacks: Arc<Mutex<Option<Callbacks>>>,
    callback_address: Option<SocketAddr>,
    wakes: Wakes,
    /// Ends the streams of watchers; told by whoever shuts down what was spawned.
    streams: Arc<Mutex<CancellationToken>>,
}

#[async_trait]
impl Service for App {
    fn base(&self) -> &Base {
        &self.base
    }

    fn add_services(&self, services: Services) -> Services {
        let inbound = Inbound::new(
            self.base.commands.clone(),
            self.mails,
            self.deps.peers.client_registry.clone(),
            self.wakes.clone(),
        );
        let outbound = Outbound::new(
            self.base.commands.clone(),
            self.deps.peers.clone(),
            self.wakes.clone(),
            self.log(),
            self.decisions.clone(),
            self.deps.system.clone(),
            self.streams.clone(),
        );
        let meetings = Meetings::new(self.base.commands.clone(), self.deps.peers.client_registry.clone());
        services
            // A mail somewhat over its bound is told so by its own reason; beyond that the server's bound tells.
            .with(InboundServiceServer::new(inbound).max_decoding_message_size(LARGEST + 8 * 1024 * 1024))
            .with(NotificationServiceServer::new(outbound))
            .with(MeetingServiceServer::new(meetings))
            .with(CallServiceServer::new(Telephone::new(self.base.commands.clone(), self.wakes.clone())))
            .with(SuppressionServiceServer::new(SuppressionApi::new(self.base.commands.clone())))
    }

    fn work(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        *self.streams.lock().unwrap_or_else(PoisonError::into_inner) = shutdown.clone();
        let mut wakers = Vec::new();
        for worker in self.workers() {
            wakers.push(worker.wake());
            tasks.spawn(worker.run(shutdown.clone()));
        }
        let clockwork = Arc::new(TriageClock::new(self.base.commands.clone(), self.mails));
        let claims = Arc::new(Claims::new(self.database(), clockwork));
        let ticker = Ticker::new(self.database(), self.deps.clock.clone(), claims);
        wakers.push(ticker.wake());
        tasks.spawn(ticker.run(shutdown.clone()));
        self.wakes.set(wakers);
        if let Some(lmtp) = self.lmtp.clone() {
            tasks.spawn(lmtp.run(shutdown.clone()));
        }
        if let Some(maildir) = self.maildir.clone() {
            tasks.spawn(maildir.run(shutdown.clone()));
        }

        let client_registry: Arc<dyn Handler> = Arc::new(FromClientRegistry::new(self.base.commands.clone()));
        let escalation: Arc<dyn Handler> = Arc::new(FromEscalation::new(
            self.base.commands.clone(),
            self.notifications,
            self.deps.peers.escalation.clone(),
        ));
        let reporting: Arc<dyn Handler> = Arc::new(FromReporting::new(
            self.base.commands.clone(),
            self.notifications,
            self.deps.peers.reporting.clone(),
        ));
        for handler in [client_registry, escalation, reporting] {
            tasks.spawn(self.reader(handler).run(shutdown.clone()));
        }
        let callbacks = self.callbacks.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(callbacks) = callbacks {
            tasks.spawn(callbacks.serve(self.base.commands.clone(), self.wakes.clone(), shutdown.clone()));
        }
        let (app, stop) = (self.clone(), shutdown.clone());
        tasks.spawn(async move { app.ask_for_what_is_missing(stop).await });
    }

    fn wake(&self) {
        self.commands().committed();
        self.wakes.wake();
    }

    async fn activity(&self) -> Result<Activity, Fault> {
        let (db, now) = (self.database(), self.commands().now());
        let due = next_due(&db, TriageClock::TABLE).await.map_err(crate::work::fault)?;
        Ok(Activity::of(&self.log(), &db, now).await?.with_timer(due, now))
    }
}

#[async_trait]
impl Process for App {
    const NAME: &'static str = SERVICE;
    const PREFIX: &'static str = "NOTIFICATION";
    const LISTEN: &'static str = "127.0.0.1:7403";
    const MIGRATIONS: &'static [MigrationSet] = MIGRATIONS;
    type Own = Own;
    type Peers = Peers;

    fn connect(own: &Own, system: Arc<dyn SystemClock>) -> Outcome<(Peers, Owners)> {
        let client_registry = needed("client_registry_url", &own.client_registry_url)?;
        let escalation = needed("escalation_url", &own.escalation_url)?;
        let reporting = needed("reporting_url", &own.reporting_url)?;
        let tokens = TokenSource::file(needed("token_file", &own.token_file)?.clone(), system);
        let client_registry = connect(client_registry, tokens.clone())?;
        let escalation = connect(escalation, tokens.clone())?;
        let reporting = connect(reporting, tokens)?;
        let owners = Owners::new([
            ("client-registry", client_registry.clone()),
            ("escalation", escalation.clone()),
            ("reporting", reporting.clone()),
        ]);
        Ok((Peers { client_registry, escalation, reporting }, owners))
    }

    async fn build(config: &Config, deps: Deps) -> Result<Self, StartError> {
        let way_out = config.own.way_out().map_err(own)?;
        let mail = || -> Result<Arc<dyn MailProvider>, StartError> {
            Ok(match way_out {
                WayOut::Outbox(folder) => Arc::new(open_outbox(folder)?),
                WayOut::Smtp(settings) => Arc::new(Smtp::try_new(settings).map_err(own)?),
            })
        };
        let phones: Arc<dyn PhoneProvider> = match config.own.twilio.account().map_err(own)? {
            Some(account) => Arc::new(Twilio::new(account).map_err(own)?),
            None => Arc::new(open_phones(config)?),
        };
        let providers = Providers { mail: mail()?, alert_mail: mail()?, phones };
        let app = Self::build_with(config, deps, providers).await?;
        let for_trials = app.database().is_trial().await?;
        if app.callback_address.is_some() && for_trials {
            return Err(own(NoRealCalls));
        }
        // Its clock may run as fast as it likes, and so would what it sends.
        if matches!(way_out, WayOut::Smtp(_)) && for_trials {
            return Err(own(BadSetting::new("smtp", "is not used over a database that is for trials")));
        }
        Ok(app)
    }

    async fn check(&self) -> Result<(), String> {
        self.providers.mail.check().await.map_err(|why| format!("smtp: {why}"))
    }

    fn decisions(&self) -> Arc<dyn Decisions> {
        self.decisions.clone()
    }
}

impl App {
    /// As [`Process::build`], with other providers than the settings name.
    ///
    /// # Errors
    /// As [`Process::build`].
    pub async fn build_with(config: &Config, deps: Deps, providers: Providers) -> Result<Self, StartError> {
        let base = Base::open(SERVICE, MIGRATIONS, &config.base, &deps).await?;
        let callbacks = match config.own.twilio.account().map_err(own)? {
            Some(account) => Some(Callbacks::bind(account).await.map_err(|error| own(NoCallbacks(error)))?),
            None => None,
        };
        let remote = RemoteDecisions::new(deps.peers.client_registry.clone());
        let decisions = CachedDecisions::new(remote, deps.system.clone());
        let wakes = Wakes::default();
        let intake = Intake::new(base.commands.clone(), Mails::default(), wakes.clone());
        let lmtp = match &config.own.lmtp.listen {
            Some(listen) => {
                let recipients = Recipients::read(&config.own.lmtp.recipients).map_err(own)?;
                Some(Lmtp::new(intake.clone(), listen.clone(), recipients))
            }
            None if !config.own.lmtp.recipients.is_empty() => {
                return Err(own(BadSetting::new("lmtp.listen", "is needed where lmtp.recipients is told")));
            }
            None => None,
        };
        let maildir = match &config.own.maildir {
            Some(folder) => {
                let error = |error: std::io::Error| own(BadSetting::new("maildir", error.to_string()));
                Some(Maildir::open(intake, folder).map_err(error)?)
            }
            None => None,
        };
        Ok(Self {
            base,
            mails: Mails::default(),
            notifications: Notifications,
            deps,
            decisions: Arc::new(decisions),
            providers,
            outbox: config.own.outbox.as_ref().map(open_outbox).transpose()?,
            phones: open_phones(config)?,
            lmtp,
            maildir,
            callback_address: callbacks.as_ref().map(Callbacks::address),
            callbacks: Arc::new(Mutex::new(callbacks)),
            wakes,
            streams: Arc::default(),
        })
    }

    fn workers(&self) -> [Worker; 7] {
        let (commands, mails, wakes) = (&self.base.commands, self.mails, &self.wakes);
        let registry = &self.deps.peers.client_registry;
        let identify = Identify::new(commands.clone(), mails, registry.clone(), self.decisions.clone(), wakes.clone());
        let sender = |kind, provider: &Arc<dyn MailProvider>| {
            Arc::new(Sender::new(
                kind,
                commands.clone(),
                mails,
                sending::Peers {
                    client_registry: registry.clone(),
                    escalation: self.deps.peers.escalation.clone(),
                    reporting: self.deps.peers.reporting.clone(),
                },
                provider.clone(),
                self.deps.system.clone(),
                wakes.clone(),
            ))
        };
        let caller = Caller::new(
            commands.clone(),
            registry.clone(),
            self.providers.phones.clone(),
            self.deps.system.clone(),
            wakes.clone(),
        );
        let policy = FetchPolicy::new(commands.clone(), mails, registry.clone(), wakes.clone());
        let calendar = FetchCalendar::new(commands.clone(), mails, registry.clone(), wakes.clone());
        let parties = FetchParties::new(commands.clone(), registry.clone(), wakes.clone());
        [
            urgent(self.worker(sender(work::ALERT_MAIL, &self.providers.alert_mail))),
            urgent(self.worker(Arc::new(caller))),
            self.worker(Arc::new(identify)),
            self.worker(sender(work::SEND, &self.providers.mail)),
            self.worker(Arc::new(policy)),
            self.worker(Arc::new(calendar)),
            self.worker(Arc::new(parties)),
        ]
    }

    /// A peer that is down is waited for, however long: nothing of this is set aside.
    fn worker(&self, performer: Arc<dyn Performer>) -> Worker {
        let worker = Worker::new(self.database(), self.deps.clock.clone(), self.deps.system.clone(), performer);
        let worker = worker.with_backoff(patient(Duration::from_secs(60)));
        if self.deps.transport.is_in_process() { worker.alone() } else { worker }
    }

    fn reader(&self, handler: Arc<dyn Handler>) -> Reader {
        let app = self.clone();
        Reader::new(
            self.database(),
            self.deps.system.clone(),
            self.deps.transport.clone(),
            self.deps.replayer.clone(),
            handler,
        )
        .after_commit(move || app.wake())
    }

    /// A service that starts for the first time has heard of no policy that was published before, and of nobody who is told of
    /// critical incidents.
    async fn ask_for_what_is_missing(&self, shutdown: CancellationToken) {
        let now = self.commands().now();
        let db = self.database();
        let asked = db.transaction(move |tx| {
            Box::pin(async move {
                if procedure::policy(tx).await?.is_none() {
                    procedure::ask_for_policy(tx, "start", now).await?;
                }
                // Once in a database's life: from then on every change is told.
                party::ask_for_everything(tx, "start", now).await?;
                Ok::<_, Fault>(())
            })
        });
        tokio::select! {
            () = shutdown.cancelled() => return,
            asked = asked => match asked {
                Ok(()) => self.wakes.wake(),
                Err(error) => tracing::warn!(%error, "the policy was not asked for; its publication will be told"),
            }
        }
        shutdown.cancelled().await;
    }

    /// What went out through the local outbox, for a page that shows it; none where mail leaves by SMTP.
    pub fn outbox(&self) -> Option<&LocalOutbox> {
        self.outbox.as_ref()
    }

    /// Where LMTP is listened for; none while it is not.
    pub fn lmtp_address(&self) -> Option<SocketAddr> {
        self.lmtp.as_ref().and_then(Lmtp::address)
    }

    /// Where callbacks of calls are listened for; none where calls stay in the local outbox.
    pub fn callback_address(&self) -> Option<SocketAddr> {
        self.callback_address
    }

    /// What went out through the local outbox of calls.
    pub fn phones(&self) -> &LocalPhones {
        &self.phones
    }
}

/// What nobody may be kept waiting for (SOP 8.2): a provider that stalls on some leaves room for others, what a killed process
/// had begun is soon another's, and a failure is soon tried again.
fn urgent(worker: Worker) -> Worker {
    worker.with_parallel(32).with_claim(Duration::from_secs(25)).with_backoff(patient(Duration::from_secs(5)))
}

fn patient(most: Duration) -> Backoff {
    Backoff { first: Duration::from_millis(500), most, tries: u32::MAX }
}

fn own(error: impl std::error::Error + Send + Sync + 'static) -> StartError {
    StartError::Own(Box::new(error))
}

fn open_phones(config: &Config) -> Result<LocalPhones, StartError> {
    let needed = || own(BadSetting::new("calls", "is needed where mail leaves by smtp"));
    let folder = config.own.calls_folder().ok_or_else(needed)?;
    LocalPhones::open(&folder).map_err(|error| StartError::Own(Box::new(NoOutbox { folder, error })))
}

fn open_outbox(folder: &PathBuf) -> Result<LocalOutbox, StartError> {
    LocalOutbox::open(folder).map_err(|error| StartError::Own(Box::new(NoOutbox { folder: folder.clone(), error })))
}
