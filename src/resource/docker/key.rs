//! An OpenPGP key file, read as far as it takes to say whose key it is and that nobody else's is in it.
//!
//! Not every server has gpg: on Ubuntu 26.04 apt verifies with sqv. The `pgp` crate would add 0.6 MiB and a
//! hundred crates to this program, and reads past what has to be refused here: a second armored block, text
//! around one, packets of other kinds. What is left beside that is one digest. That the key signed something
//! is for apt to verify.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::fault::Result;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// What names an OpenPGP key of version 4: the SHA-1 of its primary key's packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 20]);

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|c| *c != ' ')
            // A hexadecimal digit is less than 16.
            .map(|c| c.to_digit(16).map(|digit| digit as u8))
            .collect();
        let digits = digits.ok_or("it holds something else than hexadecimal digits and spaces")?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        let is_whole = digits.len() == 40;
        match <[u8; 20]>::try_from(bytes) {
            Ok(bytes) if is_whole => Ok(Self(bytes)),
            _ => Err("it has not 40 hexadecimal digits"),
        }
    }
}

impl fmt::Display for Fingerprint {
    /// As gpg shows it, without its double space: ten groups of four digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, pair) in self.0.chunks(2).enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{:02X}{:02X}", pair[0], pair[1])?;
        }
        Ok(())
    }
}

/// The fingerprint of the one public key in a file, which is in text form as apt wants it.
///
/// # Errors
/// If the file holds anything else: no key, a second one, a secret one, a packet of another kind, or text
/// around it; or if it was cut off or altered.
pub fn fingerprint(file: &[u8]) -> Result<Fingerprint> {
    let text = std::str::from_utf8(file)
        .ok()
        .context("it is no OpenPGP key in text form")?;
    let packets = dearmor(text)?;
    let mut rest = packets.as_slice();
    let mut primary = None;
    while !rest.is_empty() {
        let (kind, body, after) = packet(rest)?;
        match kind {
            6 if primary.is_some() => bail!("it holds a second key"),
            6 => primary = Some(of_primary(body)?),
            5 | 7 => bail!("it holds a secret key"),
            _ if primary.is_none() => bail!("it does not begin with a public key"),
            // A signature, a name, a subkey, a picture: apt heeds those that the primary key has signed.
            2 | 13 | 14 | 17 => {}
            other => {
                bail!("it holds a packet of kind {other}, which does not belong into a public key")
            }
        }
        rest = after;
    }
    primary.context("it holds no key")
}

/// Version 4: the digest of the packet's body after a constant and its length.
fn of_primary(body: &[u8]) -> Result<Fingerprint> {
    ensure!(body.first() == Some(&4), "its key is not of version 4");
    let length = u16::try_from(body.len()).context("its key is too long")?;
    let mut digest = Sha1::new();
    digest.update([0x99]);
    digest.update(length.to_be_bytes());
    digest.update(body);
    Ok(Fingerprint(digest.finalize().into()))
}

/// The first packet's kind and body, and what comes after it (RFC 9580, section 4.2).
fn packet(bytes: &[u8]) -> Result<(u8, &[u8], &[u8])> {
    let cut = "it is cut off";
    let (first, rest) = bytes.split_first().context(cut)?;
    ensure!(
        first & 0x80 != 0,
        "it holds something that is no OpenPGP packet"
    );
    let is_new_form = first & 0x40 != 0;
    let (kind, size_octets) = if is_new_form {
        let octets = match rest.first().context(cut)? {
            0..=191 => 1,
            192..=223 => 2,
            224..=254 => bail!("it holds a packet without a length"),
            255 => 5,
        };
        (first & 0x3f, octets)
    } else {
        ensure!(first & 3 != 3, "it holds a packet without a length");
        (first >> 2 & 0x0f, 1 << (first & 3))
    };
    let (size, rest) = rest.split_at_checked(size_octets).context(cut)?;
    let number = |octets: &[u8]| {
        octets
            .iter()
            .fold(0_usize, |n, octet| n << 8 | usize::from(*octet))
    };
    let length = match size {
        [a, b] if is_new_form => ((usize::from(*a) - 192) << 8) + usize::from(*b) + 192,
        [255, octets @ ..] if is_new_form && !octets.is_empty() => number(octets),
        octets => number(octets),
    };
    let (body, after) = rest.split_at_checked(length).context(cut)?;
    Ok((kind, body, after))
}

/// The bytes of one armored block, around which there is nothing but blank lines.
fn dearmor(text: &str) -> Result<Vec<u8>> {
    let mut lines = text.trim().lines().map(str::trim_end);
    ensure!(
        lines.next() == Some(BEGIN),
        "it is no OpenPGP key in text form"
    );
    // Headers such as `Comment: …` end with a blank line.
    let mut lines = lines.skip_while(|line| line.contains(": "));
    ensure!(
        lines.next() == Some(""),
        "it is no OpenPGP key in text form"
    );
    let mut encoded = String::new();
    let mut checksum = None;
    let mut is_closed = false;
    for line in lines {
        ensure!(!is_closed, "something stands behind its key");
        match line.strip_prefix('=') {
            _ if line == END => is_closed = true,
            Some(sum) if sum.len() == 4 && checksum.is_none() => checksum = Some(sum),
            // gpg stops reading at the checksum; what stood behind it would be read by some and not by others.
            _ if checksum.is_some() => bail!("something stands behind its checksum"),
            _ => encoded.push_str(line),
        }
    }
    ensure!(is_closed, "it is cut off");
    let damaged = "it is damaged";
    let bytes = STANDARD.decode(encoded).context(damaged)?;
    // Newer programs leave the checksum out, as RFC 9580 recommends.
    if let Some(sum) = checksum {
        ensure!(
            STANDARD.decode(sum).context(damaged)? == crc24(&bytes),
            "its checksum is wrong"
        );
    }
    Ok(bytes)
}

/// The checksum of armored text (RFC 9580, section 6.1.1).
fn crc24(bytes: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    let [_, high, middle, low] = crc.to_be_bytes();
    [high, middle, low]
}

#[cfg(test)]
mod tests;
