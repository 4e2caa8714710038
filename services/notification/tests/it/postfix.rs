//! A real mail server, Debian's Postfix, as a private instance on loopback: it takes what Liaison sends over TLS, an outside
//! verifier (PyPI dkimpy) finds the signature good, and what comes to it comes here over LMTP.
//!
//! Skipped, and said so, where Postfix is not installed or this is not root; `tests/run` installs it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::*;
use contracts::notification::v1::MailState;
use notification::{
    config::Own,
    intake::LmtpSettings,
    provider::{
        HandOver, MailProvider, Outgoing, Smtp,
        smtp::settings::{SmtpSettings, Tls},
    },
};
use testkit::{TestDatabase, eventually};

/// A private Postfix; stopped by its own configuration as it goes.
struct Postfix {
    folder: tempfile::TempDir,
    port: u16,
}

impl Postfix {
    fn installed() -> bool {
        let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        root && Path::new("/usr/sbin/postfix").exists()
    }

    fn start(lmtp: u16) -> Self {
        let folder = tempfile::Builder::new().prefix("postfix").tempdir_in("/tmp").unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let this = Self { folder, port };
        let at = |name: &str| this.at(name).display().to_string();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(this.at("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(this.at("key.pem"), key.serialize_pem()).unwrap();
        for part in ["etc", "spool", "data", "mail"] {
            std::fs::create_dir(this.at(part)).unwrap();
        }
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {}\ndata_directory = {}\nmaillog_file = {}\n\
             maillog_file_prefixes = /tmp\nmyhostname = mx.firm.example\nmydestination =\ninet_interfaces = 127.0.0.1\n\
             inet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nalias_maps =\nalias_database =\n\
             smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\n\
             smtpd_recipient_restrictions = permit_mynetworks, reject\nrelay_domains =\n\
             virtual_mailbox_domains = client.example, firm.example\nvirtual_mailbox_maps =\n\
             transport_maps = inline:{{ {{ client.example = out: }}, {{ firm.example = lmtp:inet:127.0.0.1:{lmtp} }} }}\n\
             import_environment = MAIL_CONFIG\n",
            at("spool"),
            at("data"),
            at("log"),
            at("cert.pem"),
            at("key.pem")
        );
        std::fs::write(this.at("etc/main.cf"), main).unwrap();
        let write = format!("cat > {0}/.$$ && mv {0}/.$$ {0}/$$", at("mail"));
        std::fs::write(this.at("deliver"), format!("#!/bin/sh\numask 022\n{write}\n")).unwrap();
        let master = format!(
            "127.0.0.1:{port} inet n - n - - smtpd\npickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\n\
             qmgr unix n - n 300 1 qmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n\
             defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nverify unix - - n - 1 verify\n\
             flush unix n - n 1000? 0 flush\nproxymap unix - - n - - proxymap\ntlsmgr unix - - n 1000? 1 tlsmgr\n\
             smtp unix - - n - - smtp\nlmtp unix - - n - - lmtp\nerror unix - - n - - error\nretry unix - - n - - error\n\
             anvil unix - - n - 1 anvil\nscache unix - - n - 1 scache\npostlog unix-dgram n - n - 1 postlogd\n\
             out unix - n n - - pipe flags=Rq user=nobody argv=/bin/sh {}\n",
            at("deliver")
        );
        std::fs::write(this.at("etc/master.cf"), master).unwrap();
        let run = |command: &str, arguments: &[&str]| {
            let done = Command::new(command).args(arguments).stdin(Stdio::null()).output().unwrap();
            assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        };
        run("chmod", &["755", &at(".")]);
        run("chmod", &["777", &at("mail")]);
        run("chown", &["postfix", &at("data")]);
        run("postfix", &["-c", &at("etc"), "start"]);
        this
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it delivered to the client's domain.
    fn delivered(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.at("mail"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')))
            .collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.at("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new("postfix").args(["-c", &self.at("etc").display().to_string(), "stop"]).output();
    }
}

/// The Python of `tests/run`'s venv, which has dkimpy.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tests/venv/bin/python");
    let candidates = [std::env::var_os("LIAISON_TESTS_PYTHON").map(PathBuf::from), Some(root)];
    let has_dkim = |python: &PathBuf| {
        Command::new(python).args(["-c", "import dkim"]).output().is_ok_and(|it| it.status.success())
    };
    candidates.into_iter().flatten().find(has_dkim)
}

fn openssl(arguments: &[&str]) {
    let done = Command::new("openssl").args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_postfix_relays_a_signed_mail_and_hands_one_over_by_lmtp() {
    if !Postfix::installed() {
        eprintln!("skipped: no Postfix here, or not root");
        return;
    }
    let own = Own {
        lmtp: LmtpSettings { listen: Some("127.0.0.1:0".into()), recipients: "@firm.example".into() },
        ..Own::default()
    };
    let house = House::with(TestDatabase::sqlite(&sets()).await, own).await;
    let postfix = Postfix::start(house.lmtp().await.port());
    let key = postfix.at("dkim.pem").display().to_string();
    openssl(&["genrsa", "-traditional", "-out", &key, "2048"]);
    let smtp = Smtp::try_new(&SmtpSettings {
        host: Some("localhost".into()),
        port: Some(postfix.port),
        tls: Tls::Starttls,
        ca_file: Some(postfix.at("cert.pem")),
        bounce_address: Some("bounces+{token}@firm.example".into()),
        dkim_selector: Some("2026a".into()),
        dkim_key_file: Some(postfix.at("dkim.pem")),
        ..SmtpSettings::default()
    })
    .unwrap();
    eventually(SOON, async || smtp.check().await.is_ok()).await;

    // Out: what Liaison makes of a reply, HTML and text.
    let asked = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &asked).await;
    house.reply("cases/1", "Grüße: on its way.\n.and a dot\n").await.unwrap();
    house.quiet().await;
    let sent = house.provider.outbox.list().unwrap().remove(0);
    let message = house.provider.outbox.read(&sent.id).unwrap().unwrap();
    let mail = Outgoing {
        notification: "n".into(),
        attempt: 1,
        recipients: vec!["carla@client.example".into()],
        sender: "anna@firm.example".into(),
        token: house.provider.tokens().remove(0),
        message,
    };
    assert!(matches!(smtp.hand_over(&mail).await, HandOver::Accepted { .. }), "{}", postfix.log());
    eventually(SOON, async || !postfix.delivered().is_empty()).await;
    let arrived = std::fs::read_to_string(postfix.delivered().remove(0)).unwrap();
    assert!(arrived.contains("with ESMTPS"), "over TLS: {arrived}");
    match python() {
        None => eprintln!("not verified: dkimpy is not here"),
        Some(python) => {
            let public = postfix.at("public.der").display().to_string();
            openssl(&["rsa", "-in", &key, "-pubout", "-outform", "DER", "-out", &public]);
            let script = "import sys,base64,dkim\nkey=base64.b64encode(open(sys.argv[2],'rb').read())\n\
                          mail=open(sys.argv[1],'rb').read()\n\
                          def dns(name,timeout=5):\n return b'v=DKIM1; k=rsa; p='+key if name==b'2026a._domainkey.firm.example.' else None\n\
                          ok=dkim.verify(mail,dnsfunc=dns)\n\
                          bad=dkim.verify(mail.replace(b'way',b'wax',1),dnsfunc=dns)\n\
                          sys.exit(0 if ok and not bad else 1)\n";
            let path = postfix.delivered().remove(0);
            let verified = Command::new(python).args(["-c", script]).arg(path).arg(&public).output().unwrap();
            assert!(verified.status.success(), "{}\n{arrived}", String::from_utf8_lossy(&verified.stderr));
        }
    }

    // In: somebody writes to the firm's mail server, and it hands the mail over.
    let raw = of_carla("2@client.example", "", "By a real server.");
    let accepted = through(&postfix, &raw).await;
    assert!(accepted, "{}", postfix.log());
    eventually(SOON, async || house.mails(BOSS).await.len() == 2).await;
    house.quiet().await;
    let mail = house.mails(BOSS).await.into_iter().find(|mail| mail.message_id == "2@client.example").unwrap();
    assert_eq!((mail.state(), mail.contact.as_str()), (MailState::Attributed, CARLA));
}

/// Sends a mail to service@firm.example as an outside server does, over TLS by Postfix's own client.
async fn through(postfix: &Postfix, raw: &str) -> bool {
    let smtp = Smtp::try_new(&SmtpSettings {
        host: Some("localhost".into()),
        port: Some(postfix.port),
        tls: Tls::Starttls,
        ca_file: Some(postfix.at("cert.pem")),
        bounce_address: Some("carla@client.example".into()),
        dkim: notification::provider::smtp::settings::Dkim::Relay,
        ..SmtpSettings::default()
    })
    .unwrap();
    let mail = Outgoing {
        notification: "m".into(),
        attempt: 1,
        recipients: vec!["service@firm.example".into()],
        sender: "carla@client.example".into(),
        token: "t".into(),
        message: raw.as_bytes().to_vec(),
    };
    matches!(smtp.hand_over(&mail).await, HandOver::Accepted { .. })
}
