//! Which tokens count, and which do not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use access::{
    Issuer, Principal, PrincipalKind, TokenError, TokenSource, TrialIssuer, Verifier,
    token::{Keys, TrialError, keys::IssuerSettings},
};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use business_time::{ManualClock, Timestamp};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, JwkSet},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const HOUR: Duration = Duration::from_secs(3600);

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_second(NOW).unwrap())
}

/// An issuer outside our house, as a firm's own would be.
struct Firm {
    key: EncodingKey,
    id: String,
}

impl Firm {
    fn new(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        Self { key: EncodingKey::from_ec_der(pair.as_ref()), id: id.to_owned() }
    }

    fn jwks(&self) -> JwkSet {
        let mut key = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
        key.common.key_id = Some(self.id.clone());
        JwkSet { keys: vec![key] }
    }

    fn issuer(&self) -> Issuer {
        Issuer {
            issuer: "https://login.firm.example".into(),
            audience: "liaison".into(),
            algorithms: vec![Algorithm::ES256],
            keys: Keys::Set(self.jwks()),
            speaks_for: vec![PrincipalKind::Staff],
        }
    }

    fn verifier(&self, clock: &ManualClock) -> Verifier {
        Verifier::try_new([self.issuer()], Arc::new(clock.clone())).unwrap()
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).unwrap()
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://login.firm.example", "aud": "liaison", "sub": "staff/anna",
        "iat": NOW, "nbf": NOW, "exp": NOW + 600, "jti": "one",
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn without(key: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(key);
    claims
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[test]
fn a_genuine_token_names_its_subject_until_it_expires() {
    let (firm, clock) = (Firm::new("k1"), clock());
    let verifier = firm.verifier(&clock);
    let token = firm.sign(&claims());
    let verified = verifier.verify(&token).unwrap();
    assert_eq!(verified.principal.name(), "staff/anna");
    assert_eq!(verified.issuer, "https://login.firm.example");
    clock.advance("599s".parse().unwrap());
    assert!(verifier.verify(&token).is_ok());
    clock.advance("1s".parse().unwrap());
    assert_eq!(verifier.verify(&token), Err(TokenError::Expired), "also one that was verified before");
    assert_eq!(firm.verifier(&clock).verify(&token), Err(TokenError::Expired), "and one that was not");
}

#[test]
fn what_a_claim_lacks_or_has_wrong_is_refused() {
    let firm = Firm::new("k1");
    let verifier = firm.verifier(&clock());
    for (claims, error) in [
        (with("aud", json!("another")), TokenError::WrongAudience),
        (with("aud", json!(["another", "liaison-x"])), TokenError::WrongAudience),
        (without("aud"), TokenError::Bad),
        (with("iss", json!("https://login.other.example")), TokenError::UnknownIssuer),
        (with("iss", json!(["https://login.firm.example"])), TokenError::Bad),
        (without("iss"), TokenError::Bad),
        (without("exp"), TokenError::Bad),
        (with("exp", json!("never")), TokenError::Bad),
        (with("exp", json!(1e300)), TokenError::Bad),
        (with("exp", json!(-1)), TokenError::Bad),
        (with("exp", json!(NOW - 1)), TokenError::Expired),
        (with("nbf", json!(NOW + 60)), TokenError::Bad),
        (without("sub"), TokenError::Bad),
        (with("sub", json!("anna")), TokenError::Bad),
        (with("sub", json!("staff/anna/../zoe")), TokenError::Bad),
        (with("sub", json!("services/notification")), TokenError::Bad),
        (with("sub", json!("clients/acme/contacts/jo")), TokenError::Bad),
    ] {
        assert_eq!(verifier.verify(&firm.sign(&claims)), Err(error), "{claims}");
    }
    assert!(verifier.verify(&firm.sign(&with("aud", json!(["another", "liaison"])))).is_ok());
    assert!(verifier.verify(&firm.sign(&with("nbf", json!(NOW + 5)))).is_ok(), "clocks differ by a few seconds");
    assert!(verifier.verify(&firm.sign(&with("exp", json!(NOW as f64 + 0.5)))).is_ok());
}

#[test]
fn a_forged_token_is_refused() {
    let firm = Firm::new("k1");
    let verifier = firm.verifier(&clock());
    let genuine = firm.sign(&claims());
    let (signed, signature) = genuine.rsplit_once('.').unwrap();
    let header = signed.split('.').next().unwrap();
    let other_claims = URL_SAFE_NO_PAD.encode(with("sub", json!("staff/zoe")).to_string());
    let foreign = Firm::new("k1").sign(&claims());
    let unknown_key = Firm::new("k2").sign(&claims());
    for (forged, why) in [
        (String::new(), "nothing"),
        ("a.b.c".into(), "no token"),
        (signed.into(), "cut off"),
        (format!("{signed}."), "no signature"),
        (format!("{header}.{other_claims}.{signature}"), "another's claims under a genuine signature"),
        (format!("{genuine}.{signature}"), "four parts"),
        (format!("{genuine}{}", "A".repeat(20_000)), "endless"),
        (foreign, "another key under a known id"),
        (unknown_key, "a key that nobody published"),
    ] {
        assert_eq!(verifier.verify(&forged), Err(TokenError::Bad), "{why}");
    }
}

#[test]
fn an_algorithm_that_is_not_pinned_is_refused() {
    let firm = Firm::new("k1");
    let verifier = firm.verifier(&clock());
    for none in ["none", "None", "NONE", ""] {
        let token = unsigned(&json!({"alg": none, "kid": "k1"}), &claims(), "");
        assert_eq!(verifier.verify(&token), Err(TokenError::Bad), "alg={none:?}");
    }

    // The classic confusion: the public key, which everybody has, used as a shared secret.
    let jwks = serde_json::to_value(firm.jwks()).unwrap();
    let point = |name: &str| URL_SAFE_NO_PAD.decode(jwks["keys"][0][name].as_str().unwrap()).unwrap();
    let public = [vec![4], point("x"), point("y")].concat();
    for secret in [public.as_slice(), jwks.to_string().as_bytes()] {
        let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::HS256) };
        let token = encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
        assert_eq!(verifier.verify(&token), Err(TokenError::Bad));
    }

    let trial = TrialIssuer::passing(Arc::new(clock())).unwrap();
    let mut both = firm.issuer();
    both.keys = Keys::Set(JwkSet { keys: [firm.jwks().keys, trial.jwks().keys].concat() });
    let verifier = Verifier::try_new([both], Arc::new(clock())).unwrap();
    let token = trial.mint(&Principal::parse("staff/anna").unwrap(), HOUR).unwrap();
    assert_eq!(verifier.verify(&token), Err(TokenError::UnknownIssuer), "its key may be here, its name is not");
}

#[test]
fn a_key_that_could_check_two_algorithms_checks_the_pinned_one_alone() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let document = AsDer::<Pkcs8V1Der>::as_der(&pair).unwrap();
    // The signer takes PKCS #1, which lies within PKCS #8 behind 26 bytes.
    let key = EncodingKey::from_rsa_der(&document.as_ref()[26..]);
    let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
    public.common.key_id = Some("k1".into());
    public.common.key_algorithm = None;
    let keys = Keys::Set(JwkSet { keys: vec![public] });
    let issuer = Issuer { algorithms: vec![Algorithm::RS256], keys, ..Firm::new("k1").issuer() };
    let verifier = Verifier::try_new([issuer], Arc::new(clock())).unwrap();
    let sign =
        |algorithm| encode(&Header { kid: Some("k1".into()), ..Header::new(algorithm) }, &claims(), &key).unwrap();
    assert!(verifier.verify(&sign(Algorithm::RS256)).is_ok());
    assert_eq!(verifier.verify(&sign(Algorithm::RS512)), Err(TokenError::Bad));
    assert_eq!(verifier.verify(&sign(Algorithm::PS256)), Err(TokenError::Bad));
}

#[test]
fn a_header_that_must_be_understood_is_not() {
    let firm = Firm::new("k1");
    let header = Header { kid: Some("k1".into()), crit: Some(vec!["exp".into()]), ..Header::new(Algorithm::ES256) };
    let token = encode(&header, &claims(), &firm.key).unwrap();
    assert_eq!(firm.verifier(&clock()).verify(&token), Err(TokenError::Bad));
}

#[test]
fn an_issuer_that_cannot_be_trusted_is_refused_at_start() {
    let firm = Firm::new("k1");
    let start = |issuer: Issuer| Verifier::try_new([issuer], Arc::new(clock())).is_ok();
    assert!(start(firm.issuer()));
    assert!(!start(Issuer { algorithms: vec![], ..firm.issuer() }));
    assert!(!start(Issuer { algorithms: vec![Algorithm::ES256, Algorithm::HS256], ..firm.issuer() }));
    assert!(!start(Issuer { keys: Keys::Set(JwkSet { keys: vec![] }), ..firm.issuer() }));
    assert!(!start(Issuer { keys: Keys::File("/nowhere/jwks.json".into()), ..firm.issuer() }));
    assert!(Verifier::try_new([], Arc::new(clock())).is_err());
    assert!(Verifier::try_new([firm.issuer(), firm.issuer()], Arc::new(clock())).is_err());
}

#[test]
fn a_rotated_key_is_found_without_a_restart_and_a_broken_file_takes_none_away() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let (old, new) = (Firm::new("old"), Firm::new("new-key"));
    let publish = |keys: &[&Firm]| {
        let keys = keys.iter().flat_map(|firm| firm.jwks().keys).collect();
        fs::write(&file, serde_json::to_vec(&JwkSet { keys }).unwrap()).unwrap();
    };
    publish(&[&old]);
    let settings: IssuerSettings = serde_json::from_value(json!({
        "issuer": "https://login.firm.example", "audience": "liaison", "algorithms": ["ES256"], "jwks": file,
    }))
    .unwrap();
    let verifier = Verifier::try_new([settings.into()], Arc::new(clock())).unwrap();
    assert!(verifier.verify(&old.sign(&claims())).is_ok());
    assert_eq!(verifier.verify(&new.sign(&claims())), Err(TokenError::Bad));
    fs::write(&file, "half a fi").unwrap();
    assert_eq!(verifier.verify(&new.sign(&claims())), Err(TokenError::Bad));
    assert!(verifier.verify(&old.sign(&with("jti", json!("two")))).is_ok(), "the old keys hold");
    publish(&[&old, &new]);
    assert!(verifier.verify(&new.sign(&claims())).is_ok());
}

#[test]
fn a_revoked_token_counts_no_more_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("revoked");
    fs::write(&file, "# nobody yet\n").unwrap();
    let (firm, clock) = (Firm::new("k1"), clock());
    let verifier = firm.verifier(&clock).with_revoked(file.clone()).unwrap();
    let (one, two) = (firm.sign(&claims()), firm.sign(&with("jti", json!("two"))));
    assert!(verifier.verify(&one).is_ok());
    fs::write(&file, "one # lost laptop\n").unwrap();
    clock.advance("1s".parse().unwrap());
    assert_eq!(verifier.verify(&one), Err(TokenError::Bad));
    assert!(verifier.verify(&two).is_ok());
    fs::remove_file(&file).unwrap();
    clock.advance("1s".parse().unwrap());
    assert_eq!(verifier.verify(&one), Err(TokenError::Bad), "a list that is gone takes nothing back");
    assert!(firm.verifier(&clock).with_revoked(file).is_err(), "but nobody starts without it");
}

#[test]
fn the_trial_issuers_key_is_made_once_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(clock());
    let anna = Principal::parse("staff/anna").unwrap();
    let first = TrialIssuer::open(folder.path(), clock.clone()).unwrap();
    let token = first.mint(&anna, HOUR).unwrap();
    let again = TrialIssuer::open(folder.path(), clock.clone()).unwrap();
    let verifier = Verifier::try_new([again.as_issuer()], clock.clone()).unwrap();
    assert_eq!(verifier.verify(&token).unwrap().principal, anna);

    let published = folder.path().join("jwks.json");
    first.publish(&published).unwrap();
    let issuer = Issuer { keys: Keys::File(published), ..first.as_issuer() };
    assert!(Verifier::try_new([issuer], clock.clone()).unwrap().verify(&token).is_ok());

    let key = only_key(folder.path());
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(TrialIssuer::open(folder.path(), clock), Err(TrialError::Open(_))));
}

fn only_key(folder: &Path) -> std::path::PathBuf {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut keys: Vec<_> = names.filter(|path| path.to_string_lossy().contains("trial-issuer")).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys.remove(0)
}

#[test]
fn two_processes_that_start_at_once_share_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let keys: Vec<_> = std::thread::scope(|scope| {
        let open = || TrialIssuer::open(folder.path(), Arc::new(clock())).unwrap().jwks();
        let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn another_trial_issuers_token_is_refused() {
    let clock = Arc::new(clock());
    let (ours, theirs) = (TrialIssuer::passing(clock.clone()).unwrap(), TrialIssuer::passing(clock.clone()).unwrap());
    let verifier = Verifier::try_new([ours.as_issuer()], clock).unwrap();
    let token = theirs.mint(&Principal::parse("staff/anna").unwrap(), HOUR).unwrap();
    assert_eq!(verifier.verify(&token), Err(TokenError::Bad));
}

#[test]
fn the_internal_issuer_speaks_for_services_alone() {
    let clock = Arc::new(clock());
    let (internal, trial) =
        (TrialIssuer::internal(clock.clone()).unwrap(), TrialIssuer::passing(clock.clone()).unwrap());
    let verifier = Verifier::try_new([internal.as_issuer(), trial.as_issuer()], clock).unwrap();
    let mint = |issuer: &TrialIssuer, name: &str| issuer.mint(&Principal::parse(name).unwrap(), HOUR).unwrap();
    assert!(verifier.verify(&mint(&internal, "services/escalation")).is_ok());
    assert_eq!(verifier.verify(&mint(&internal, "staff/anna")), Err(TokenError::Bad));
    assert!(verifier.verify(&mint(&trial, "staff/anna")).is_ok());
}

#[test]
fn a_service_sends_a_token_that_lives_on_and_renews_it_in_time() {
    let clock = clock();
    let issuer = Arc::new(TrialIssuer::passing(Arc::new(clock.clone())).unwrap());
    let verifier = Verifier::try_new([issuer.as_issuer()], Arc::new(clock.clone())).unwrap();
    let source = TokenSource::trial(issuer, Principal::parse("services/notification").unwrap());
    let first = source.token().unwrap();
    for _ in 0..40 {
        clock.advance("60s".parse().unwrap());
        let token = source.clone().token().unwrap();
        assert!(verifier.verify(token.expose_secret()).is_ok());
    }
    assert_ne!(first.expose_secret(), source.token().unwrap().expose_secret());
    assert!(!format!("{source:?}").contains(first.expose_secret()));
}

#[test]
fn a_token_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let clock = clock();
    let source = TokenSource::file(&file, Arc::new(clock.clone()));
    assert!(source.token().is_err());
    fs::write(&file, "one\n").unwrap();
    assert_eq!(source.token().unwrap().expose_secret(), "one");
    fs::write(&file, "two\n").unwrap();
    assert_eq!(source.token().unwrap().expose_secret(), "one");
    clock.advance("10s".parse().unwrap());
    assert_eq!(source.token().unwrap().expose_secret(), "two");
    fs::write(&file, "\n").unwrap();
    clock.advance("10s".parse().unwrap());
    assert!(source.token().is_err(), "an empty file is no token");
}
