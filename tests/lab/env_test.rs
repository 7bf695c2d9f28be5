//! A `.env` as operators and their editors leave it: read right, or refused with the line, never made anew.

use crate::cluster::{API_SECRET, Origin, edge};

const ENV: &str = "/opt/streamhub/.env";

#[test]
fn a_strange_env_file_is_read_right_or_refused_with_its_line() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.joined(&origin);
    let containers = host.containers();
    let ours = host.read(ENV);
    let key = format!("LIVEKIT_API_SECRET={API_SECRET}\n");
    assert!(ours.contains(&key), "it is written bare");
    let strange_but_right = [
        ("CRLF", ours.replace('\n', "\r\n")),
        ("a BOM", format!("\u{feff}{ours}")),
        (
            "a BOM before a key",
            format!("\u{feff}{}", ours.split_once('\n').expect("a comment").1),
        ),
        ("no final newline", ours.trim_end().to_owned()),
        (
            "an earlier duplicate",
            format!("LIVEKIT_API_SECRET=ExampleOldSecret\n{ours}"),
        ),
        (
            "quotes and export",
            ours.replace(
                &key,
                &format!("export LIVEKIT_API_SECRET=\"{API_SECRET}\" # ours\n"),
            ),
        ),
        (
            "an operator's own",
            format!("# mine\nMY_KEY=p #q\n\n{ours}\nOTHER: y\n"),
        ),
    ];
    for (what, text) in strange_but_right {
        host.write(ENV, text.clone(), 0o600);
        let before = host.tree();
        let output = host.program(["--join"]).run();
        assert_eq!(output.code, 0, "{what}: {output:?}");
        assert_eq!(host.read(ENV), text, "{what}: not a byte is changed");
        assert_eq!(host.containers(), containers, "{what}");
        assert_eq!(host.sh_ok(&format!("stat -c %a {ENV}")), "600\n");
        // By hand compose takes it for the same.
        let compose = host.sh_ok("cd /opt/streamhub && docker compose config");
        assert!(compose.contains(API_SECRET), "{what}: {compose}");
        let mut after = host.tree();
        after.retain(|path, now| before.get(path) != Some(now));
        after.remove(std::path::Path::new("/var/log/streamhub-install.log"));
        assert!(after.is_empty(), "{what}: {after:?}");
    }

    let line = ours.lines().count() + 1;
    let refused: [(&str, Vec<u8>, String); 5] = [
        (
            "a NUL",
            format!("{ours}A=b\0c\n").into(),
            format!("line {line} holds a NUL byte"),
        ),
        (
            "no UTF-8",
            [ours.as_bytes(), b"A=\xff\n"].concat(),
            format!("line {line} is not UTF-8"),
        ),
        (
            "an open quote",
            format!("{ours}A=\"b\nC=d\n").into(),
            format!("line {line} opens a \" that is never closed"),
        ),
        (
            "prose",
            format!("{ours}what is this\n").into(),
            format!("line {line} is no assignment of the form KEY=value"),
        ),
        (
            "a substitution",
            ours.replace(&key, "LIVEKIT_API_SECRET=${MY_SECRET:?}\n")
                .into(),
            "the value of LIVEKIT_API_SECRET uses a substitution that only compose resolves"
                .to_owned(),
        ),
    ];
    for (what, bytes, says) in refused {
        host.write(ENV, bytes, 0o600);
        let before = host.tree();
        for args in [vec!["--join"], vec!["--dry-run"], vec!["status"]] {
            let output = host.program(&args).run();
            assert_eq!(output.code, 3, "{what} {args:?}: {output:?}");
            assert!(output.stderr.contains(&says), "{what} {args:?}: {output:?}");
        }
        assert_eq!(host.tree(), before, "{what}");
        assert_eq!(host.containers(), containers, "{what}");
    }

    // Later lines win, here with another secret: it is the origin's again, in one place.
    host.write(
        ENV,
        format!("{ours}LIVEKIT_API_SECRET=ExampleOther\n"),
        0o600,
    );
    host.program(["--join"]).run().expect_code(0);
    assert_eq!(host.read(ENV).matches("LIVEKIT_API_SECRET=").count(), 1);
    assert!(host.read(ENV).contains(&key));
    // And one that is gone is not invented: the origin is asked again, with the saved token.
    host.sh_ok(&format!("rm {ENV}"));
    host.program(["--join"]).run().expect_code(0);
    assert!(host.read(ENV).contains(&key));
}
