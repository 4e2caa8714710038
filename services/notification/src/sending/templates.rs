//! The words of mails: one folder in `templates/` for each kind, with subject, text and HTML, compiled into the binary.
//! HTML is escaped by its template's name; nothing in it is fetched from elsewhere.
//!
//! A new kind is a folder there and a line in [`SOURCES`]; a test renders every kind.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, value::Serde};
use serde::Serialize;

use crate::notification::entity::Kind;

macro_rules! sources {
    ($($folder:literal),+) => {
        &[
            ("layout.html", include_str!("../../templates/layout.html")),
            ("parts.html", include_str!("../../templates/parts.html")),
            ("written.html", include_str!("../../templates/written.html")),
            ("spoken/open.txt", include_str!("../../templates/spoken/open.txt")),
            ("spoken/voicemail.txt", include_str!("../../templates/spoken/voicemail.txt")),
            ("spoken/confirmed.txt", include_str!("../../templates/spoken/confirmed.txt")),
            $(
                (concat!($folder, "/subject.txt"), include_str!(concat!("../../templates/", $folder, "/subject.txt"))),
                (concat!($folder, "/body.txt"), include_str!(concat!("../../templates/", $folder, "/body.txt"))),
                (concat!($folder, "/body.html"), include_str!(concat!("../../templates/", $folder, "/body.html"))),
            )+
        ]
    };
}

const SOURCES: &[(&str, &str)] = sources![
    "reply",
    "acknowledgement",
    "auto_acknowledgement",
    "clock_breach",
    "escalation",
    "confirmation_request",
    "confirmation_reminder",
    "triage",
    "triage_overdue",
    "confirmation_answered",
    "critical_alert",
    "alert_failed",
    "incident_update",
    "contribution_request",
    "report_approval",
    "report_overdue",
    "report_due",
    "report_returned",
    "report_failed",
    "undelivered"
];

static TEMPLATES: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in SOURCES {
        templates.add_template(name, source)?;
    }
    Ok(templates)
});

/// What templates may say. What a kind does not use is empty.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Context {
    /// Whom it greets: the recipient where there is one, else `all`.
    pub greeting: String,
    /// Who sends it.
    pub sender: String,
    /// What the client is called; for mails to the firm's own people.
    pub client: String,
    /// `cases/{case}`.
    pub case: String,
    /// `mails/{mail}`.
    pub mail: String,
    /// Whether it goes to the client's side.
    pub to_client: bool,
    /// Whether somebody is told in another's place.
    pub stands_in: bool,
    /// A clock's name.
    pub clock: String,
    /// Whether that is the first-response clock.
    pub first_response: bool,
    /// Whether that is the clock of a client's next update on a critical incident.
    pub client_update: bool,
    /// When a critical incident was declared, for people.
    pub declared: String,
    /// Which side an alert did not reach, for people.
    pub failed_side: String,
    /// On which channel, for people.
    pub failed_channel: String,
    /// Why, for people.
    pub failure: String,
    /// Whether the case of an alert that failed was still open then.
    pub case_open: bool,
    /// Whether the registry did not answer and the copy of who is told was used.
    pub from_copy: bool,
    /// When it is or was due, for people.
    pub due: String,
    /// When a mail was received, for people.
    pub received: String,
    /// How soon the firm answers, for people; empty where the policy is not known.
    pub answer_within: String,
    /// The escalation step.
    pub step: i32,
    /// The role in which somebody is told, for people.
    pub target: String,
    /// The number of the proposal.
    pub proposal_revision: u64,
    /// The proposed resolution as it was written.
    pub proposal_text: String,
    /// The same in paragraphs of lines.
    pub proposal: Vec<Vec<String>>,
    /// Why a mail lies in triage, for people.
    pub triage_reason: String,
    /// `reports/{report}`.
    pub report: String,
    /// What kind of report that is, for people.
    pub report_label: String,
    /// What that report is about.
    pub period: String,
    /// Why a report did not arrive, for programs.
    pub undelivered: String,
    /// What became of a mail that did not arrive, for people.
    pub trouble: String,
    /// The provider's reason or the notice's status.
    pub trouble_reason: String,
    /// That mail, `notifications/{notification}`.
    pub about: String,
    /// Its kind, as the contract names it.
    pub about_kind: String,
    /// The subject that a person gave.
    pub written_subject: String,
    /// The text that a person wrote.
    pub written_text: String,
    /// The same in paragraphs of lines.
    pub written: Vec<Vec<String>>,
}

/// A rendered mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as a page.
    pub html: String,
}

#[derive(Serialize)]
struct WithSubject<'a> {
    subject: &'a str,
    #[serde(flatten)]
    context: &'a Context,
}

/// The folder of a kind's templates.
pub fn folder(kind: Kind) -> &'static str {
    match kind {
        Kind::Reply => "reply",
        Kind::Acknowledgement => "acknowledgement",
        Kind::AutoAcknowledgement => "auto_acknowledgement",
        Kind::ClockBreach => "clock_breach",
        Kind::Escalation => "escalation",
        Kind::ConfirmationRequest => "confirmation_request",
        Kind::ConfirmationReminder => "confirmation_reminder",
        Kind::Triage => "triage",
        Kind::TriageOverdue => "triage_overdue",
        Kind::ConfirmationAnswered => "confirmation_answered",
        Kind::CriticalAlert => "critical_alert",
        Kind::AlertFailed => "alert_failed",
        Kind::IncidentUpdate => "incident_update",
        // Rendered by its owner.
        Kind::Report => "",
        Kind::ContributionRequest => "contribution_request",
        Kind::ReportApproval => "report_approval",
        Kind::ReportOverdue => "report_overdue",
        Kind::ReportDue => "report_due",
        Kind::ReportReturned => "report_returned",
        Kind::ReportFailed => "report_failed",
        Kind::Undelivered => "undelivered",
    }
}

/// Renders a mail.
///
/// # Errors
/// A fault in a template, which tests rule out.
pub fn render(kind: Kind, context: &Context) -> Result<Rendered, minijinja::Error> {
    let templates = TEMPLATES.as_ref().map_err(|error| {
        minijinja::Error::new(minijinja::ErrorKind::BadSerialization, format!("templates: {error}"))
    })?;
    let part = |name: &str, subject: &str| {
        templates.get_template(&format!("{}/{name}", folder(kind)))?.render(Serde(WithSubject { subject, context }))
    };
    let subject = part("subject.txt", "")?.split_whitespace().collect::<Vec<_>>().join(" ");
    let html = part("body.html", &subject)?;
    // What a person wrote stays as it is; only what the templates leave between their blocks is tidied.
    let text = part("body.txt", &subject)?;
    let text = if kind.is_written() { text.trim().to_owned() } else { tidy(&text) };
    Ok(Rendered { subject, text: format!("{text}\n"), html })
}

/// What is spoken on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// To whoever answers.
    Open,
    /// To a voicemail.
    Voicemail,
    /// To whoever has pressed the key.
    Confirmed,
}

/// What is spoken, on one line.
///
/// # Errors
/// A fault in a template, which tests rule out.
pub fn speak(what: Spoken, context: &Context) -> Result<String, minijinja::Error> {
    let templates = TEMPLATES.as_ref().map_err(|error| {
        minijinja::Error::new(minijinja::ErrorKind::BadSerialization, format!("templates: {error}"))
    })?;
    let name = match what {
        Spoken::Open => "spoken/open.txt",
        Spoken::Voicemail => "spoken/voicemail.txt",
        Spoken::Confirmed => "spoken/confirmed.txt",
    };
    let text = templates.get_template(name)?.render(Serde(context))?;
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Text in paragraphs of lines, as HTML shows it.
pub fn paragraphs(text: &str) -> Vec<Vec<String>> {
    let mut paragraphs: Vec<Vec<String>> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if line.trim().is_empty() {
            open = false;
        } else if let Some(last) = paragraphs.last_mut().filter(|_| open) {
            last.push(line.to_owned());
        } else {
            paragraphs.push(vec![line.to_owned()]);
            open = true;
        }
    }
    paragraphs
}

fn tidy(text: &str) -> String {
    let mut out = String::new();
    let mut blank = 0;
    for line in text.trim().lines().map(str::trim_end) {
        blank = if line.is_empty() { blank + 1 } else { 0 };
        if blank < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn context() -> Context {
        Context {
            greeting: "Jo <b>".into(),
            sender: "The Firm".into(),
            client: "Acme & Sons".into(),
            case: "cases/1".into(),
            mail: "mails/1".into(),
            clock: "first response".into(),
            due: "Monday 2 March 2026, 09:00 (Europe/London)".into(),
            proposal_text: "<script>alert(1)</script>".into(),
            proposal: paragraphs("<script>alert(1)</script>"),
            triage_reason: "the sender is not known".into(),
            written_subject: "Re: Invoice".into(),
            written_text: "One\n  two\n\n\n\nthree <i>".into(),
            written: paragraphs("One\n  two\n\n\n\nthree <i>"),
            ..Context::default()
        }
    }

    #[test]
    fn every_kind_renders_without_remote_content_and_escaped() {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Report) {
            for to_client in [false, true] {
                let mail = render(kind, &Context { to_client, stands_in: true, ..context() }).unwrap();
                assert!(!mail.subject.is_empty() && !mail.text.trim().is_empty(), "{kind:?}");
                assert!(mail.html.starts_with("<!doctype html>"), "{kind:?}: {}", mail.html);
                for foreign in ["http:", "https:", "src=", "url(", "<script", "<b>", "<i>", "{{", "{%"] {
                    assert!(!mail.html.contains(foreign), "{kind:?} has {foreign}");
                }
                assert!(mail.html.contains("lang=\"en\""));
            }
        }
    }

    #[test]
    fn nothing_about_the_client_is_spoken_before_the_key_and_on_a_voicemail() {
        for to_client in [false, true] {
            let context = Context { to_client, ..context() };
            for what in [Spoken::Open, Spoken::Voicemail] {
                let text = speak(what, &context).unwrap();
                assert!(text.contains("The Firm"), "{text}");
                for secret in ["Acme", "cases/1", "Jo"] {
                    assert!(!text.contains(secret), "{what:?}: {text}");
                }
            }
            assert!(speak(Spoken::Open, &context).unwrap().contains("press 1"));
            assert_eq!(speak(Spoken::Confirmed, &context).unwrap().contains("Acme"), !to_client);
        }
    }

    #[test]
    fn what_a_person_wrote_stays_as_it_was_written() {
        let mail = render(Kind::Reply, &context()).unwrap();
        assert!(mail.text.starts_with("One\n  two\n\n\n\nthree <i>\n"), "{}", mail.text);
        assert!(mail.html.contains("<p>One<br>  two</p>"), "{}", mail.html);
        assert!(mail.html.contains("<p>three &lt;i&gt;</p>"));
    }
}
