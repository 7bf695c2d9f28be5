//! The support bundle of an origin and of an edge, whose secrets have stood in every form wherever it looks.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cluster::edge;
use crate::host::Host;
use crate::images::{CORE, Image};
use crate::origin_host::{GENERATED, origin_host};
use crate::strace::assert_none_in;

const DIR: &str = "/opt/streamhub";
const BUNDLE: &str = "/root/bundle.tar.gz";
/// All that an address, JSON, compose or a shell writes otherwise.
const SPECIAL: &str = "Ex\"am/p+l%e$1Pass";
const SPECIAL_OF_MAIL: &str = "m$A\"/+%il#Ex ample";
/// What only a stranger's container knows.
const STRANGERS: &str = "ExampleOfAStranger";

/// The secret as it is, in JSON and in an address.
fn in_text(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
    ]
}

/// In base64, with something before it and behind, so that it begins at each of the three places.
fn in_base64(secret: &str) -> Vec<String> {
    let at = |before| STANDARD.encode(format!("{before}:{secret}\n"));
    ["", "a", "ab"].map(at).to_vec()
}

/// What of it no text may hold: in base64 without the ends, which have bits of what stands beside it.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = in_text(secret);
    let middle = |text: String| text[4..text.len() - 4].to_owned();
    forms.extend(in_base64(secret).into_iter().map(middle));
    forms
}

/// Writes all of it where the bundle looks: into the program's log, and as a container of ours that was given it on its
/// command line and says it; and puts a stranger's container beside.
fn spill(host: &Host, secrets: &[String]) {
    host.import(&Image::busybox());
    let all_forms = |secret: &String| [in_text(secret), in_base64(secret)].concat();
    let said: Vec<String> = secrets.iter().flat_map(all_forms).collect();
    let said = said.join("\n");
    host.script("cat >>/var/log/streamhub-install.log")
        .stdin(said.clone())
        .ok();
    host.command([
        "docker",
        "run",
        "--detach",
        "--name=said",
        "--label=com.docker.compose.project=streamhub",
    ])
    .args(["lab/busybox:1", "echo", &said])
    .ok();
    host.sh_ok(&format!(
        "docker run --detach --name=stranger lab/busybox:1 sleep 1000 --password={STRANGERS}; docker wait said"
    ));
}

/// Every file of the bundle that the host makes of itself.
fn bundle(host: &Host) -> Vec<(String, String)> {
    let run = host
        .program(["support-bundle", "--output", BUNDLE])
        .run()
        .expect_code(0);
    assert!(!run.said().contains("left out"), "{}", run.said());
    let bytes = host.bytes_at(BUNDLE).expect("it was written");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&*bytes));
    let entries = archive.entries().expect("it is an archive");
    let read = |entry: std::io::Result<tar::Entry<_>>| {
        let mut entry = entry.expect("it is whole");
        let name = entry.path().expect("it is text").display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("it is text");
        (name, text)
    };
    entries.map(read).collect()
}

#[track_caller]
fn holds_none(host: &Host, secrets: &[String]) {
    spill(host, secrets);
    let files = bundle(host);
    let forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    let mut forms: Vec<&str> = forms.iter().map(String::as_str).collect();
    forms.push(STRANGERS);
    for (name, text) in &files {
        assert_none_in(&forms, &format!("{name} of {}", host.name()), text);
    }
    for part in ["install.log", "docker/said.log"] {
        let found = files.iter().find(|(name, _)| name.ends_with(part));
        let masked = found.map_or(0, |(_, text)| text.matches("(secret)").count());
        assert!(
            masked >= forms.len() - 1,
            "{part}: {masked} of {}",
            forms.len() - 1
        );
    }
    let ps = files.iter().find(|(name, _)| name.ends_with("docker/ps"));
    assert!(
        ps.is_some_and(|(_, text)| text.contains("stranger")),
        "{ps:?}"
    );
}

#[test]
fn a_bundle_of_an_origin_and_of_an_edge_holds_no_secret_in_any_form() {
    let origin = origin_host("origin");
    let ip = origin.ip().to_string();
    origin
        .program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .args([
            "--cluster-redis-bind",
            &ip,
            "--smtp-host",
            "mail.example.com",
        ])
        .env("ADMIN_PASS", SPECIAL)
        .env("STREAMHUB_SMTP_PASS", SPECIAL_OF_MAIL)
        .run()
        .expect_code(0);
    // An operator's own, by the rules of compose: what stands behind it is no part of it.
    let own = "ExampleOwn/+%1";
    origin.sh_ok(&format!(
        "echo 'MY_PASSWORD={own} # since May' >>{DIR}/.env"
    ));
    let mut secrets: Vec<String> = GENERATED
        .iter()
        .map(|key| origin.setting(DIR, key))
        .collect();
    assert!(
        secrets.iter().any(|secret| secret == SPECIAL),
        "{secrets:?}"
    );
    secrets.extend([SPECIAL_OF_MAIL, own].map(str::to_owned));

    let far = edge("edge-1");
    far.program(["--join", "--master-ip", &ip])
        .env(
            "STREAMHUB_MASTER_TOKEN",
            &origin.setting(DIR, "STREAMHUB_CLUSTER_TOKEN"),
        )
        .run()
        .expect_code(0);
    let special = "Ex\"am/p+l%e$1Edge";
    far.sh_ok(&format!(
        "echo \"MY_KEY='Ex\\\"am/p+l%e\\$1Edge'\" >>{DIR}/.env"
    ));
    let known = [
        "LIVEKIT_API_KEY",
        "LIVEKIT_API_SECRET",
        "LIVEKIT_REDIS_PASSWORD",
        "MY_KEY",
    ];
    let mut of_edge: Vec<String> = known.iter().map(|key| far.setting(DIR, key)).collect();
    assert!(
        of_edge.iter().any(|secret| secret == special),
        "{of_edge:?}"
    );
    of_edge.push(origin.setting(DIR, "STREAMHUB_CLUSTER_TOKEN"));

    holds_none(&origin, &secrets);
    holds_none(&far, &of_edge);
}
