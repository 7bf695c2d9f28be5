//! What a run printed, for a snapshot: whatever is another at each run is replaced by what it stands for.

use crate::command::Output;
use crate::host::Host;

/// How a run ended and all that it printed, in one text.
pub fn transcript(output: &Output) -> String {
    let Output {
        code,
        stdout,
        stderr,
    } = output;
    format!("exit {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
}

/// Compares with the snapshot of this name beside the test; `hosts` are what addresses are called.
pub fn snapshot(name: &str, text: &str, hosts: &[(&Host, &str)]) {
    let mut settings = insta::Settings::clone_current();
    for (host, called) in hosts {
        settings.add_filter(&host.ip().to_string().replace('.', r"\."), *called);
    }
    for (changing, stands_for) in [
        (r"\bpid \d+", "pid <pid>"),
        (r"(ps -fp|kill) \d+", "$1 <pid>"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<node id>"),
        (r#"digest: (\\?")[0-9a-f]{32}"#, "digest: $1<digest>"),
        (r"run-[a-z0-9-]+\.service", "run-<n>.service"),
        (r"\d+\.\d GiB are free", "<n> GiB are free"),
    ] {
        settings.add_filter(changing, stands_for);
    }
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/snapshots"));
    settings.bind(|| insta::assert_snapshot!(name, text));
}
