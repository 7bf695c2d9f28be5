//! What a campaign ([`crate::campaign`]) is about: runs, the hosts that they are made on, and what cuts them off.

use serde_json::Value;

use crate::cluster::Origin;
use crate::command::{HostCommand, Output};
use crate::host::Host;
use crate::source::Source;

/// What a run is cut off by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL: mostly of the program alone, whose children then work on; sometimes of all of them.
    Kill,
    /// The host's power goes, and comes back.
    PowerCut,
    /// This signal, as `SIGTERM`, at a rename: where a step begins or ends, or a file comes into place.
    AtRename(&'static str),
}

/// A run that is cut off again and again. To try another kind of run, write another of these.
#[derive(Clone, Copy)]
pub struct Scene {
    pub name: &'static str,
    /// Every file that the run writes, the receipt aside; `{ip}` stands for the host's address.
    pub files: &'static [&'static str],
    /// The keys of `.env` that a run generates. Once one has a value it keeps it, and what is made from it may differ
    /// from run to run.
    pub secrets: &'static [&'static str],
    /// Makes the host what it is before the run. Rounds take turns between two sides, 0 and 1: a scene may make another
    /// host of each.
    pub reset: fn(&mut Stage, usize),
    /// The run, told to speak JSON.
    pub command: fn(&Stage, usize) -> HostCommand,
    /// What has to be so once a run was let through, besides what is looked at after every one.
    pub proof: fn(&Stage, usize),
}

/// Where a scene is played: nobody else's host, and what it has elsewhere.
pub struct Stage<'a> {
    pub elsewhere: Elsewhere<'a>,
    pub host: Host,
}

/// What a run needs from another host.
pub enum Elsewhere<'a> {
    /// An edge's origin: nobody else's.
    Origin(Box<Origin>),
    /// What an origin is built from.
    Source(&'a Source<'a>),
    /// A run that needs nobody.
    Nothing,
}

impl Stage<'_> {
    /// An edge's origin.
    pub fn origin(&self) -> &Origin {
        match &self.elsewhere {
            Elsewhere::Origin(origin) => origin,
            _ => panic!("{} is no edge", self.host.name()),
        }
    }

    /// What an origin is built from.
    pub fn source(&self) -> &Source<'_> {
        match &self.elsewhere {
            Elsewhere::Source(source) => source,
            _ => panic!("{} has no source", self.host.name()),
        }
    }
}

/// Where a killed run was, by what it said last.
pub fn point_of(output: &Output) -> String {
    let events = output.stdout.lines().rev();
    let mut events = events.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_work = |event: &Value| event["event"] != "fault" && event["event"] != "done";
    let Some(last) = events.find(of_work) else {
        return "before its first word".to_owned();
    };
    match (last["event"].as_str(), last["state"].as_str()) {
        (Some("step"), Some("started")) => format!("in: {}", last["name"]),
        (Some("step"), _) => format!("after: {}", last["name"]),
        _ => format!("after a {}", last["event"]),
    }
}
