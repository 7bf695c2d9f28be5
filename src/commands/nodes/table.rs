//! The registry for people, and for machines. Its texts come from other hosts: nothing of them reaches the
//! terminal but printable characters.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::origin_api::Node;

/// A column: its heading, the most that it takes, and the least that it can be shortened to.
struct Column(&'static str, usize, usize);

const COLUMNS: [Column; 8] = [
    Column("NAME", 64, 10),
    Column("REGION", 24, 6),
    Column("ADDRESS", 45, 15),
    Column("STATUS", 10, 8),
    Column("LAST SEEN", 12, 10),
    Column("LOAD", 5, 4),
    Column("MEM", 5, 4),
    Column("UP", 5, 3),
];
const GAP: &str = "  ";

/// How wide the terminal is; without one nothing is shortened for it.
pub(super) fn width() -> usize {
    let size = console::Term::stdout().size_checked();
    size.map_or(usize::MAX, |(_, columns)| columns.into())
}

/// The table, and below a node what is wrong with it.
pub(super) fn text(nodes: &[Node], now: SystemTime, width: usize) -> String {
    let rows: Vec<[String; 8]> = nodes.iter().map(|node| cells(node, now)).collect();
    let widths = widths(&rows, width);
    let headings = COLUMNS.map(|column| column.0.to_owned());
    let mut lines = vec![line(&headings, &widths)];
    for (node, row) in nodes.iter().zip(&rows) {
        lines.push(line(row, &widths));
        if let Some(trouble) = trouble(node) {
            lines.push(format!(
                "    {}",
                bounded(&trouble, width.saturating_sub(4))
            ));
        }
    }
    lines.join("\n")
}

fn cells(node: &Node, now: SystemTime) -> [String; 8] {
    let none = || "-".to_owned();
    let services = &node.stats.services;
    let up = services
        .values()
        .filter(|state| *state == "running")
        .count();
    [
        shown(&node.name),
        node.region.as_deref().map_or_else(none, shown),
        shown(&node.address),
        shown(node.status.name()),
        ago(node.last_seen, now),
        node.stats.cpu.map_or_else(none, percent),
        node.stats.memory_used.map_or_else(none, percent),
        match services.len() {
            0 => none(),
            all => format!("{up}/{all}"),
        },
    ]
}

fn trouble(node: &Node) -> Option<String> {
    let stale = node
        .stale
        .then(|| "stale: no heartbeat for over 90 s".to_owned());
    let services = node.stats.services.iter();
    let not_running = services
        .filter(|(_, state)| *state != "running")
        .map(|(service, state)| format!("{} {}", shown(service), shown(state)));
    let all: Vec<String> = stale.into_iter().chain(not_running).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Each column as wide as its longest cell; where the terminal is narrower, the widest gives first.
fn widths(rows: &[[String; 8]], total: usize) -> [usize; 8] {
    let mut widths: [usize; 8] = std::array::from_fn(|i| {
        let cells = rows.iter().map(|row| row[i].chars().count());
        let Column(heading, most, _) = COLUMNS[i];
        cells.max().unwrap_or(0).max(heading.len()).min(most)
    });
    let gaps = GAP.len() * (COLUMNS.len() - 1);
    while widths.iter().sum::<usize>() + gaps > total {
        let can_give = (0..widths.len()).filter(|i| widths[*i] > COLUMNS[*i].2);
        match can_give.max_by_key(|i| widths[*i] - COLUMNS[*i].2) {
            Some(widest) => widths[widest] -= 1,
            None => break,
        }
    }
    widths
}

fn line(cells: &[String; 8], widths: &[usize; 8]) -> String {
    let cells = cells.iter().zip(widths);
    let cells: Vec<String> = cells
        .map(|(cell, width)| format!("{:<width$}", bounded(cell, *width)))
        .collect();
    cells.join(GAP).trim_end().to_owned()
}

fn bounded(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain(['…']).collect()
}

/// A text of the registry, fit for a terminal: what can't be seen is escaped, and it is not without end.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(128) {
        if matches!(c, '"' | '\'') {
            shown.push(c);
        } else {
            shown.extend(c.escape_debug());
        }
    }
    shown
}

/// `12 s ago`, `never`. A moment that has not come yet is now.
pub(super) fn ago(moment: Option<SystemTime>, now: SystemTime) -> String {
    let Some(moment) = moment else {
        return "never".to_owned();
    };
    let seconds = now
        .duration_since(moment)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", (share * 100.0).clamp(0.0, 999.0))
}

/// One node of `nodes list --json`.
pub(super) fn document(node: &Node, now: SystemTime) -> Value {
    let moment =
        |at: Option<SystemTime>| at.map(|at| humantime::format_rfc3339_seconds(at).to_string());
    let since = |at: SystemTime| now.duration_since(at).unwrap_or(Duration::ZERO).as_secs();
    let stats = &node.stats;
    json!({
        "id": node.id,
        "name": node.name,
        "address": node.address,
        "region": node.region,
        "status": node.status.name(),
        "created": moment(node.created),
        "last_seen": moment(node.last_seen),
        "seconds_since_seen": node.last_seen.map(since),
        "stale": node.stale,
        "cores": stats.cores,
        "load": stats.load,
        "cpu": stats.cpu,
        "memory_used": stats.memory_used,
        "participants": stats.participants,
        "services": stats.services,
    })
}
