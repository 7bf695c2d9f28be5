//! An origin whose API token was replaced in the dashboard, and one that is looked at by an ordinary user.

use crate::images::CORE;
use crate::origin_host::origin_host;

const ENV: &str = "/opt/streamhub/.env";

#[test]
fn a_replaced_api_token_is_told_of_and_env_is_roots_alone() {
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    host.program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .run()
        .expect_code(0);
    let env = host.read(ENV);

    // Told of at each run, and nothing is done for it.
    let other = "STREAMHUB_API_TOKEN=sk_ExampleOfAnother";
    host.sh_ok(&format!(
        "sed -i 's/^STREAMHUB_API_TOKEN=.*/{other}/' {ENV}"
    ));
    let told = format!("write that one into {ENV}");
    let run = || host.program::<&str>([]).run().expect_code(0);
    run().expect_said(&[&told]);
    run().expect_said(&[&told, "nothing to change"]);
    host.write(ENV, env, 0o600);
    let back = run();
    assert!(!back.said().contains(&told), "{back:?}");

    host.sh_ok("install -m 755 /root/streamhub-install /usr/bin/s");
    let asked = host.sh("sudo -u operator /usr/bin/s --dry-run --standalone 2>&1; echo $?");
    let said = asked.stdout;
    let why = format!("only root may read {ENV}");
    assert!(said.contains(&why) && said.ends_with("3\n"), "{said}");
}
