use super::*;

fn get(text: &str, key: &str) -> Option<String> {
    EnvFile::parse(text.as_bytes())
        .unwrap()
        .get(key)
        .unwrap()
        .map(str::to_owned)
}

fn set(text: &str, key: &str, value: &str) -> String {
    let mut file = EnvFile::parse(text.as_bytes()).unwrap();
    file.set(key, value).unwrap();
    file.text()
}

#[test]
fn values_are_read_by_the_rules_of_compose() {
    for (text, value) in [
        ("A=plain\n", "plain"),
        ("A=p #q\n", "p"),
        ("A=#q\n", "#q"),
        ("A=a b\n", "a b"),
        ("A=a\\b\n", "a\\b"),
        ("A='it\\'s'\n", "it's"),
        ("A: y\n", "y"),
        ("export A=x\n", "x"),
        ("A='p #q' # note\n", "p #q"),
        ("A=\"x\\ty\"\n", "x\ty"),
        ("A='two\nlines'\n", "two\nlines"),
        ("X=1\nA=x$X-${X}\n", "x1-1"),
        ("A=x$UNSET\n", "x"),
        ("A='$X'\n", "$X"),
        ("A=first\nA=last\n", "last"),
        ("A=no final newline", "no final newline"),
        ("\u{feff}A=after a BOM\n", "after a BOM"),
        ("A=crlf\r\nB=2\r\n", "crlf"),
        (
            "A=StreamHub <no-reply@example.com>\n",
            "StreamHub <no-reply@example.com>",
        ),
    ] {
        assert_eq!(get(text, "A").as_deref(), Some(value), "{text:?}");
    }
    assert_eq!(get("A=\n", "A"), None);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_line() {
    for (bytes, line) in [
        (&b"A=1\nB=\0\n"[..], "line 2 holds a NUL"),
        (b"A=1\n\xff=2\n", "line 2 is not UTF-8"),
        (b"A='1\n", "line 1 opens a '"),
        (b"A=1\n\nwhat is this\n", "line 3 is no assignment"),
        (b"A='x' y\n", "line 1 goes on"),
    ] {
        let error = EnvFile::parse(bytes).unwrap_err().to_string();
        assert!(error.starts_with(line), "{error}");
    }
}

#[test]
fn an_edit_keeps_every_other_byte() {
    let text = "# mine\r\nB = 2\nA=old\n\nC='3' # three";
    assert_eq!(
        set(text, "A", "new"),
        "# mine\r\nB = 2\nA=new\n\nC='3' # three"
    );
    assert_eq!(set(text, "B", "2"), text);
    assert_eq!(set(text, "D", "x y"), format!("{text}\nD='x y'\n"));
    assert_eq!(set("A=1\r\n", "B", "2"), "A=1\r\nB=2\r\n");
    assert_eq!(set("A=1\nB=2\nA=3\n", "A", "4"), "B=2\nA=4\n");
    assert_eq!(set("A=1\nB=2\nA=3\n", "A", "3"), "A=1\nB=2\nA=3\n");
}

#[test]
fn a_line_behind_the_last_one_does_not_show_that_one_in_a_diff() {
    let text = "A=1\nOPERATORS=ExampleSecret";
    let masked = |text: &str| {
        let file = EnvFile::parse(text.as_bytes()).unwrap();
        file.masked(|key| key == "A", |_| "(secret)".to_owned())
    };
    let (old, new) = (masked(text), masked(&set(text, "B", "2")));
    assert_eq!(new.strip_prefix(&old), Some("B=2\n"));
}

/// What every reader takes for the same is in `tests/lab/env_readers_test.rs`.
#[test]
fn a_value_that_readers_disagree_on_is_refused_with_its_key_wherever_it_holds_what() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let text = "ADMIN_PASS='as it was'\n";
    let mut file = EnvFile::parse(text.as_bytes()).unwrap();
    let controls = (0..=u32::from(char::MAX)).filter_map(char::from_u32);
    let illegal = controls.filter(|c| c.is_control() || is_noncharacter(*c));
    for c in illegal.chain("'\\".chars()) {
        let mut value: Vec<char> = (0..rng.usize(..8)).map(|_| rng.char('('..='[')).collect();
        value.insert(rng.usize(..=value.len()), c);
        let value: String = value.into_iter().collect();
        let error = file.set("ADMIN_PASS", &value).unwrap_err();
        let fault = error.downcast_ref::<Fault>().unwrap();
        assert_eq!(fault.exit, Exit::Usage, "{value:?}");
        assert!(fault.what.contains("ADMIN_PASS"), "{value:?}: {fault}");
        assert_eq!(file.text(), text, "{value:?}");
    }
}

#[test]
fn the_files_of_the_predecessor_read_whole() {
    let edge = include_str!("../../fixtures/predecessor/edge.env");
    assert_eq!(
        get(edge, "LIVEKIT_REDIS_ADDRESS").as_deref(),
        Some("10.0.0.10:6379")
    );
    assert_eq!(EnvFile::parse(edge.as_bytes()).unwrap().text(), edge);
    let origin = include_str!("../../fixtures/predecessor/origin-cluster.env");
    assert_eq!(
        get(origin, "REDIS_BIND").as_deref(),
        Some("127.0.0.1 10.0.0.10")
    );
    assert_eq!(EnvFile::parse(origin.as_bytes()).unwrap().text(), origin);
}
