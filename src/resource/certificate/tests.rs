use std::fs;

use standins::tls::Authority;

use super::*;

const SITE: &str = "server { server_name live.example.com; include snippets/streamhub.conf; }";

fn certificate() -> Certificate {
    Certificate {
        domain: "live.example.com".to_owned(),
        site: "live.example.com".to_owned(),
        email: "admin@example.com".to_owned(),
        directory: Some("https://acme.example.com/directory".to_owned()),
        is_named: true,
        ca_file: Some("/root/ca.pem".into()),
    }
}

/// What is to be done where certbot has this certificate, or none, and the site says this.
fn step(pem: Option<String>, site: &str) -> Option<Step> {
    step_of(pem, site, "https://acme.example.com/directory")
}

/// The same, where certbot renews it from this server.
fn step_of(pem: Option<String>, site: &str, server: &str) -> Option<Step> {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("etc/nginx/sites-available/live.example.com", site);
    if let Some(pem) = pem {
        write("etc/letsencrypt/live/live.example.com/fullchain.pem", &pem);
        write(
            "etc/letsencrypt/renewal/live.example.com.conf",
            &format!("version = 4.0.0\n[renewalparams]\nserver = {server}\n"),
        );
        write("etc/ssl/own.pem", &pem);
    }
    let certificate = certificate();
    let later = Certificate {
        is_named: false,
        ..certificate.clone()
    };
    let host = Host::new(root.path());
    assert_ne!(
        later.step(&host).unwrap(),
        Some(Step::Replace),
        "a later run keeps what is good"
    );
    certificate.step(&host).unwrap()
}

#[test]
fn a_certificate_that_is_there_is_kept_and_a_bad_one_is_not_taken_for_one() {
    let authority = Authority::new();
    let for_names = |names: &[&str]| Some(authority.sign(names).certificate);
    let good = || for_names(&["www.example.com", "live.example.com"]);
    let using = "server { server_name live.example.com; listen 443 ssl; \
        ssl_certificate /etc/letsencrypt/live/live.example.com/fullchain.pem; }";
    assert_eq!(step(None, SITE), Some(Step::Obtain));
    assert_eq!(step(good(), SITE), Some(Step::Install));
    assert_eq!(step(good(), using), None);
    assert_eq!(step(for_names(&["*.example.com"]), using), None);
    for bad in [
        None,
        Some(String::new()),
        Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()),
        for_names(&["other.example.com", "*.live.example.com", "*.com"]),
        Some(authority.sign_expired(&["live.example.com"]).certificate),
    ] {
        assert_eq!(step(bad.clone(), using), Some(Step::Obtain), "{bad:?}");
    }
    // An operator's own, wherever it lies; and that of another site says nothing.
    let elsewhere = using.replace("server_name live", "server_name other");
    assert_eq!(step(good(), &elsewhere), Some(Step::Install));
}

#[test]
fn a_certificate_of_another_server_than_was_asked_for_is_replaced() {
    let good = || Some(Authority::new().sign(&["live.example.com"]).certificate);
    let using = |path: &str| {
        format!(
            "server {{ server_name live.example.com; listen 443 ssl; ssl_certificate {path}; }}"
        )
    };
    let certbots = using("/etc/letsencrypt/live/live.example.com/fullchain.pem");
    let other = "https://acme-v02.api.letsencrypt.org/directory";
    assert_eq!(step_of(good(), &certbots, other), Some(Step::Replace));
    assert_eq!(step_of(good(), SITE, other), Some(Step::Replace));
    assert_eq!(step_of(good(), &using("/etc/ssl/own.pem"), other), None);
    assert_eq!(step_of(None, &certbots, other), Some(Step::Obtain));
    let command = certificate().certbot(Step::Replace).to_string();
    assert!(
        command.contains("--force-renewal") && command.contains("--server"),
        "{command}"
    );
}

#[test]
fn a_refusal_is_told_in_the_servers_words_with_the_command_to_try_again() {
    let stderr = "Saving debug log to /var/log/letsencrypt/letsencrypt.log
Certbot failed to authenticate some domains (authenticator: nginx). The Certificate Authority reported these problems:
  Domain: live.example.com
  Type:   connection
  Detail: 203.0.113.7: Fetching http://live.example.com/: Connection refused

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org.
";
    let why = anyhow::anyhow!(reason("", stderr));
    insta::assert_snapshot!(certificate().degraded(Step::Obtain, &why, false));
    assert_eq!(
        reason(
            "",
            "Saving debug log to x\nAn unexpected error occurred:\nno\n"
        ),
        "no"
    );
}
