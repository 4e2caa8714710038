use super::*;

pub(super) fn blaming_reply(bench: &Bench) -> Option<()> {
    let reply = notification(&bench.evidence(), NotificationKind::Reply, |one| {
        !one.text.is_empty() && one.hand_over_time.is_some() && one.language_blocks.is_empty()
    })?;
    bench.protos::<Notification>(names::NOTIFICATIONS, |all| {
        for one in all.iter_mut().filter(|one| one.name == reply.name) {
            one.text.push_str("\n\nAs you see, you failed to send us the form.");
        }
    });
    Some(())
}
