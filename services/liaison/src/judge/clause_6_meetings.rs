//! SOP 6: a call, a video conference or a meeting in person counts only with what the procedure demands of it: minutes of one
//! in person, an allowed provider of a video conference, a recording with consent (or a reason) of a call that must be
//! recorded. What counts was told, and nothing else was.

use contracts::notification::v1::{Meeting, MeetingForm, MeetingHeld, MeetingState};

use super::{Row, docket::Docket};
use crate::folder::{Evidence, instant, is_staff, names};

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    let told = evidence.happened::<MeetingHeld>("notification");
    for meeting in evidence.meetings.values() {
        docket.look();
        docket.cite(names::MEETINGS);
        let place = format!("{} {}", names::MEETINGS, meeting.name);
        let times_told = told.iter().filter(|held| held.what.meeting == meeting.name).count();
        if meeting.state() != MeetingState::Closed {
            if times_told > 0 {
                docket.broken(place, "counts, and was never closed");
            }
            continue;
        }
        if times_told != 1 {
            docket.broken(&place, format!("is closed, and was told {times_told} times"));
        }
        if let Err(what) = is_whole(evidence, meeting) {
            docket.broken(place, what);
        }
    }
    for held in &told {
        if !evidence.meetings.contains_key(&held.what.meeting) {
            let place = format!("{}/notification.json", names::EVENTS);
            docket.broken(place, format!("{} counts, and is not there", held.what.meeting));
        }
    }
    docket.into_row("6 meetings", "calls, video and meetings with what is due", ("meeting", "meetings"))
}

fn is_whole(evidence: &Evidence, meeting: &Meeting) -> Result<(), String> {
    took_place(evidence, meeting)?;
    let closed = instant(meeting.close_time.as_ref()).ok_or("is closed, and nothing says when")?;
    let policy = evidence.find_policy(meeting.policy_version).ok_or("is closed under a policy that is not there")?;
    let published = instant(policy.publish_time.as_ref());
    if published.is_some_and(|published| published > closed) {
        return Err("is closed under a policy that was published later".to_owned());
    }
    let demanded = policy.meetings.clone().unwrap_or_default();
    match meeting.form() {
        MeetingForm::Unspecified => return Err("is no call, no video conference and not in person".to_owned()),
        MeetingForm::InPerson => return has_minutes(meeting),
        MeetingForm::Video if !leads_to(&meeting.video_link, &allowed_providers(evidence, meeting)) => {
            return Err("took place with a video provider that no policy allowed".to_owned());
        }
        MeetingForm::Video | MeetingForm::Phone => {}
    }
    // A call of no kind would escape the duty.
    let of_no_kind = meeting.kind.is_empty() && !demanded.recorded_kinds.is_empty();
    if of_no_kind || demanded.recorded_kinds.contains(&meeting.kind) { was_recorded(meeting) } else { Ok(()) }
}

/// Between people who are known, and in that order.
fn took_place(evidence: &Evidence, meeting: &Meeting) -> Result<(), String> {
    let start = instant(meeting.start_time.as_ref()).ok_or("has no beginning")?;
    let end = instant(meeting.end_time.as_ref()).ok_or("is closed, and was never held")?;
    let closed = instant(meeting.close_time.as_ref()).unwrap_or(end);
    if end < start || closed < end {
        return Err(format!("began at {start}, was over at {end} and closed at {closed}"));
    }
    if !is_staff(&meeting.host) || evidence.find_staff(&meeting.host).is_none() {
        return Err("was held by no person of the firm".to_owned());
    }
    let below = format!("{}/contacts/", meeting.client);
    let stranger =
        meeting.contacts.iter().find(|name| !name.starts_with(&below) || evidence.find_contact(name).is_none());
    match stranger {
        Some(stranger) => Err(format!("was held with {stranger}, who is nobody of {}", meeting.client)),
        None if meeting.contacts.is_empty() => Err("was held with nobody".to_owned()),
        None => Ok(()),
    }
}

fn has_minutes(meeting: &Meeting) -> Result<(), String> {
    let minutes = meeting.minutes.as_ref().ok_or("was in person, and has no minutes")?;
    if !has_words(&minutes.text) || !is_staff(&minutes.author) {
        return Err("was in person, and its minutes say nothing, or nobody wrote them".to_owned());
    }
    Ok(())
}

fn was_recorded(meeting: &Meeting) -> Result<(), String> {
    let of_kind = format!("is a call of the kind {:?}", meeting.kind);
    let known = meeting.recording.as_ref().ok_or(format!("{of_kind}, and has no recording and no reason"))?;
    if has_words(&known.missing_reason) && known.reference.is_empty() {
        return Ok(());
    }
    if !has_words(&known.reference) {
        return Err(format!("{of_kind}, and says neither where its recording lies nor why there is none"));
    }
    if !has_words(&known.consent) || !meeting.contacts.contains(&known.consenting_contact) {
        return Err(format!("{of_kind}, and was recorded without the consent of one who took part"));
    }
    Ok(())
}

/// What any policy allowed until it was closed: a link is looked at when the meeting is planned.
fn allowed_providers(evidence: &Evidence, meeting: &Meeting) -> Vec<String> {
    let until = instant(meeting.close_time.as_ref());
    let in_time = |time| until.is_none_or(|until| time <= until);
    let policies = evidence.policies.iter().filter(|policy| instant(policy.publish_time.as_ref()).is_none_or(in_time));
    policies.filter_map(|policy| policy.meetings.as_ref()).flat_map(|all| all.video_providers.clone()).collect()
}

/// Whether an `https` link leads to one of these hosts or below it. What is not plainly a host is none.
fn leads_to(link: &str, hosts: &[String]) -> bool {
    let Some(rest) = link.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://")).map(|_| &link[8..]) else {
        return false;
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '.' || letter == '-';
    let host: String = rest.chars().take_while(|letter| plain(*letter)).collect();
    let behind = rest[host.len()..].chars().next();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    matches!(behind, None | Some('/' | '?' | '#' | ':'))
        && !rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@')
        && hosts.iter().any(|allowed| host == *allowed || host.ends_with(&format!(".{allowed}")))
}

fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::leads_to;

    #[test]
    fn a_link_is_read_by_its_host_alone() {
        let hosts = ["zoom.us".to_owned()];
        for link in ["https://zoom.us/j/1", "https://eu.zoom.us", "HTTPS://ZOOM.US:443/", "https://zoom.us?x=@y"] {
            assert!(leads_to(link, &hosts), "{link}");
        }
        for link in [
            "",
            "https://",
            "http://zoom.us/",
            "https://zoom.us.evil.example/",
            "https://zoom.us@evil.example/",
            "https://zoom.us:x@evil.example/",
            "https://evil.example/zoom.us",
            "https://notzoom.us/",
            "https://zoоm.us/",
        ] {
            assert!(!leads_to(link, &hosts), "{link}");
        }
    }
}
