//! Ways to break one clause and no other, for any evidence folder on disk. Each changes what was recorded as somebody
//! would who can write everything, and leaves every hash in order. One that finds nothing to change says so.

use ::evidence::audit_file::{AuditFile, FileOutcome, FileRow};
mod clause_2;
mod clause_4_2;
mod clause_4_3;
mod clause_4_4;
mod clause_5;
mod clause_6;
mod clause_6_meetings;
mod clause_7;
mod clause_8_1;
mod clause_8_2;
mod clause_8_3;
mod clause_8_4;
mod clause_9;

use contracts::{
    client_registry::v1::{EscalationTarget, Policy, Staff, StaffKind},
    escalation::v1::{
        Case, CaseClosed, CaseEscalated, CaseReopened, ClockBreached, ClockKind, ConfirmationDue, ResolutionConfirmed,
        Side, TimelineEntry, TimelineKind,
    },
    notification::v1::{
        DeliverySucceeded, InquiryReceived, Mail, MailKind, MailNoted, Notification, NotificationKind, TriageOverdue,
    },
};
use liaison::folder::{Assignments, ClientRecord, Evidence, Outcome, StaffRecord, Step, is_person, is_staff, names};

use crate::bench::{Bench, notification, set_header};

pub struct Mutation {
    /// The clause that it breaks.
    pub clause: &'static str,
    /// What is wrong afterwards, as a sentence.
    pub name: &'static str,
    /// Changes the folder; `None` where there is nothing to change.
    pub apply: fn(&Bench) -> Option<()>,
}

const fn of(clause: &'static str, name: &'static str, apply: fn(&Bench) -> Option<()>) -> Mutation {
    Mutation { clause, name, apply }
}

pub const ALL: &[Mutation] = &[
    of("2", "a contractor's access never ends", clause_2::contractor_without_end),
    of("2", "somebody is neither employee nor contractor", clause_2::staff_of_no_kind),
    of("2", "a contractor acted after their access had ended", clause_2::contractor_acted_too_late),
    of("2", "somebody acted after they had been deactivated", clause_2::acted_after_deactivation),
    of("4.2", "a clock is due at another time than the calendar says", clause_4_2::clock_set_wrong),
    of("4.2", "no clock was set", clause_4_2::no_clock),
    of("4.2", "a bare acknowledgement counts as a response", clause_4_2::acknowledgement_counts),
    of("4.2", "a machine's reply counts as a response", clause_4_2::machine_replied),
    of("4.2", "a reply that nobody wrote counts as a response", clause_4_2::nobody_replied),
    of("4.2", "a reply to a stranger counts as a response", clause_4_2::replied_to_nobody),
    of("4.2", "a breach was not recorded", clause_4_2::first_breach_missing),
    of("4.2", "a clock counts from another time than the mail was received", clause_4_2::counted_from_later),
    of("4.2", "a client's word is on no case", clause_4_2::word_lost),
    of("4.2", "a clock counts from when the mail was read", clause_4_2::counted_from_reading),
    of("4.2", "nothing says when a mail had been received", clause_4_2::receipt_untold),
    of("4.2", "an out-of-office counts as a client's word", clause_4_2::machine_heard),
    of("4.2", "a mail with the null sender counts as a person's", clause_4_2::null_sender_heard),
    of("4.2", "the client wrote again and it stayed closed", clause_4_2::reopening_missing),
    of("4.2", "a reply that left too late is told as in time", clause_4_2::late_told_as_in_time),
    of("4.2", "the policy gives two business days", clause_4_2::policy_longer),
    of("4.2", "a mail delivered twice became two", clause_4_2::mail_doubled),
    of("4.2", "a forged sender was believed", clause_4_2::forged_believed),
    of("4.2", "a mail in triage has no owner", clause_4_2::triage_without_owner),
    of("4.2", "a mail in triage is due at another time", clause_4_2::triage_due_wrong),
    of("4.2", "a mail in triage was overdue and nobody said so", clause_4_2::triage_unnoticed),
    of("4.3", "a text was approved that says what the policy bans", clause_4_3::banned_word),
    of("4.4", "a reply blames its reader and nobody said why", clause_4_4::blaming_reply),
    of("5", "a report came in a form that the procedure does not have", clause_5::other_form),
    of("5", "two reports are about the same period", clause_5::period_twice),
    of("5", "a report was approved by somebody else", clause_5::approved_by_another),
    of("5", "a report was late and nobody noticed", clause_5::late_unnoticed),
    of("6", "a mail left from another domain", clause_6::foreign_domain),
    of("6", "a mail went to one more address", clause_6::one_more_address),
    of("6", "a mail went to another client's contact", clause_6::other_clients_contact),
    of("6", "a mail that left is gone", clause_6::mail_gone),
    of("6", "a mail left of which no notification knows", clause_6::mail_from_nowhere),
    of("6", "a mail left without a permit", clause_6::no_permit),
    of("6", "a mail left twice", clause_6::left_twice),
    of("6 meetings", "a meeting in person has no minutes", clause_6_meetings::no_minutes),
    of("6 meetings", "minutes say nothing", clause_6_meetings::wordless_minutes),
    of("6 meetings", "a call that must be recorded was not", clause_6_meetings::not_recorded),
    of("6 meetings", "a call is of no kind, and so escapes its recording", clause_6_meetings::of_no_kind),
    of("6 meetings", "a call was recorded without consent", clause_6_meetings::no_consent),
    of("6 meetings", "one who was not there consented", clause_6_meetings::consent_of_another),
    of("6 meetings", "a video link leads to another provider", clause_6_meetings::strange_provider),
    of("6 meetings", "somebody of another client took part", clause_6_meetings::stranger_took_part),
    of("6 meetings", "a meeting was closed before it was over", clause_6_meetings::closed_before_its_end),
    of("6 meetings", "a meeting was held, and nobody was told", clause_6_meetings::untold),
    of("6 meetings", "a meeting counts that was not closed", clause_6_meetings::counts_unclosed),
    of("7", "somebody read a case of a client they have nothing to do with", clause_7::stranger_read),
    of("7", "a refusal is not in the audit", clause_7::refusal_missing),
    of("7", "a read of personal data is not in the audit", clause_7::read_missing),
    of("7", "the audit names another resource than was read", clause_7::other_resource_named),
    of("7", "a change is not in the audit", clause_7::change_missing),
    of("7", "a watch brought what happened to a foreign client", clause_7::foreign_watch),
    of("7", "nobody knows who did it", clause_7::nobody_acted),
    of("8.1", "a step was not taken", clause_8_1::step_missing),
    of("8.1", "a step went to another target", clause_8_1::step_astray),
    of("8.1", "the absent person was told, not the deputy", clause_8_1::absent_told),
    of("8.1", "a step was taken too early", clause_8_1::step_early),
    of("8.1", "24 hours passed unnoticed", clause_8_1::day_unnoticed),
    of("8.1", "the policy goes to the team lead after two days", clause_8_1::policy_later),
    of("8.1", "the policy never goes to management", clause_8_1::policy_without_management),
    of("8.2", "one side was not called", clause_8_2::never_called),
    of("8.2", "the first attempt came after two minutes", clause_8_2::tried_late),
    of("8.2", "a voicemail counts as reached", clause_8_2::voicemail_reached),
    of("8.2", "a mail that nobody answered counts as reached", clause_8_2::unanswered_reached),
    of("8.2", "the next attempt is not told", clause_8_2::next_untold),
    of("8.2", "the same number was called again, and not the next", clause_8_2::same_number),
    of("8.2", "nobody was left to try, and nobody was told", clause_8_2::failure_untold),
    of("8.2", "the copy of who is told was used, and nothing says so", clause_8_2::copy_untold),
    of("8.2", "an update was missed, and nobody noticed", clause_8_2::update_unnoticed),
    of("8.2", "what nobody wrote counts as an update", clause_8_2::generated_update),
    of("8.2", "the report is due at another time", clause_8_2::report_later),
    of("8.3", "an acknowledgement is not documented", clause_8_3::acknowledgement_undocumented),
    of("8.3", "that somebody was told is not documented", clause_8_3::telling_undocumented),
    of("8.3", "an acknowledgement is documented that nobody gave", clause_8_3::acknowledgement_invented),
    of("8.3", "an entry is of a time before the one before it", clause_8_3::time_runs_back),
    of("8.3", "an entry is about another case", clause_8_3::entry_of_another_case),
    of("8.3", "a stretch of the audit is not sealed", clause_8_3::audit_unsealed),
    of("8.3", "an event does not follow the one before it", clause_8_3::stream_broken),
    of("8.4", "it closed without the client", clause_8_4::closed_without_client),
    of("8.4", "it closed on an older revision", clause_8_4::closed_on_older_revision),
    of("8.4", "a contact of another client confirmed", clause_8_4::stranger_confirmed),
    of("8.4", "whoever recorded the client's word confirmed for the firm", clause_8_4::recorder_confirmed),
    of("8.4", "a contact confirmed who may not", clause_8_4::contact_may_not),
    of("8.4", "both confirmed and it did not close", clause_8_4::never_closed),
    of("8.4", "its state is closed, its timeline is not", clause_8_4::state_disagrees),
    of("8.4", "a contact was asked who cannot confirm", clause_8_4::confirmer_not_asked),
    of("8.4", "a side was not reminded", clause_8_4::reminder_missing),
    of("9", "a client's account manager is nobody", clause_9::no_account_manager),
    of("9", "an account manager was replaced by nobody's act", clause_9::manager_replaced_by_nobody),
    of("9", "another than the account manager was told of lateness", clause_9::wrong_manager_told),
];

/// Publishes one more policy when the run is all but over, so that no case is kept under it.
fn publish(bench: &Bench, change: impl FnOnce(&mut Policy)) -> Option<()> {
    let end = bench.evidence().run.end_time;
    let mut done = false;
    bench.protos::<Policy>(names::POLICIES, |policies| {
        let Some(mut policy) = policies.last().cloned() else { return };
        policy.version += 1;
        policy.name = format!("policies/{}", policy.version);
        policy.publish_time = Some(crate::world::proto(end));
        change(&mut policy);
        policies.push(policy);
        done = true;
    });
    done.then_some(())
}

fn shift(time: &mut Option<prost_types::Timestamp>, seconds: i64) {
    if let Some(time) = time {
        time.seconds += seconds;
    }
}

/// The first entry that fits, by case.
fn entry(evidence: &Evidence, fits: impl Fn(&TimelineEntry) -> bool) -> Option<(String, TimelineEntry)> {
    let mut all = evidence.timelines.iter();
    all.find_map(|(case, timeline)| Some((case.clone(), timeline.entries.iter().find(|entry| fits(entry))?.clone())))
}

fn change_entry(
    bench: &Bench,
    fits: impl Fn(&TimelineEntry) -> bool,
    change: impl FnOnce(&mut TimelineEntry),
) -> Option<()> {
    let (case, found) = entry(&bench.evidence(), fits)?;
    bench.timeline(&case, |entries| change(&mut entries[found.sequence as usize - 1]));
    Some(())
}

fn drop_entry(bench: &Bench, fits: impl Fn(&TimelineEntry) -> bool) -> Option<(String, TimelineEntry)> {
    let (case, found) = entry(&bench.evidence(), fits)?;
    bench.timeline(&case, |entries| drop(entries.remove(found.sequence as usize - 1)));
    Some((case, found))
}
