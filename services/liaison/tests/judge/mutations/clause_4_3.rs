use contracts::{client_registry::v1::JargonTerm, reporting::v1::SubmissionOutcome};

use super::*;

/// What an approved report says becomes a word that its policy bans.
pub(super) fn banned_word(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let (version, word) = evidence.reports.values().find_map(|report| {
        let approved = report.submissions.iter().find(|one| one.outcome() == SubmissionOutcome::Approved)?;
        let text = &report.versions.iter().find(|one| one.number == approved.text_version)?.text;
        let word = text.split(|one: char| !one.is_alphabetic()).find(|word| word.len() >= 6)?;
        Some((approved.check.as_ref()?.policy_version, word.to_owned()))
    })?;
    let mut done = false;
    bench.protos::<Policy>(names::POLICIES, |policies| {
        for policy in policies.iter_mut().filter(|policy| policy.version == version) {
            policy.jargon.push(JargonTerm { term: word.clone(), suggestion: String::new() });
            done = true;
        }
    });
    done.then_some(())
}
