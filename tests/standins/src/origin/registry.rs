//! The nodes an origin knows.

use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::serde::timestamp;
use time::{Duration, OffsetDateTime};

use crate::moment;

const STALE_AFTER: Duration = Duration::seconds(90);

/// A row, in the form in which the API lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    pub id: String,
    pub name: String,
    pub url: String,
    pub region: Option<String>,
    pub status: String,
    pub created_at: String,
    pub last_seen_at: String,
    pub stats: Option<Value>,
    pub stale: bool,
}

#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    name: String,
    url: String,
    region: Option<String>,
    status: String,
    #[serde(with = "timestamp")]
    created: OffsetDateTime,
    #[serde(with = "timestamp")]
    seen: OffsetDateTime,
    stats: Option<Value>,
}

impl Row {
    fn view(&self, now: OffsetDateTime) -> Node {
        Node {
            id: self.id.clone(),
            name: self.name.clone(),
            url: self.url.clone(),
            region: self.region.clone(),
            status: self.status.clone(),
            created_at: moment::sql(self.created),
            last_seen_at: moment::sql(self.seen),
            stats: self.stats.clone(),
            stale: now - self.seen > STALE_AFTER,
        }
    }
}

/// What is written down of it are its rows.
#[derive(Default, Serialize, Deserialize)]
pub struct Registry {
    rows: Vec<Row>,
}

impl Registry {
    /// What a core does when it starts: it writes its own row, or says in it that it is there.
    pub fn start(&mut self, own_url: &str, now: OffsetDateTime) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.id == "origin") {
            row.url = own_url.to_owned();
            row.seen = now;
            return;
        }
        self.rows.push(Row {
            id: "origin".to_owned(),
            name: "origin".to_owned(),
            url: own_url.to_owned(),
            region: Some("origin".to_owned()),
            status: "active".to_owned(),
            created: now,
            seen: now,
            stats: Some(json!({
                "role": "origin", "cores": 2, "loadavg1": 0.25, "cpu": 0.125,
                "memTotal": 25_276_502_016_u64, "memFree": 24_432_902_144_u64, "memUsedRatio": 0.033,
            })),
        });
    }

    /// Adds the name, or makes its row active again with the new address. Tells whether it is new, and its id.
    pub fn join(
        &mut self,
        name: &str,
        url: &str,
        region: Option<String>,
        now: OffsetDateTime,
    ) -> (bool, String) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.name == name) {
            row.url = url.to_owned();
            row.region = region;
            row.status = "active".to_owned();
            row.seen = now;
            return (false, row.id.clone());
        }
        let id = uuid();
        self.rows.push(Row {
            id: id.clone(),
            name: name.to_owned(),
            url: url.to_owned(),
            region,
            status: "active".to_owned(),
            created: now,
            seen: now,
            stats: None,
        });
        (true, id)
    }

    pub fn knows(&self, id: &str) -> bool {
        self.rows.iter().any(|row| row.id == id)
    }

    /// A beat without stats leaves the last ones.
    pub fn beat(&mut self, id: &str, stats: Option<Value>, now: OffsetDateTime) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.id == id) {
            row.seen = now;
            row.stats = stats.or(row.stats.take());
        }
    }

    pub fn set_status(&mut self, id: &str, status: &str, now: OffsetDateTime) -> Option<Node> {
        let row = self.rows.iter_mut().find(|row| row.id == id)?;
        row.status = status.to_owned();
        Some(row.view(now))
    }

    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.rows.len();
        self.rows.retain(|row| row.id != id);
        self.rows.len() < before
    }

    pub fn list(&self, now: OffsetDateTime) -> Vec<Node> {
        self.rows.iter().map(|row| row.view(now)).collect()
    }
}

fn uuid() -> String {
    let mut bytes = [0_u8; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system has random numbers");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_stale_past_ninety_seconds() {
        let start = moment::now();
        let mut registry = Registry::default();
        registry.start("http://10.0.0.10:3020", start);
        let (_, id) = registry.join("edge-1", "203.0.113.10", None, start);
        let stale = |registry: &Registry, after: i64| {
            let list = registry.list(start + Duration::seconds(after));
            list.iter().find(|node| node.id == id).unwrap().stale
        };
        assert!(!stale(&registry, 90));
        assert!(stale(&registry, 91));
        registry.beat(&id, None, start + Duration::seconds(60));
        assert!(!stale(&registry, 150));
    }

    #[test]
    fn ids_are_random_uuids() {
        let (one, other) = (uuid(), uuid());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "4");
    }
}
