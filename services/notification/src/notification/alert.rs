//! An alert of a critical incident (SOP 8.2): one side on one channel, which is one obligation. Pure.
//!
//! It begins queued. A hand-over, be it SMTP's 250 or a message on a voicemail, is not the end: that is a person's key press or
//! reply, which may still come after everything else. Where nobody is left to try, it failed, which is told once; and it is
//! tried again from the top of the list, round after round, for [`TRIED_FOR`].

use std::time::Duration;

use business_time::Timestamp;

use super::{
    entity::{Notification, State},
    error::NotificationError,
};

/// How long after a round the next one begins: long enough that whoever missed a call can see it, listen and call back, short
/// enough for a dozen rounds before the first update is late.
pub const ROUND_WAIT: Duration = Duration::from_secs(5 * 60);
/// The same where the provider took nothing, so that no telephone rang.
pub const PROVIDER_WAIT: Duration = Duration::from_secs(60);
/// For how long rounds begin, counted from when the alert was queued: by then the client's update is due by the default cadence,
/// management has long been told of the failure, and a person sees to it.
pub const TRIED_FOR: Duration = Duration::from_secs(60 * 60);

/// How a notification is carried (SOP 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A mail.
    Email,
    /// A call.
    Phone,
}

/// Whom an alert tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client's incident contacts.
    Client,
    /// The firm's management.
    Management,
}

/// How an alert got on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An attempt began.
    Attempted,
    /// An attempt reached nobody.
    NotReached,
    /// The provider took it, or a message was left.
    HandedOver,
    /// A person answered.
    Reached,
    /// Nobody is left to try.
    Failed,
}

/// What an alert has beside what every notification has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Whom it tells.
    pub side: Side,
    /// How often the list of people was begun from its top; from 1 upwards.
    pub round: u32,
    /// Set between two rounds: when the next one begins. None too when no other follows.
    pub next_round_time: Option<Timestamp>,
    /// Whether the round is over.
    pub round_over: bool,
}

impl Channel {
    /// Every one, in the contract's order.
    pub const ALL: [Self; 2] = [Self::Email, Self::Phone];

    /// As facts name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
        }
    }
}

impl Side {
    /// Every one, in the contract's order.
    pub const ALL: [Self; 2] = [Self::Client, Self::Management];

    /// As facts name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "CLIENT",
            Self::Management => "MANAGEMENT",
        }
    }
}

impl Alert {
    /// Its first round.
    pub fn new(side: Side) -> Self {
        Self { side, round: 1, next_round_time: None, round_over: false }
    }
}

impl Notification {
    /// Begins the next round where its time has come; false where the round goes on or no other is due.
    pub fn begin_round(&mut self, now: Timestamp) -> bool {
        let Some(alert) = self.alert.as_mut() else { return false };
        if !alert.round_over || alert.next_round_time.is_none_or(|time| time > now) {
            return false;
        }
        *alert = Alert { side: alert.side, round: alert.round + 1, next_round_time: None, round_over: false };
        true
    }

    /// The round is over and nobody was reached; gives when the next one begins, where one does.
    pub fn end_round(&mut self, now: Timestamp, wait: Duration) -> Option<Timestamp> {
        let last = self.queue_time.checked_add(TRIED_FOR).unwrap_or(Timestamp::MAX);
        let alert = self.alert.as_mut()?;
        if alert.round_over && alert.next_round_time.is_none() {
            return None;
        }
        alert.round_over = true;
        alert.next_round_time = now.checked_add(wait).ok().filter(|next| *next <= last);
        alert.next_round_time
    }

    /// No other round begins: what the alert is about is over.
    pub fn stop_rounds(&mut self) {
        if let Some(alert) = self.alert.as_mut() {
            (alert.round_over, alert.next_round_time) = (true, None);
        }
    }

    /// A person answered; false where that was known, or it is no alert.
    pub fn reach(&mut self, time: Timestamp, person: &str) -> bool {
        if self.alert.is_none() || matches!(self.state, State::Reached | State::Cancelled) {
            return false;
        }
        if !self.recipients.iter().any(|known| known == person) {
            self.recipients.push(person.to_owned());
        }
        self.hand_over_time.get_or_insert(time);
        self.end(State::Reached, "");
        true
    }

    /// A message was left for somebody; false where that changes nothing any more.
    pub fn leave_message(&mut self, time: Timestamp, person: &str) -> bool {
        if self.alert.is_none() || !matches!(self.state, State::Queued | State::Failed) {
            return false;
        }
        if !self.recipients.iter().any(|known| known == person) {
            self.recipients.push(person.to_owned());
        }
        self.hand_over_time.get_or_insert(time);
        self.end(State::HandedOver, "");
        true
    }

    /// The mail of an alert came back: what was handed over did not arrive.
    ///
    /// # Errors
    /// [`NotificationError::NotQueued`] where it is no alert, or somebody was reached all the same.
    pub fn come_back(&mut self, reason: &str) -> Result<(), NotificationError> {
        if self.alert.is_none() || self.state != State::HandedOver {
            return Err(NotificationError::NotQueued);
        }
        self.hand_over_time = None;
        self.end(State::Failed, reason);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::notification::entity::{Kind, tests::queued};

    fn alert(channel: Channel) -> Notification {
        Notification { kind: Kind::CriticalAlert, channel, alert: Some(Alert::new(Side::Client)), ..queued() }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn who_is_reached_ends_it_whatever_came_before() {
        for state in [State::Queued, State::HandedOver, State::Failed, State::Blocked] {
            let mut alert = Notification { state, ..alert(Channel::Phone) };
            assert!(alert.reach(at(1), "clients/acme/contacts/jo"), "{state:?}");
            assert_eq!((alert.state, alert.is_open()), (State::Reached, false));
            let reached = alert.clone();
            assert!(!alert.reach(at(2), "clients/acme/contacts/sam"));
            assert!(!alert.leave_message(at(2), "clients/acme/contacts/sam"));
            assert!(alert.fail("X").is_err());
            assert_eq!(alert, reached);
        }
        assert!(!queued().reach(at(1), "clients/acme/contacts/jo"), "no alert");
    }

    #[test]
    fn a_message_left_is_a_hand_over_and_calls_go_on() {
        let mut alert = alert(Channel::Phone);
        assert!(alert.leave_message(at(1), "staff/boss"));
        assert!(!alert.leave_message(at(2), "staff/boss"));
        assert_eq!((alert.state, alert.hand_over_time, alert.is_open()), (State::HandedOver, Some(at(1)), true));
        let mut mail = Notification { state: State::HandedOver, channel: Channel::Email, ..alert.clone() };
        assert!(!mail.is_open(), "one mail is enough");
        assert!(mail.come_back("MAIL_RETURNED").is_ok());
        assert_eq!((mail.state, mail.hand_over_time, mail.is_open()), (State::Failed, None, true));
    }

    #[test]
    fn rounds_follow_each_other_for_an_hour() {
        let mut alert = alert(Channel::Phone);
        assert!(!alert.begin_round(at(1)), "the first goes on");
        assert_eq!(alert.end_round(at(1), ROUND_WAIT), Some(at(6)));
        assert!(!alert.begin_round(at(5)));
        assert!(alert.begin_round(at(6)));
        assert_eq!(alert.alert.unwrap().round, 2);
        assert!(!alert.begin_round(at(60)), "it goes on");
        assert_eq!(alert.end_round(at(55), ROUND_WAIT), Some(at(60)));
        assert!(alert.begin_round(at(90)), "late, as after downtime, but due");
        assert_eq!(alert.end_round(at(91), ROUND_WAIT), None, "and that was the last");
        assert!(!alert.begin_round(at(200)));
    }

    #[test]
    fn stopped_it_begins_no_other_round_and_whoever_answers_late_is_reached() {
        let mut alert = alert(Channel::Phone);
        alert.end_round(at(1), ROUND_WAIT);
        alert.stop_rounds();
        assert!(!alert.begin_round(at(30)));
        assert_eq!(alert.end_round(at(30), ROUND_WAIT), None, "a mail that comes back later begins none either");
        assert!(alert.reach(at(31), "staff/boss"));
    }

    #[test]
    fn nobody_takes_an_alert_back() {
        assert_eq!(alert(Channel::Phone).cancel(false), Err(NotificationError::AlertIsOwed));
    }
}
