//! Signs what leaves (RFC 6376, RFC 8463): relaxed/relaxed, SHA-256, in the domain of `From`.
//!
//! Own code over aws-lc-rs, which is linked anyway: lettre's signer brings a second RSA, and what it signs by default fails
//! on multipart mail.

use std::path::Path;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{self, Ed25519KeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};

use super::settings::BadSetting;
use crate::mail::fields::{fields, split};

/// Signed where they stand. Those marked are signed once more than they stand, so that nobody adds another.
const SIGNED: [(&str, bool); 15] = [
    ("from", true),
    ("to", true),
    ("cc", true),
    ("subject", true),
    ("date", true),
    ("message-id", true),
    ("reply-to", true),
    ("in-reply-to", false),
    ("references", false),
    ("mime-version", true),
    ("content-type", true),
    ("content-transfer-encoding", true),
    ("auto-submitted", false),
    ("x-liaison-notification", false),
    ("x-liaison-possible-duplicate", false),
];
const FIELDS: usize = 200;
/// RSA keys below this are refused (RFC 8301 asks for no less than 1024 and recommends this).
const LEAST_BITS: usize = 2048;

/// A key and the name under which its public part is found.
pub struct Signer {
    selector: String,
    key: Key,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// A mail that cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mail cannot be signed")]
pub struct Unsigned;

impl Signer {
    /// The signer of this selector, with the key in this file.
    ///
    /// # Errors
    /// Where the file cannot be read or holds no key that is good enough.
    pub fn from_file(selector: &str, file: &Path) -> Result<Self, BadSetting> {
        let bad = |why: String| BadSetting::new("smtp.dkim_key_file", format!("{}: {why}", file.display()));
        let pem = PrivateKeyDer::from_pem_file(file).map_err(|error| bad(error.to_string()))?;
        let rsa = |key: RsaKeyPair| {
            let bits = key.public_modulus_len() * 8;
            if bits < LEAST_BITS {
                return Err(bad(format!("an RSA key of {bits} bits is too short, {LEAST_BITS} are needed")));
            }
            Ok(Key::Rsa(Box::new(key)))
        };
        let key = match &pem {
            PrivateKeyDer::Pkcs1(key) => {
                rsa(RsaKeyPair::from_der(key.secret_pkcs1_der()).map_err(|error| bad(error.to_string()))?)?
            }
            PrivateKeyDer::Pkcs8(key) => match RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()) {
                Ok(key) => rsa(key)?,
                Err(_) => {
                    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der());
                    Key::Ed25519(Box::new(key.map_err(|_| bad("neither an RSA nor an Ed25519 key".to_owned()))?))
                }
            },
            _ => return Err(bad("neither an RSA nor an Ed25519 key".to_owned())),
        };
        Ok(Self { selector: selector.to_owned(), key })
    }

    /// The mail with its signature on top. It must have CRLF line ends, and is signed as it is.
    ///
    /// # Errors
    /// Where it has no header, or the key fails.
    pub fn sign(&self, domain: &str, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        let (head, body) = split(message);
        let body_hash = STANDARD.encode(digest(&SHA256, &relaxed_body(body)).as_ref());
        let (names, mut data) = header(head).ok_or(Unsigned)?;
        let algorithm = match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let (domain, selector) = (domain.to_ascii_lowercase(), &self.selector);
        let tags = format!("v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};");
        let unsigned = format!("DKIM-Signature: {tags}\r\n h={};\r\n bh={body_hash};\r\n b=", fold(&names));
        data.extend_from_slice(relaxed_field("dkim-signature", &unsigned["DKIM-Signature:".len()..]).as_bytes());
        let signature = match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let signed = key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), &data, &mut signature);
                signed.map_err(|_| Unsigned)?;
                signature
            }
            // RFC 8463: what is signed is the hash.
            Key::Ed25519(key) => key.sign(digest(&SHA256, &data).as_ref()).as_ref().to_vec(),
        };
        let mut signed = unsigned.into_bytes();
        for (at, chunk) in STANDARD.encode(signature).as_bytes().chunks(70).enumerate() {
            if at > 0 {
                signed.extend_from_slice(b"\r\n  ");
            }
            signed.extend_from_slice(chunk);
        }
        signed.extend_from_slice(b"\r\n");
        signed.extend_from_slice(message);
        Ok(signed)
    }
}

/// The names that are signed, and their fields in that order, as they go into the hash.
fn header(head: &[u8]) -> Option<(Vec<&'static str>, Vec<u8>)> {
    let fields = fields(head, FIELDS)?;
    let (mut names, mut data) = (Vec::new(), Vec::new());
    for (name, closed) in SIGNED {
        // From the last upwards (RFC 6376, 5.4.2).
        for field in fields.iter().rev().filter(|field| field.is(name)) {
            names.push(name);
            data.extend_from_slice(relaxed_field(name, &field.text()).as_bytes());
            data.extend_from_slice(b"\r\n");
        }
        if closed {
            names.push(name);
        }
    }
    Some((names, data))
}

/// RFC 6376, 3.4.2. A value unfolded loses its line ends only: the space that followed them stays.
fn relaxed_field(name: &str, value: &str) -> String {
    let value = value.replace(['\r', '\n'], "");
    let words: Vec<_> = value.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    format!("{name}:{}", words.join(" "))
}

/// RFC 6376, 3.4.4.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut kept = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut space = false;
        let mut some = false;
        for byte in line {
            if matches!(byte, b' ' | b'\t') {
                space = true;
                continue;
            }
            if std::mem::take(&mut space) {
                out.push(b' ');
            }
            out.push(*byte);
            some = true;
        }
        out.extend_from_slice(b"\r\n");
        if some {
            kept = out.len();
        }
    }
    out.truncate(kept);
    out
}

fn fold(names: &[&str]) -> String {
    names.chunks(5).map(|names| names.join(":")).collect::<Vec<_>>().join(":\r\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_canonical_as_the_standard_shows_it() {
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n", "RFC 6376, 3.4.5");
        assert_eq!(relaxed_body(b""), b"");
        assert_eq!(relaxed_body(b"\r\n\r\n"), b"");
        assert_eq!(relaxed_body(b"no end"), b"no end\r\n");
    }

    #[test]
    fn a_field_is_canonical_as_the_standard_shows_it() {
        assert_eq!(relaxed_field("a", " X"), "a:X");
        assert_eq!(relaxed_field("b", " Y\t\r\n\tZ  "), "b:Y Z");
    }

    #[test]
    fn nobody_can_add_a_second_from() {
        let (names, data) = header(b"From: a@b.example\r\nSubject: x\r\n\r\n").unwrap_or_default();
        assert_eq!(names.iter().filter(|name| **name == "from").count(), 2);
        assert_eq!(String::from_utf8_lossy(&data), "from:a@b.example\r\nsubject:x\r\n");
    }
}
