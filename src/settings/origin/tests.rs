use std::fs;

use super::super::Settings;
use super::*;

/// What a run with these flags is asked for on an origin whose `.env` is this.
fn resolve(env: &str, flags: &[&str]) -> Result<Settings> {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in [
        (
            "etc/streamhub/receipt.json",
            r#"{"version":1,"written_by":"0.1.0","role":"origin","dir":"/opt/streamhub","settings":{"domain":"localhost"},"owned":[]}"#,
        ),
        (
            "etc/streamhub/heartbeat.env",
            "STREAMHUB_HB_TOKEN=clt_Example\nSTREAMHUB_HB_NODE_ID=origin\n",
        ),
        ("opt/streamhub/.env", env),
    ] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let flags = ["streamhub-install"].iter().chain(flags);
    Settings::resolve(&Given::parse(flags).unwrap(), &Host::new(root.path()))
}

#[test]
fn a_password_is_replaced_by_another_and_never_by_none() {
    let refused = resolve("", &["--admin-pass", ""]).unwrap_err();
    assert_eq!(Fault::of(&refused).exit, Exit::Usage);
    assert!(refused.to_string().contains("--admin-pass"), "{refused}");
    assert!(resolve("", &["--admin-pass", "Example"]).is_ok());
}

#[test]
fn an_origins_own_values_need_not_be_what_an_edge_takes_from_it() {
    let env = "LIVEKIT_API_KEY=APIExample\nLIVEKIT_API_SECRET='two words'\nREDIS_URL=redis://127.0.0.1:6379\n";
    let settings = resolve(env, &[]).unwrap();
    assert!(settings.saved.joined.is_none() && settings.saved.token.is_some());
}

#[test]
fn who_may_not_read_env_is_told_to_be_root() {
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let told = needs_root(denied.into(), Path::new("/opt/streamhub/.env"));
    assert_eq!(Fault::of(&told).exit, Exit::NotReady);
    assert!(
        told.to_string()
            .contains("only root may read /opt/streamhub/.env")
    );
    let other = needs_root(anyhow::anyhow!("torn"), Path::new("/opt/streamhub/.env"));
    assert_eq!(other.to_string(), "torn");
}
