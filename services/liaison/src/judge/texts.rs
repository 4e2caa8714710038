//! Every text that a person wrote to a client and that left, checked once more by the same lists (SOP 4.3, SOP 4.4).
//!
//! A client's reading level and glossary are those that its reports were checked by where they tell, else those at the end. A text
//! in another language is looked at and tells nothing: it was not checked, which is not the same as passed.

use contracts::{
    client_registry::v1::ReadingLevel as Level,
    notification::v1::{Notification, NotificationKind, NotificationState},
    reporting::v1::{CheckedLanguage, LanguageOverride, Report, SubmissionOutcome},
};
use plain_language::{Finding, JargonTerm, Language, Profile, ReadingLevel};

use super::docket::Docket;
use crate::folder::{Evidence, instant, names};

/// Looks at all of them for one clause.
pub(super) fn look(evidence: &Evidence, clause: &str) -> Docket {
    let mut docket = Docket::default();
    for one in evidence.notifications.values().filter(|one| is_letter(one)) {
        docket.look();
        letter(evidence, one, clause, &mut docket);
    }
    for report in evidence.reports.values() {
        for submission in &report.submissions {
            if submission.outcome() == SubmissionOutcome::Approved {
                docket.look();
                approved(evidence, report, submission.number, clause, &mut docket);
            }
        }
    }
    docket.cite(names::NOTIFICATIONS);
    if !evidence.reports.is_empty() {
        docket.cite(names::REPORTS);
    }
    docket
}

/// Something that a person wrote and that was sent.
fn is_letter(one: &Notification) -> bool {
    let written = [NotificationKind::Reply, NotificationKind::Acknowledgement, NotificationKind::IncidentUpdate];
    written.contains(&one.kind()) && one.state() == NotificationState::HandedOver
}

fn letter(evidence: &Evidence, one: &Notification, clause: &str, docket: &mut Docket) {
    let place = format!("{} {}", names::NOTIFICATIONS, one.name);
    let queued = instant(one.queue_time.as_ref()).unwrap_or(evidence.run.end_time);
    let version = evidence.policy_at(queued).map_or(0, |policy| policy.version);
    let report = plain_language::check(&one.text, &profile(evidence, &one.client, version));
    for finding in report.blocks().filter(|finding| finding.rule.clause().as_str() == clause) {
        let rule = finding.rule.as_str();
        let recorded = one.language_blocks.iter().any(|known| known == rule);
        if !recorded || one.language_override_reason.trim().is_empty() {
            docket.broken(&place, told(finding));
        }
    }
}

fn approved(evidence: &Evidence, report: &Report, number: u64, clause: &str, docket: &mut Docket) {
    let place = format!("{} {} submission {number}", names::REPORTS, report.name);
    let Some(submission) = report.submissions.iter().find(|one| one.number == number) else { return };
    let Some(version) = report.versions.iter().find(|one| one.number == submission.text_version) else {
        return docket.broken(place, "the version that was approved is not kept");
    };
    let Some(check) = &submission.check else { return docket.broken(place, "nothing tells what the check found") };
    let mut profile = profile(evidence, &report.client, check.policy_version);
    profile.glossary.clone_from(&check.glossary);
    profile.reading_level = match check.reading_level.as_str() {
        "PROFESSIONAL" => ReadingLevel::Professional,
        "EXPERT" => ReadingLevel::Expert,
        _ => ReadingLevel::General,
    };
    let found = plain_language::check_all(&version.text, &profile);
    let checked = check.language() == CheckedLanguage::English;
    if checked != (found.language == Language::English) {
        docket.broken(&place, "it is told as checked and was not, or the other way round");
    }
    for finding in found.blocks().filter(|finding| finding.rule.clause().as_str() == clause) {
        if !submission.overrides.iter().any(|one| covers(one, finding)) {
            docket.broken(&place, told(finding));
        }
    }
}

fn covers(one: &LanguageOverride, finding: &Finding) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let same = one.rule == "HARD_TO_READ" || plain(&one.words) == plain(&finding.words);
    one.rule == finding.rule.as_str() && same && !one.reason.trim().is_empty() && !one.person.is_empty()
}

fn profile(evidence: &Evidence, client: &str, policy_version: u64) -> Profile {
    let known = evidence.find_client(client);
    let level = known.map(|client| client.reading_level()).unwrap_or_default();
    let reading_level = match level {
        Level::Unspecified | Level::General => ReadingLevel::General,
        Level::Professional => ReadingLevel::Professional,
        Level::Expert => ReadingLevel::Expert,
    };
    let terms = evidence.find_policy(policy_version).map(|policy| policy.jargon.as_slice()).unwrap_or_default();
    let term = |term: &contracts::client_registry::v1::JargonTerm| JargonTerm {
        term: term.term.clone(),
        suggestion: term.suggestion.clone(),
    };
    let glossary = known.map(|client| client.glossary.clone()).unwrap_or_default();
    Profile { reading_level, glossary, jargon: terms.iter().map(term).collect() }
}

fn told(finding: &Finding) -> String {
    format!("says {:?} ({}), and nobody said why", finding.words, finding.rule.as_str())
}
