use super::*;

/// A generated mail to a client, on which no other clause rests.
fn acknowledgement(evidence: &Evidence) -> Option<Notification> {
    notification(evidence, NotificationKind::AutoAcknowledgement, |one| evidence.mails_out.contains_key(&one.name))
}

pub(super) fn foreign_domain(bench: &Bench) -> Option<()> {
    let sent = acknowledgement(&bench.evidence())?;
    bench.text(&Bench::mail_out(&sent.name), |raw| set_header(&raw, "From", "service@elsewhere.example"));
    Some(())
}

pub(super) fn one_more_address(bench: &Bench) -> Option<()> {
    let sent = acknowledgement(&bench.evidence())?;
    bench.text(&Bench::mail_out(&sent.name), |raw| set_header(&raw, "Cc", "someone@elsewhere.example"));
    Some(())
}

pub(super) fn other_clients_contact(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let sent = acknowledgement(&evidence)?;
    let others = evidence.clients.values().filter(|record| record.client.name != sent.client);
    let stranger = others.flat_map(|record| &record.contacts).next()?.name.clone();
    bench.send_to(&sent, &[&stranger], &[]);
    Some(())
}

pub(super) fn mail_gone(bench: &Bench) -> Option<()> {
    let sent = acknowledgement(&bench.evidence())?;
    std::fs::remove_file(bench.folder.join(Bench::mail_out(&sent.name))).ok()
}

pub(super) fn mail_from_nowhere(bench: &Bench) -> Option<()> {
    let sent = acknowledgement(&bench.evidence())?;
    let raw = std::fs::read(bench.folder.join(Bench::mail_out(&sent.name))).ok()?;
    std::fs::write(bench.folder.join(Bench::mail_out("notifications/from-nowhere")), raw).ok()
}

pub(super) fn no_permit(bench: &Bench) -> Option<()> {
    let sent = acknowledgement(&bench.evidence())?;
    bench.audit("client-registry", |rows| rows.retain(|row| !row.resources.contains(&sent.name)));
    Some(())
}

pub(super) fn left_twice(bench: &Bench) -> Option<()> {
    let sent = acknowledgement(&bench.evidence())?;
    let first = Bench::mail_out(&sent.name);
    let raw = std::fs::read(bench.folder.join(&first)).ok()?;
    std::fs::write(bench.folder.join(first.replace(".eml", ".2.eml")), raw).ok()
}
