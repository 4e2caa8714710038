//! What is found, and what is not.

use plain_language::{JargonTerm, Language, Profile, ReadingLevel, Report, Rule, Severity, check, check_all};

fn general(text: &str) -> Report {
    check(text, &Profile::default())
}

fn rules(text: &str) -> Vec<(Rule, Severity, String)> {
    let report = general(text);
    assert_eq!(report.language, Language::English, "{text}");
    report.findings.into_iter().map(|finding| (finding.rule, finding.severity, finding.words)).collect()
}

fn blocks(text: &str) -> Vec<(Rule, String)> {
    let found = rules(text).into_iter().filter(|(_, severity, _)| *severity == Severity::Block);
    found.map(|(rule, _, words)| (rule, words)).collect()
}

#[test]
fn jargon_is_found_in_every_form_and_over_a_line_break() {
    assert_eq!(blocks("We will leverage this."), [(Rule::Jargon, "leverage".into())]);
    assert_eq!(blocks("We want to circle\nback on this tomorrow."), [(Rule::Jargon, "circle\nback".into())]);
    assert_eq!(blocks("This is the Low-Hanging Fruit of the plan."), [(Rule::Jargon, "Low-Hanging Fruit".into())]);
}

#[test]
fn a_phrase_does_not_run_over_a_full_stop_a_link_or_a_paragraph() {
    for text in [
        "We will circle. Back to you.",
        "We circle https://a.example/b back to you.",
        "The circle\n\nback to you.",
        "The circle\n- back to you.",
    ] {
        assert_eq!(blocks(text), [], "{text}");
    }
}

#[test]
fn rudeness_and_blame_block_with_a_clause_and_a_suggestion() {
    let report = general("As I already told you, you failed to send the form.");
    let found: Vec<_> = report.blocks().map(|one| (one.rule.as_str(), one.rule.clause().as_str())).collect();
    assert_eq!(found, [("RUDE", "4.4"), ("BLAMING", "4.4")]);
    assert!(report.findings.iter().all(|finding| !finding.suggestion.is_empty()));
}

#[test]
fn typographic_apostrophes_are_apostrophes() {
    assert_eq!(
        blocks("That\u{2019}s your problem, and we can not help."),
        [(Rule::Rude, "That\u{2019}s your problem".into())]
    );
}

#[test]
fn capitals_and_exclamation_marks_shout() {
    assert_eq!(blocks("This is WHAT YOU WANTED from us."), [(Rule::Shouting, "WHAT YOU WANTED".into())]);
    assert_eq!(blocks("Please send the form now!!!"), [(Rule::Shouting, "!!!".into())]);
    assert_eq!(rules("Thank you for the form!!"), [(Rule::Shouting, Severity::Advice, "!!".into())]);
    assert_eq!(rules("Thank you for the form!"), []);
}

#[test]
fn a_heading_in_capitals_is_advised_against_and_does_not_block() {
    assert_eq!(blocks("WEEKLY STATUS UPDATE\n\nThe work is on time."), []);
}

#[test]
fn an_abbreviation_is_told_once_and_not_where_it_stands_in_full() {
    let told = rules("The RTO is met. The RTO was four hours, and the RTOs of others are not.");
    assert_eq!(told, [(Rule::UnexplainedAbbreviation, Severity::Advice, "RTO".into())]);
    assert_eq!(rules("The recovery time objective (RTO) is met, and the RTO was four hours."), []);
    assert_eq!(rules("The PDF is on its way to the UK office."), []);
}

#[test]
fn what_a_client_knows_is_no_jargon_to_them_and_excuses_no_rudeness() {
    let profile = Profile { glossary: vec!["leverage".into(), "RTO".into(), "stupid".into()], ..Profile::default() };
    let report = check("The leverage of the fund is low, the RTO is met, and this is stupid.", &profile);
    assert_eq!(report.findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [Rule::Rude]);
}

#[test]
fn what_the_firm_bans_blocks_with_its_own_suggestion() {
    let jargon = vec![JargonTerm { term: "Big Rocks".into(), suggestion: "main tasks".into() }];
    let report = check("These are the big rocks of this week.", &Profile { jargon, ..Profile::default() });
    let found: Vec<_> = report.blocks().map(|one| (one.words.as_str(), one.suggestion.as_str())).collect();
    assert_eq!(found, [("big rocks", "main tasks")]);
}

#[test]
fn a_long_sentence_is_long_for_some_readers_only() {
    let text = "We read the plan and the notes and the list of the open points and the two letters that came in on the last \
                day of the week and we will send you what we think of it soon.";
    assert_eq!(general(text).findings.iter().map(|one| one.rule).collect::<Vec<_>>(), [Rule::LongSentence]);
    assert_eq!(check(text, &Profile { reading_level: ReadingLevel::Expert, ..Profile::default() }).findings, []);
}

const HARD: &str = "The comprehensive organisational transformation necessitates interdepartmental prioritisation of \
    infrastructural considerations. Subsequent implementation responsibilities accumulate disproportionately within \
    administrative organisations. Contemporaneous documentation requirements notoriously complicate accountability \
    determinations. Considerable interpretative difficulties characterise contemporary regulatory communications. \
    Administrative simplification initiatives nevertheless necessitate extraordinary institutional perseverance. \
    The evaluation of these is with you.";

#[test]
fn a_text_far_above_the_readers_level_blocks_at_its_hardest_sentence() {
    let found = blocks(HARD);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Rule::HardToRead);
    assert!(HARD.contains(&found[0].1));
}

#[test]
fn abbreviations_with_a_full_stop_end_no_sentence() {
    // If they did, no sentence here would be long.
    let text = "Dr. Berg and Mr. Tan of the firm will look at the plan, i.e. at the notes, the list, the two letters and \
                what came in on the last day of the week, e.g. the form, and will then write to you about it.";
    assert!(general(text).findings.iter().any(|one| one.rule == Rule::LongSentence));
}

#[test]
fn quoted_lines_code_links_and_addresses_are_not_the_writers_words() {
    let text = "Thank you for your question.\n\n> you failed to leverage this, you idiot!!!\n\n\
                The name of the field is `SYNERGY LEVERAGE NOW`, and the page is https://a.example/synergy/leverage.\n\n\
                ```\nleverage synergy\n```\nPlease write to synergy@leverage.example.";
    assert_eq!(rules(text), []);
}

#[test]
fn another_language_is_told_as_not_checked() {
    let german = "Sehr geehrte Frau Berg, vielen Dank für Ihre Nachricht. Wir haben den Bericht fertiggestellt und senden ihn \
                  Ihnen morgen zu. Mit freundlichen Grüßen";
    assert_eq!(general(german).language, Language::Other("deu"));
    assert!(!general(german).is_checked());
    let greek = "Σας ευχαριστούμε για το μήνυμά σας. Η αναφορά είναι έτοιμη.";
    assert!(!general(greek).is_checked());
    for short in ["Danke, alles klar.", "Merci beaucoup, à demain.", "Hecho, gracias."] {
        assert!(!general(short).is_checked(), "{short}: {:?}", general(short).language);
    }
}

#[test]
fn a_short_text_counts_as_english_where_it_looks_so() {
    for short in ["Thank you.", "Agreed.", "The report is here.", "We will call you at noon.", "Done, see the note."] {
        assert!(general(short).is_checked(), "{short}");
    }
}

#[test]
fn a_text_without_words_has_nothing_to_check() {
    for text in ["", "  \n", "!!", "> quoted only", "https://a.example/b", "\u{1F600}"] {
        assert_eq!(general(text).language, Language::None, "{text:?}");
    }
}

#[test]
fn of_more_findings_than_a_report_holds_the_blocks_stay() {
    let text = "Thank you for this.!! ".repeat(300) + "You are an idiot.";
    let report = general(&text);
    assert_eq!(report.findings.len(), plain_language::MOST);
    assert_eq!(report.left_off, 101);
    assert_eq!(report.blocks().map(|one| one.words.as_str()).collect::<Vec<_>>(), ["idiot"]);
}

#[test]
fn where_every_word_is_the_writers_own_no_mark_hides_one() {
    let profile = Profile::default();
    for text in [
        "> You failed to answer us about the plan.",
        "Please look: `you failed to answer` us.",
        "```\nYou failed to answer us about the plan.\n",
    ] {
        assert!(check(text, &profile).findings.is_empty(), "{text}");
        let found = check_all(text, &profile).findings;
        assert_eq!(found.len(), 1, "{text}");
        let words: String = text.chars().skip(found[0].start).take(found[0].end - found[0].start).collect();
        assert_eq!(words.to_lowercase(), "you failed to", "{text}");
    }
    let plain = "We will send the plan to you on Monday.";
    assert_eq!(check_all(plain, &profile), check(plain, &profile));
}
