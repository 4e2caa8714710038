//! What follows where nobody knows whether a mail arrived and nobody can be asked (DESIGN, lost answers): a failure notice or
//! an answer may still tell, for a quarter of an hour; then the kind's rule decides.

use std::time::Duration;

use business_time::Timestamp;
use command::Fault;
use timers::work::Job;

use super::{NotNow, OUTCOME_UNKNOWN, Sender, Settled, ending::End};
use crate::notification::{
    entity::{Kind, Notification},
    repo::{self, Attempt},
};

/// How long something may come back.
const WAIT: Duration = Duration::from_secs(15 * 60);

/// What a kind asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// It is sent once more, under the same Message-ID and marked.
    Resend,
    /// It ends as FAILED, OUTCOME_UNKNOWN, and a person is told.
    AskAPerson,
}

/// A reply, a request to confirm, and what tells the firm's own people keep a promise or a clock: two of them cost a glance,
/// none costs the client, and mail programs show two of one Message-ID as one. Of words that promise nothing, that a mail
/// arrived, a second copy is worth less than the doubt.
fn rule(kind: Kind) -> Rule {
    match kind {
        Kind::Acknowledgement | Kind::AutoAcknowledgement => Rule::AskAPerson,
        _ => Rule::Resend,
    }
}

impl Sender {
    /// Waits, or follows the rule; sends again once at most, since whatever loses answers may go on doing so.
    pub(super) async fn settle_unasked(
        &self,
        job: &Job,
        attempt: &Attempt,
        of: &Notification,
    ) -> Result<Settled, NotNow> {
        let until = attempt.claim_time.checked_add(WAIT).unwrap_or(Timestamp::MAX);
        if self.commands.now() < until {
            return Err(NotNow::MayComeBack { until });
        }
        if attempt.possible_duplicate || rule(of.kind) == Rule::AskAPerson {
            let end = End::failed(OUTCOME_UNKNOWN, Some(attempt.number));
            self.end(job, &attempt.notification, end).await?;
            return Ok(Settled::Ended);
        }
        let (id, number, now) = (attempt.notification.clone(), attempt.number, self.commands.now());
        let ended = self.commands.db().transaction(move |tx| {
            let id = id.clone();
            Box::pin(async move {
                // Against a notice or an answer that comes at this moment.
                let open = repo::lock(tx, &id).await?.is_some_and(|stored| stored.notification.is_open());
                Ok::<_, Fault>(open && repo::end_attempt(tx, &id, number, OUTCOME_UNKNOWN, "", now).await?)
            })
        });
        if ended.await? { Ok(Settled::SendAgain) } else { Err(NotNow::UnderWay) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_promise_is_sent_again() {
        for kind in Kind::ALL {
            let promises_nothing = matches!(kind, Kind::Acknowledgement | Kind::AutoAcknowledgement);
            assert_eq!(rule(kind) == Rule::AskAPerson, promises_nothing, "{kind:?}");
        }
    }
}
