//! One rule, as ufw keeps it: the `### tuple ###` lines of its rules files, which it reads itself and
//! lists in the same order.

use std::fmt;
use std::net::IpAddr;

use super::network::Network;
use crate::host::Protocol;

/// What becomes of a packet that a rule fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allow,
    /// Allowed, up to six connections in half a minute.
    Limit,
    Deny,
    Reject,
}

/// A rule for what comes in to this host; what goes out or through it never decides who reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub verdict: Verdict,
    /// ufw's word for it, such as `log`.
    log: Option<String>,
    /// `tcp`, `udp`, `any`, or one without ports.
    protocol: String,
    /// `any`, `6379`, `6000:7000` or `80,443`.
    ports: String,
    source_port: String,
    pub from: Network,
    pub to: Network,
    pub interface: Option<String>,
    /// The application profiles that it was made from: for the destination, for the source.
    apps: [Option<String>; 2],
    comment: Option<String>,
}

impl Rule {
    /// Lets an address reach a TCP port.
    pub(super) fn allowing(ip: IpAddr, port: u16) -> Self {
        let any = if ip.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
        Self {
            verdict: Verdict::Allow,
            log: None,
            protocol: "tcp".to_owned(),
            ports: port.to_string(),
            source_port: "any".to_owned(),
            from: Network::of(ip),
            to: Network::parse(any).unwrap_or(Network { ip, prefix: 0 }),
            interface: None,
            apps: [None, None],
            comment: None,
        }
    }

    /// Reads a line of a rules file; `None` for every other kind of line and for what ufw itself skips.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let tuple = line.strip_prefix("### tuple ###")?;
        let (tuple, comment) = tuple.split_once(" comment=").unwrap_or((tuple, ""));
        let words: Vec<&str> = tuple.split_whitespace().collect();
        let (&[action, protocol, ports, to, source_port, from], rest) =
            words.split_first_chunk()?;
        let (apps, way) = match rest {
            [] => ([None, None], "in"),
            [way] => ([None, None], *way),
            [to, from, way] => ([app(to), app(from)], *way),
            _ => return None,
        };
        // `route:` is what goes through this host.
        let (verdict, log) = action.split_once('_').unwrap_or((action, ""));
        let verdict = match verdict {
            "allow" => Verdict::Allow,
            "limit" => Verdict::Limit,
            "deny" => Verdict::Deny,
            "reject" => Verdict::Reject,
            _ => return None,
        };
        let interface = match way.split_once('_') {
            None if way == "in" => None,
            // One with two is for what goes through.
            Some(("in", interface)) if !interface.contains('!') => Some(interface.to_owned()),
            _ => return None,
        };
        Some(Self {
            verdict,
            log: (!log.is_empty()).then(|| log.to_owned()),
            protocol: protocol.to_owned(),
            ports: ports.to_owned(),
            source_port: source_port.to_owned(),
            from: Network::parse(from)?,
            to: Network::parse(to)?,
            interface,
            apps,
            comment: from_hex(comment.trim()).filter(|comment| !comment.is_empty()),
        })
    }

    /// Whether it decides about the same packets, whatever it decides: ufw keeps one such rule at most.
    pub(super) fn is_about_the_same(&self, other: &Self) -> bool {
        let blank = |rule: &Self| Self {
            verdict: Verdict::Allow,
            log: None,
            comment: None,
            ..rule.clone()
        };
        blank(self) == blank(other)
    }

    /// Whether it can fit what comes to this port.
    pub(super) fn covers(&self, port: u16, protocol: Protocol) -> bool {
        let is_in = |part: &str| match part.split_once(':') {
            None => part == "any" || part.parse() == Ok(port),
            Some((low, high)) => {
                low.parse().is_ok_and(|low: u16| low <= port)
                    && high.parse().is_ok_and(|high: u16| port <= high)
            }
        };
        (self.protocol == "any" || self.protocol == protocol.name())
            && self.ports.split(',').any(is_in)
    }

    /// Whether it fits all that comes from there to its ports, by whichever way.
    pub(super) fn is_total(&self) -> bool {
        self.source_port == "any" && self.to.is_everybody() && self.interface.is_none()
    }

    /// Whether it refuses, or takes only some.
    pub(super) fn shuts_off(&self) -> bool {
        self.verdict != Verdict::Allow
    }

    /// Whether it lets in.
    pub(super) fn lets_in(&self) -> bool {
        matches!(self.verdict, Verdict::Allow | Verdict::Limit)
    }

    /// The comment of another one.
    pub(super) fn with_comment_of(mut self, other: &Self) -> Self {
        self.comment.clone_from(&other.comment);
        self
    }

    /// ufw's words for it, after `ufw` or `ufw delete`.
    pub(super) fn words(&self) -> Vec<String> {
        let verdict = match self.verdict {
            Verdict::Allow => "allow",
            Verdict::Limit => "limit",
            Verdict::Deny => "deny",
            Verdict::Reject => "reject",
        };
        let mut words = vec![verdict.to_owned()];
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        if let Some(interface) = &self.interface {
            add(&["in", "on", interface]);
        }
        if let Some(log) = &self.log {
            add(&[log]);
        }
        if let Some(short) = self.short() {
            add(&[&short]);
            return words;
        }
        let [app_to, app_from] = &self.apps;
        let sides = [
            ("from", self.from, &self.source_port, app_from),
            ("to", self.to, &self.ports, app_to),
        ];
        for (side, network, port, app) in sides {
            match app {
                Some(app) => add(&[side, &network.to_string(), "app", app]),
                None if port != "any" => add(&[side, &network.to_string(), "port", port]),
                None if !network.is_everybody() => add(&[side, &network.to_string()]),
                None => {}
            }
        }
        if self.protocol != "any" && self.apps == [None, None] {
            add(&["proto", &self.protocol]);
        }
        // For everything from everybody there is nothing left to say, and ufw wants something.
        if words.len() == 1 {
            words.extend(["from".to_owned(), "any".to_owned()]);
        }
        words
    }

    /// A rule for a port and nothing else, as ufw takes and shows it: `22/tcp`.
    fn short(&self) -> Option<String> {
        if !self.is_total() || !self.from.is_everybody() || self.apps[1].is_some() {
            return None;
        }
        match (&self.apps[0], self.ports.as_str(), self.protocol.as_str()) {
            (Some(app), ..) => Some(app.clone()),
            (None, "any", _) => None,
            (None, ports, "any") => Some(ports.to_owned()),
            (None, ports, protocol) => Some(format!("{ports}/{protocol}")),
        }
    }

    /// The same, and its comment.
    pub(super) fn words_with_comment(&self) -> Vec<String> {
        let mut words = self.words();
        if let Some(comment) = &self.comment {
            words.extend(["comment".to_owned(), comment.clone()]);
        }
        words
    }
}

/// As it is typed after `ufw`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&typed(&self.words()))
    }
}

/// Words as a shell takes them.
pub(super) fn typed(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".,:/_-".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// ufw writes the spaces in a profile's name as `%20`.
fn app(name: &str) -> Option<String> {
    (name != "-").then(|| name.replace("%20", " "))
}

/// ufw writes a comment's bytes as hexadecimal digits.
fn from_hex(digits: &str) -> Option<String> {
    let bytes = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests;
