//! What would happen to a case by itself, and when, if nobody did anything.

use business_time::Timestamp;

use super::{Case, Side, Stage, What};

/// Something that would happen by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previewed {
    /// When.
    pub time: Timestamp,
    /// CLOCK_BREACHED, BECAME_ISSUE, ESCALATED, CONFIRMATION_REMINDED or CLIENT_UPDATE_DUE.
    pub what: &'static str,
    /// Whom it would tell; empty where nobody.
    pub target: String,
}

impl Case {
    /// The next things, at most `most`, in the order of their times. Reminders have no end by themselves. Of updates to the
    /// client, which have none either, the next one alone is told, so that it hides nothing.
    pub fn preview(&self, now: Timestamp, most: usize) -> Vec<Previewed> {
        let mut case = self.clone();
        let mut steps = Vec::new();
        while steps.len() < most {
            let Some(due) = case.next_due_time() else { break };
            for fact in case.catch_up(due, due.max(now), 1) {
                let (what, target) = match fact.what {
                    What::ClockBreached { .. } => ("CLOCK_BREACHED", "ACCOUNT_MANAGER".to_owned()),
                    What::UpdateMissed { .. } => {
                        if let Stage::Issue(issue) = &mut case.stage {
                            issue.critical = None;
                        }
                        ("CLIENT_UPDATE_DUE", "ACCOUNT_MANAGER".to_owned())
                    }
                    What::BecameIssue { .. } => ("BECAME_ISSUE", String::new()),
                    What::Escalated { target, .. } => ("ESCALATED", target.as_str().to_owned()),
                    What::ConfirmationReminded { side: Side::Firm, .. } => {
                        ("CONFIRMATION_REMINDED", "ACCOUNT_MANAGER".to_owned())
                    }
                    What::ConfirmationReminded { contact, .. } => {
                        ("CONFIRMATION_REMINDED", contact.unwrap_or_else(|| "CLIENT".to_owned()))
                    }
                    _ => continue,
                };
                steps.push(Previewed { time: due, what, target });
            }
        }
        steps.truncate(most);
        steps
    }
}
