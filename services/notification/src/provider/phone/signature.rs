//! Twilio's signature of a callback: Base64 of the HMAC-SHA1, under the account's token, over the URL as the provider knows it
//! and then every pair of the form, sorted by name, without anything between. SHA-1 is theirs to choose; as an HMAC's hash it
//! still holds.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

/// The signature of a form that is posted to this URL.
pub fn sign(token: &SecretString, url: &str, form: &[(String, String)]) -> String {
    STANDARD.encode(hmac::sign(&key(token), &signed(url, form)))
}

/// Whether a form that was posted to this URL bears this signature; compared in constant time.
pub fn is_signed(token: &SecretString, url: &str, form: &[(String, String)], signature: &str) -> bool {
    let Ok(tag) = STANDARD.decode(signature) else { return false };
    hmac::verify(&key(token), &signed(url, form), &tag).is_ok()
}

fn key(token: &SecretString) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.expose_secret().as_bytes())
}

fn signed(url: &str, form: &[(String, String)]) -> Vec<u8> {
    let mut pairs: Vec<_> = form.iter().collect();
    pairs.sort();
    let mut text = url.to_owned();
    for (name, value) in pairs {
        text.push_str(name);
        text.push_str(value);
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The example of Twilio's own documentation.
    #[test]
    fn the_documented_example_has_the_documented_signature() {
        let (token, url) = (SecretString::from("12345"), "https://example.com/myapp.php?foo=1&bar=2");
        let posted = form(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675310"),
            ("Digits", "1234"),
            ("From", "+14158675310"),
            ("To", "+18005551212"),
        ]);
        let signature = sign(&token, url, &posted);
        assert_eq!(signature, "L/OH5YylLD5NRKLltdqwSvS0BnU=");
        assert!(is_signed(&token, url, &posted, &signature));
    }

    #[test]
    fn whatever_is_changed_is_not_signed() {
        let (token, url, posted) = (SecretString::from("t"), "https://a.example/x", form(&[("B", "2"), ("A", "1")]));
        let signature = sign(&token, url, &posted);
        assert!(is_signed(&token, url, &form(&[("A", "1"), ("B", "2")]), &signature), "in whatever order");
        assert!(!is_signed(&token, "https://a.example/y", &posted, &signature));
        assert!(!is_signed(&token, url, &form(&[("A", "1"), ("B", "3")]), &signature));
        assert!(!is_signed(&SecretString::from("u"), url, &posted, &signature));
        for forged in ["", "AAAA", "not base64", &signature[1..]] {
            assert!(!is_signed(&token, url, &posted, forged), "{forged}");
        }
    }
}
