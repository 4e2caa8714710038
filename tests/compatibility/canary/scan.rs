//! Finds a word in bytes, also where it was encoded.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// Something that is searched.
pub struct Scan {
    text: String,
}

impl Scan {
    pub fn of(bytes: &[u8]) -> Self {
        Self { text: String::from_utf8_lossy(bytes).to_lowercase() }
    }

    /// Where one of the words stands, in any of its forms, with what stands around it.
    pub fn find(&self, words: &[&str]) -> Vec<String> {
        let forms = words.iter().flat_map(|word| forms(word));
        let found = forms.filter_map(|form| {
            let at = self.text.find(&form)?;
            let before = self.text[..at].char_indices().rev().nth(80).map_or(0, |(start, _)| start);
            let around: String = self.text[before..].chars().take(200).collect();
            Some(around.replace('\n', " | "))
        });
        found.collect()
    }
}

/// A word as it is, in hexadecimal digits, in base64 at each of its three alignments, and as a list of bytes.
fn forms(word: &str) -> Vec<String> {
    let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
    let list: Vec<_> = word.bytes().map(|byte| byte.to_string()).collect();
    let mut forms = vec![word.to_owned(), hex, list.join(", ")];
    for shift in 0..3 {
        // Whole groups of three bytes look the same whatever stands beside them.
        let whole = (word.len() - shift) / 3 * 3;
        forms.push(STANDARD_NO_PAD.encode(&word.as_bytes()[shift..shift + whole]).to_lowercase());
    }
    forms
}

#[test]
fn a_word_is_found_in_each_of_its_forms() {
    let word = super::CANARY;
    let inside = format!("a{word}b");
    let debug = format!("{:?}", inside.as_bytes());
    let hex: String = inside.bytes().map(|byte| format!("{byte:02X}")).collect();
    let mut encoded: Vec<String> =
        (0..3).map(|pad| STANDARD_NO_PAD.encode(format!("{}{word}zzz", "x".repeat(pad)))).collect();
    encoded.extend([inside.to_uppercase(), debug, hex]);
    for text in encoded {
        assert!(!Scan::of(text.as_bytes()).find(&[word]).is_empty(), "not found in {text}");
    }
    assert!(Scan::of(b"kanarienvogel").find(&[word]).is_empty());
}
