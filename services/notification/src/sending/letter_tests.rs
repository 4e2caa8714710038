#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mail_parser::MessageParser;

use super::*;

fn party(display_name: &str, email: &str) -> Party {
    Party { display_name: display_name.to_owned(), email: email.to_owned() }
}

fn compose(sender: &Party, words: &Rendered, references: &[String]) -> Result<Vec<u8>, LetterError> {
    let recipients = [party("Jo, \"the\" Müller", "jo@client.example")];
    let letter = Letter {
        sender,
        recipients: &recipients,
        words,
        date: "2026-03-02T09:00:00Z".parse().unwrap(),
        message_id: "n1@firm.example",
        in_reply_to: references.last().map_or("", String::as_str),
        references,
        generated: true,
        possible_duplicate: false,
        notification: "notifications/n1",
        kind: "REPLY",
        case: "cases/1",
    };
    letter.compose()
}

fn words(subject: &str, text: &str) -> Rendered {
    Rendered { subject: subject.to_owned(), text: text.to_owned(), html: format!("<p>{text}</p>") }
}

#[test]
fn a_mail_reads_back_as_it_was_meant() {
    let sender = party("Anna Firm", "anna@firm.example");
    let text = "Grüße 🎉\n\n.\nFrom here\n".to_owned() + &"long ".repeat(1000);
    let bytes = compose(&sender, &words("Re: Größe", &text), &["a@x".into(), "b@x".into()]).unwrap();
    let mail = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(mail.subject(), Some("Re: Größe"));
    assert_eq!(mail.from().unwrap().first().unwrap().name(), Some("Anna Firm"));
    let to = mail.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("Jo, \"the\" Müller"), Some("jo@client.example")));
    assert_eq!(mail.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), text.trim_end());
    assert!(mail.body_html(0).unwrap().contains("Grüße"));
    assert_eq!(mail.message_id(), Some("n1@firm.example"));
    assert_eq!(mail.in_reply_to().as_text(), Some("b@x"));
    assert_eq!(mail.references().as_text_list().unwrap(), ["a@x", "b@x"]);
    assert_eq!(mail.date().unwrap().to_timestamp(), 1_772_442_000);
    let head = String::from_utf8_lossy(&bytes);
    for field in
        ["Auto-Submitted: auto-generated", "X-Liaison-Notification: notifications/n1", "X-Liaison-Case: cases/1"]
    {
        assert!(head.contains(field), "{field}");
    }
}

#[test]
fn no_line_is_longer_than_smtp_allows() {
    let sender = party(&"Anna ".repeat(200), "anna@firm.example");
    let references: Vec<_> = (0..500).map(|at| format!("{at}-{}@client.example", "x".repeat(60))).collect();
    let bytes = compose(&sender, &words(&"Größe ".repeat(150), &"a".repeat(5000)), &references).unwrap();
    let longest = bytes.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
    assert!(longest <= 999, "{longest}");
    let mail = MessageParser::default().parse(&bytes).unwrap();
    let kept = mail.references().as_text_list().unwrap().to_vec();
    assert_eq!(kept.len(), REFERENCES);
    assert_eq!((kept[0].as_ref(), kept[REFERENCES - 1].as_ref()), (references[0].as_str(), references[499].as_str()));
}

#[test]
fn nothing_written_becomes_a_header_of_its_own() {
    let sender = party("Anna\r\nBcc: x@evil.example", "anna@firm.example");
    let bytes = compose(
        &sender,
        &words("Hi\r\nBcc: y@evil.example\r\n\r\nbody", "text"),
        &["a@x>\r\nBcc: z@evil.example".into()],
    )
    .unwrap();
    let mail = MessageParser::default().parse(&bytes).unwrap();
    assert!(mail.bcc().is_none());
    assert_eq!(mail.headers().iter().filter(|field| field.name().eq_ignore_ascii_case("bcc")).count(), 0);
    assert!(mail.subject().unwrap().starts_with("Hi Bcc:"));
}

#[test]
fn an_address_that_is_none_makes_no_mail() {
    for email in ["", "anna", "anna@firm.example\r\nBcc: x@y.example", "a b@x.example"] {
        let sender = party("Anna", email);
        assert!(matches!(compose(&sender, &words("x", "y"), &[]), Err(LetterError::Address)), "{email:?}");
    }
}
