//! A reply that came back: it reached nobody, so the clock that it had ended runs again under its first due time (SOP 4.2).

use business_time::Timestamp;
use jiff::SignedDuration;

use super::{
    By, Case, Done, Ended, Fact, Inquiry, Issue, Late, Mailed, Progress, Replied, Response, Stage, Waiting, What,
    WorkingCalendar, later,
};

impl Case {
    /// A failure notice came for a reply, received at `returned`. Where no other reply stands, the client waits again since
    /// their first word, and is late at once where that due time has passed; a later reply that did arrive ends the clock in
    /// its place. On a closed issue, and of what ended nothing, it is noted only.
    pub fn reply_returned(
        &mut self,
        mailed: Mailed,
        returned: Timestamp,
        calendar: Option<&WorkingCalendar>,
        now: Timestamp,
    ) -> Done {
        let mut facts = self.catch_up(now, now, usize::MAX);
        let policy = self.policy.clone();
        let left = self.take_back(&mailed.notification);
        let runs_again = left.as_ref().is_some_and(Vec::is_empty);
        if left.is_some() {
            self.epoch += 1;
        }
        let set = match (&mut self.stage, runs_again) {
            (
                Stage::Inquiry(Inquiry::Awaiting(waiting))
                | Stage::Issue(Issue { response: Some(Response::Waiting(waiting)), .. }),
                true,
            ) if waiting.due.is_none() => waiting.settle(policy.as_deref(), calendar),
            _ => None,
        };
        let due = self.first_response_due().filter(|_| runs_again);
        let what = What::ReplyReturned { mailed, due, runs_again };
        facts.push(Fact { what, occur: returned, by: By::Caller });
        facts.extend(set);
        match left.as_deref() {
            Some([]) => facts.extend(self.catch_up(now, now, usize::MAX)),
            Some([first, ..]) => {
                let before = later(first.time, SignedDuration::from_micros(-1)).min(now);
                facts.extend(self.catch_up(before, now, usize::MAX));
                self.stands(left.unwrap_or_default());
            }
            None => {}
        }
        Done::Facts(facts)
    }

    /// Takes back the clock that a reply ended, as it was; gives the other replies to the same words. None where this reply
    /// ended nothing.
    fn take_back(&mut self, name: &str) -> Option<Vec<Replied>> {
        match &mut self.stage {
            Stage::Issue(Issue { progress: Progress::Closed(_), .. }) => None,
            Stage::Inquiry(Inquiry::Answered(ended)) => {
                let left = ended.without(name)?;
                let waiting = Waiting { due: ended.due.clone(), ..Waiting::from(ended.start) };
                self.stage = Stage::Inquiry(Inquiry::Awaiting(waiting));
                Some(left)
            }
            Stage::Issue(Issue { response: Some(response), .. }) => match response {
                Response::Ended(ended) => {
                    let left = ended.without(name)?;
                    *response = match &ended.due {
                        Some(due) if ended.late => {
                            Response::Late(Late { start: ended.start, due: due.clone(), annotated: None })
                        }
                        due => Response::Waiting(Waiting { due: due.clone(), ..Waiting::from(ended.start) }),
                    };
                    Some(left)
                }
                Response::Waiting(waiting) => waiting.take_back(name),
                Response::Late(_) => None,
            },
            Stage::Inquiry(Inquiry::Awaiting(waiting)) => waiting.take_back(name),
            Stage::Issue(Issue { response: None, .. }) => None,
        }
    }

    /// Ends the clock again by the replies that stand.
    fn stands(&mut self, replies: Vec<Replied>) {
        let Some(end) = replies.first().map(|first| first.time) else { return };
        match &mut self.stage {
            Stage::Inquiry(Inquiry::Awaiting(waiting)) if end >= waiting.start => {
                let ended = Response::Waiting(waiting.clone()).ended_at(end);
                self.stage = Stage::Inquiry(Inquiry::Answered(Ended { late: false, replies, ..ended }));
            }
            Stage::Issue(Issue { response: Some(response), .. }) if !matches!(response, Response::Ended(_)) => {
                *response = Response::Ended(Ended { replies, ..response.ended_at(end) });
            }
            _ => {}
        }
    }

    fn first_response_due(&self) -> Option<super::Due> {
        match &self.stage {
            Stage::Inquiry(Inquiry::Awaiting(waiting))
            | Stage::Issue(Issue { response: Some(Response::Waiting(waiting)), .. }) => waiting.due.clone(),
            Stage::Issue(Issue { response: Some(Response::Late(late)), .. }) => Some(late.due.clone()),
            _ => None,
        }
    }
}

impl Ended {
    /// The replies that stand without this one; none where it is not among them.
    fn without(&self, name: &str) -> Option<Vec<Replied>> {
        let known = self.replies.iter().any(|reply| reply.name == name);
        known.then(|| self.replies.iter().filter(|reply| reply.name != name).cloned().collect())
    }
}

impl Waiting {
    /// The client has written again since the reply that came back: they wait since their first word.
    fn take_back(&mut self, name: &str) -> Option<Vec<Replied>> {
        let ended = self.answered.as_deref()?;
        let left = ended.without(name)?;
        if left.is_empty() {
            let (start, due) = (ended.start, ended.due.clone());
            self.answered = None;
            let word = std::mem::replace(&mut self.start, start);
            self.due = due;
            self.also(word);
            return Some(left);
        }
        // Another one answered that first word, and nobody waits for an answer to it.
        if let Some(answered) = self.answered.as_deref_mut() {
            answered.replies = left;
        }
        None
    }
}
