//! The real key, and what has been done to it.

use super::*;

/// Docker's own: its fingerprint and its checksum say so.
const DOCKERS: &str = include_str!("../../../../fixtures/docker.asc");
const DOCKERS_FINGERPRINT: &str = "9DC8 5822 9FC7 DD38 854A E2D8 8D81 803C 0EBF CD88";

fn refused(file: impl AsRef<[u8]>) -> String {
    fingerprint(file.as_ref()).unwrap_err().to_string()
}

/// Packets as a key file holds them.
fn armor(packets: &[u8]) -> String {
    let body = STANDARD.encode(packets);
    let sum = STANDARD.encode(crc24(packets));
    format!("{BEGIN}\n\n{body}\n={sum}\n{END}\n")
}

/// Docker's packets, and after them one of this kind in the old form.
fn with(kind: u8, body: &[u8]) -> String {
    let mut packets = dearmor(DOCKERS).unwrap();
    packets.extend([0x80 | kind << 2, u8::try_from(body.len()).unwrap()]);
    packets.extend(body);
    armor(&packets)
}

#[test]
fn dockers_key_has_its_fingerprint() {
    let found = fingerprint(DOCKERS.as_bytes()).unwrap();
    assert_eq!(found.to_string(), DOCKERS_FINGERPRINT);
    assert_eq!(Ok(found), DOCKERS_FINGERPRINT.parse());
    assert_eq!(
        Ok(found),
        "9dc858229fc7dd38854ae2d88d81803c0ebfcd88".parse()
    );
}

#[test]
fn the_same_key_in_other_clothes_is_the_same() {
    let pinned: Fingerprint = DOCKERS_FINGERPRINT.parse().unwrap();
    let packets = dearmor(DOCKERS).unwrap();
    let without_sum: String = DOCKERS
        .lines()
        .filter(|line| !line.starts_with('='))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let commented = DOCKERS.replacen('\n', "\nComment: made by hand\n", 1);
    // The primary key's packet in the new form: its length in two octets, then in five.
    let (_, body, after) = packet(&packets).unwrap();
    let long = [&[0xc6, 192 + 1, 77], body, after].concat();
    let longest = [&[0xc6, 255, 0, 0, 2, 13], body, after].concat();
    for same in [
        armor(&packets),
        without_sum,
        commented,
        armor(&long),
        armor(&longest),
    ] {
        assert_eq!(fingerprint(same.as_bytes()).unwrap(), pinned, "{same}");
    }
}

#[test]
fn a_file_with_more_than_one_public_key_is_refused() {
    let packets = dearmor(DOCKERS).unwrap();
    assert_eq!(refused(armor(&packets.repeat(2))), "it holds a second key");
    assert_eq!(
        refused(DOCKERS.repeat(2)),
        "something stands behind its key"
    );
    assert_eq!(
        refused(format!("{DOCKERS}<!-- -->\n")),
        "something stands behind its key"
    );
    let behind_checksum = DOCKERS.replace("=0YYh\n", "=0YYh\nmQIN\n");
    assert_eq!(
        refused(behind_checksum),
        "something stands behind its checksum"
    );
    assert_eq!(
        refused(format!("words\n{DOCKERS}")),
        "it is no OpenPGP key in text form"
    );
    assert_eq!(refused(with(5, &[4, 0])), "it holds a secret key");
    assert_eq!(refused(with(7, &[4, 0])), "it holds a secret key");
    assert_eq!(refused(with(6, &[4, 0])), "it holds a second key");
    assert_eq!(
        refused(with(11, b"words")),
        "it holds a packet of kind 11, which does not belong into a public key"
    );
    // Its subkey alone.
    assert_eq!(
        refused(armor(&packets[1143..])),
        "it does not begin with a public key"
    );
    assert_eq!(refused(armor(&[])), "it holds no key");
}

#[test]
fn a_file_that_was_cut_off_or_altered_is_refused() {
    let packets = dearmor(DOCKERS).unwrap();
    for end in (0..DOCKERS.trim_end().len()).step_by(97) {
        refused(&DOCKERS[..end]);
    }
    assert_eq!(
        refused(armor(&packets[..packets.len() - 1])),
        "it is cut off"
    );
    assert_eq!(refused(armor(&packets[..2])), "it is cut off");
    assert_eq!(
        refused(DOCKERS.replace("=0YYh", "=0YYi")),
        "its checksum is wrong"
    );
    assert_eq!(
        refused(DOCKERS.replacen("mQINBFit", "mQINBFiu", 1)),
        "its checksum is wrong"
    );
    assert_eq!(
        refused(DOCKERS.replacen("mQINBFit", "mQIN*Fit", 1)),
        "it is damaged"
    );
    // The same change with a checksum that fits makes another key.
    let mut other = packets.clone();
    other[10] ^= 1;
    assert_ne!(
        fingerprint(armor(&other).as_bytes()).unwrap().to_string(),
        DOCKERS_FINGERPRINT
    );
    let mut version_3 = packets.clone();
    version_3[3] = 3;
    assert_eq!(refused(armor(&version_3)), "its key is not of version 4");
    let mut endless = packets;
    endless[0] |= 3;
    assert_eq!(
        refused(armor(&endless)),
        "it holds a packet without a length"
    );
}

#[test]
fn what_is_no_key_in_text_form_is_refused() {
    let binary = dearmor(DOCKERS).unwrap();
    for other in [
        binary.as_slice(),
        b"",
        b"<html>sign in</html>",
        DOCKERS
            .replace("PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK")
            .as_bytes(),
        DOCKERS.replace("PUBLIC KEY BLOCK", "SIGNATURE").as_bytes(),
    ] {
        assert_eq!(refused(other), "it is no OpenPGP key in text form");
    }
}

#[test]
fn a_fingerprint_is_forty_digits() {
    for bad in [
        "",
        "9DC8",
        &"0".repeat(39),
        &"0".repeat(41),
        &"0".repeat(42),
        &"x".repeat(40),
    ] {
        assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
    }
}
