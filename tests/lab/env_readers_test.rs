//! What is written into a `.env` file, as everybody reads it: compose twice over, systemd, two shells and dotenvy.

use std::collections::BTreeMap;
use std::fmt::Write;

use fastrand::Rng;
use streamhub_install::env_file::EnvFile;

use crate::campaign::seed;
use crate::host::Host;
use crate::images::Image;

const FILE: &str = "/root/readers/.env";
/// So many values in one file: each reader is started once.
const VALUES: usize = 600;
/// What one reader or another takes for more than it is.
const PIECES: &[&str] = &[
    " #", "#", "$HOME", "${HOME}", "${X:-y}", "$$", "$(id)", "`id`", "\"", "=", ": ", "export ",
    "~", "*", "!", "&&", ";", "%h", "%%", " ", "  ", "\u{a0}", "\u{2028}", "\u{feff}", "\u{fffd}",
    "\u{e000}", "é", "漢", "🎥", "\u{301}",
];

fn value(rng: &mut Rng) -> String {
    let mut value = String::new();
    for _ in 0..rng.usize(..12) {
        if rng.bool() {
            value.push_str(rng.choice(PIECES).expect("there are some"));
        } else {
            value.push(rng.char(' '..='~'));
        }
    }
    value.replace(['\'', '\\'], "")
}

/// An environment as the kernel shows it.
fn environment(text: &str) -> BTreeMap<String, String> {
    text.split('\0')
        .filter_map(|entry| entry.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// What everybody reads in a file with these keys, on a host with [`Image::busybox`].
pub fn readers(
    host: &Host,
    file: &str,
    keys: &[&str],
) -> Vec<(&'static str, BTreeMap<String, String>)> {
    let mut services = format!(
        "services:
  by_env_file: {{image: lab/busybox:1, env_file: {file}, network_mode: none}}
  by_name:
    image: lab/busybox:1
    network_mode: none
    environment:
"
    );
    for key in keys {
        writeln!(services, "      {key}: ${{{key}}}").expect("a text takes all");
    }
    host.write("/root/readers/compose.yml", services, 0o600);
    let container = |service: &str| {
        let script = format!(
            "cd /root/readers && docker compose --file compose.yml --env-file {file} \
                 --progress quiet run --rm --no-TTY {service} cat /proc/self/environ"
        );
        environment(&host.sh_ok(&script))
    };
    let shell = |shell: &str| {
        let script = format!("set -a; . {file}; exec cat /proc/self/environ");
        environment(&host.command([shell, "-c", &script]).ok())
    };
    let systemd = host
        .command(["systemd-run", "--quiet", "--wait", "--pipe"])
        .args([
            format!("--property=EnvironmentFile={file}").as_str(),
            "cat",
            "/proc/self/environ",
        ])
        .ok();
    let text = host.read(file);
    let dotenvy = dotenvy::from_read_iter(text.as_bytes()).map(|pair| pair.expect("it reads each"));
    let own = EnvFile::parse(text.as_bytes()).expect("it reads what it wrote");
    let own = keys.iter().map(|key| {
        let value = own.get(key).expect("it is plain").unwrap_or_default();
        ((*key).to_owned(), value.to_owned())
    });
    vec![
        ("compose, named", container("by_name")),
        ("compose, env_file", container("by_env_file")),
        ("systemd", environment(&systemd)),
        ("sh", shell("sh")),
        ("bash", shell("bash")),
        ("dotenvy", dotenvy.collect()),
        ("this program", own.collect()),
    ]
}

#[test]
fn every_reader_takes_a_legal_value_for_the_same() {
    let mut rng = Rng::with_seed(seed("the readers of .env"));
    let mut wanted = BTreeMap::new();
    let mut file = EnvFile::default();
    // First all the plain characters alone, at both ends and in the middle, then whatever comes.
    let plain = (' '..='~').filter(|c| !"'\\".contains(*c));
    let alone = plain.flat_map(|c| {
        [
            format!("{c}"),
            format!("{c}a"),
            format!("a{c}"),
            format!("a{c}b"),
        ]
    });
    let random: Vec<String> = (0..VALUES).map(|_| value(&mut rng)).collect();
    for (n, value) in alone.chain(random).enumerate() {
        let key = format!("LAB_{n}");
        // Half of them take the place of another value.
        if n % 2 == 0 {
            file.set(&key, "an older one").expect("it is legal");
        }
        file.set(&key, &value)
            .unwrap_or_else(|e| panic!("{value:?}: {e}"));
        wanted.insert(key, value);
    }

    let host = Host::named("readers")
        .with_docker()
        .with_images(vec![Image::busybox()])
        .boot();
    host.write(FILE, file.text(), 0o600);
    let keys: Vec<&str> = wanted.keys().map(String::as_str).collect();
    for (reader, found) in readers(&host, FILE, &keys) {
        for (key, value) in &wanted {
            assert_eq!(found.get(key), Some(value), "{reader} of {key}");
        }
    }
}
