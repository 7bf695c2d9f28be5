//! What a person is asked before a first install of an origin, and what nobody else is.

use crate::images::CORE;
use crate::origin_host::origin_host;

const DOMAIN: &str = "The domain by which";
const EMAIL: &str = "The address for certificates";
const LOGIN: &str = "The administrator's login";

#[test]
fn a_person_is_asked_for_what_no_flag_says_each_answer_checked_at_once_and_a_script_is_not() {
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    let before = host.tree();
    // The program's standard input is the script, as under `curl … | sudo bash`.
    let line = |flags: &str| {
        format!("echo 'exec /root/streamhub-install --core-image {CORE} {flags}' | bash")
    };

    // Given up in the middle, nothing was done.
    let given_up = [(DOMAIN, format!("{ip}\r")), (EMAIL, "\x03".to_owned())];
    let talk: Vec<(&str, &str)> = given_up.iter().map(|(a, b)| (*a, b.as_str())).collect();
    let run = host.on_terminal(&line(""), &talk).run();
    // The shell around it ends by the same Ctrl-C, with a code of its own.
    run.expect_said(&["interrupted by SIGINT"]);
    assert_eq!(host.tree(), before);

    let answered = [
        (DOMAIN, "https://live.example.com/x\r".to_owned()),
        ("can't be used", String::new()),
        (DOMAIN, format!("{ip}\r")),
        (EMAIL, "nobody\r".to_owned()),
        ("it is no mail address", String::new()),
        (EMAIL, "\r".to_owned()),
        (LOGIN, "chief\r".to_owned()),
    ];
    let talk: Vec<(&str, &str)> = answered.iter().map(|(a, b)| (*a, b.as_str())).collect();
    let run = host.on_terminal(&line(""), &talk).run().expect_code(0);
    run.expect_said(&[
        "[localhost]: ",
        &format!("[admin@{ip}]: "),
        "[admin]: ",
        &format!("The origin {ip} serves."),
    ]);
    let value = |key: &str| host.setting("/opt/streamhub", key);
    assert_eq!(value("ADMIN_USER"), "chief");
    assert_eq!(value("ACME_EMAIL"), format!("admin@{ip}"));
    assert_eq!(value("STREAMHUB_DOMAIN"), ip);
    // A person is shown the secrets; where somebody's log may be the reader they stay in the file.
    let secrets = ["ADMIN_PASS", "STREAMHUB_API_TOKEN"].map(value);
    for secret in &secrets {
        assert!(run.said().contains(secret.as_str()), "{}", run.said());
    }

    // What is installed is asked for no more.
    let asked = |said: &str| {
        [DOMAIN, EMAIL, LOGIN]
            .iter()
            .any(|word| said.contains(word))
    };
    let again = host.on_terminal(&line(""), &[]).run().expect_code(0);
    assert!(!asked(&again.said()), "{}", again.said());
    let unseen = host.program::<&str>([]).run().expect_code(0);
    for secret in &secrets {
        assert!(
            !unseen.said().contains(secret.as_str()),
            "{}",
            unseen.said()
        );
    }

    // Who says so is not asked, also at a terminal and before there is anything.
    host.program(["uninstall", "--yes"]).run().expect_code(0);
    host.push_program();
    let silent = host
        .on_terminal(&line("--non-interactive --cluster-redis-bind 0.0.0.0"), &[])
        .run();
    assert_eq!(silent.code, 2, "{}", silent.said());
    assert!(!asked(&silent.said()), "{}", silent.said());
}
