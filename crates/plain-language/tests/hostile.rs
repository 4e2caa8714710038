//! Whatever somebody pastes into a report.

use std::time::{Duration, Instant};

use plain_language::{JargonTerm, Profile, Report, check};

/// A small generator, seeded, so that a failure can be seen again.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % end
    }
}

const PIECES: [&str; 44] = [
    "leverage",
    "circle",
    "back",
    "you failed to",
    "IDIOT",
    "WHAT",
    "A",
    "the",
    "and",
    "SLA",
    "SLAs",
    "(",
    ")",
    ".",
    "!!",
    "?!",
    ",",
    "\n",
    "\n\n",
    "\r\n",
    "> ",
    "```",
    "`",
    " ",
    "\t",
    "\u{a0}",
    "-",
    "'",
    "\u{2019}",
    "e.g.",
    "Dr.",
    "https://",
    "a@b.c",
    "/",
    "\0",
    "e\u{301}",
    "\u{301}",
    "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
    "\u{202E}",
    "שלום",
    "مرحبا",
    "\u{FEFF}",
    "ǅ",
    "İ",
];

/// What holds of every report.
fn holds(text: &str, report: &Report) {
    let points: Vec<char> = text.chars().collect();
    let mut last = 0;
    for finding in &report.findings {
        assert!(finding.start < finding.end && finding.end <= points.len(), "{finding:?} in {text:?}");
        assert_eq!(points[finding.start..finding.end].iter().collect::<String>(), finding.words, "in {text:?}");
        assert!(finding.start >= last, "findings are in order: {text:?}");
        last = finding.start;
    }
}

#[test]
fn places_give_the_matched_words_back_whatever_stands_around_them() {
    let profile = Profile {
        glossary: vec!["SLA".into(), "e\u{301}".into(), String::new(), "...".into()],
        jargon: vec![
            JargonTerm { term: "\u{1F468} back the".into(), suggestion: String::new() },
            JargonTerm::default(),
        ],
        ..Profile::default()
    };
    let mut random = Random(7);
    let mut found = 0;
    for _ in 0..800 {
        let count = random.below(40);
        let mut text: String = (0..count).map(|_| PIECES[random.below(PIECES.len())]).collect();
        if random.below(2) == 0 {
            text.push_str(" and this is the rest of it with which you are to be happy");
        }
        for profile in [&profile, &Profile::default()] {
            let report = check(&text, profile);
            holds(&text, &report);
            found += report.findings.len();
        }
    }
    assert!(found > 300, "the pieces make findings: {found}");
}

#[test]
fn twice_the_text_takes_about_twice_the_time_whatever_stands_in_it() {
    for piece in [
        "a",
        "A",
        "A ",
        "!",
        ". ",
        ".\u{a0}",
        ".)",
        " ",
        "\n",
        "leverage ",
        "circle ",
        "e\u{301}",
        "\u{301}",
        "\u{1F1E9}",
        "\u{1F468}\u{200D}",
        "שלום ",
        "`",
        "`a` ",
        "> \n",
        "a.b/c/d ",
        "you ",
        "AB ",
        "1.",
        "e.g. ",
        "I.",
        "'",
        "a'",
        "as i already ",
    ] {
        let small = timed(piece, 20_000);
        let large = timed(piece, 200_000);
        // Ten times the text in at most forty times the time; what is quadratic takes a hundred.
        assert!(large < small * 40 + Duration::from_millis(400), "{piece:?}: {small:?}, then {large:?}");
    }
}

fn timed(piece: &str, bytes: usize) -> Duration {
    let text = piece.repeat(bytes / piece.len()) + " the end of this is with you and all of us here";
    let begin = Instant::now();
    let report = check(&text, &Profile::default());
    let took = begin.elapsed();
    holds(&text, &report);
    took
}
