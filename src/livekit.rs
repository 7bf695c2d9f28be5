//! What the livekit of this host tells of itself.

use std::time::Duration;

use crate::fault::Result;
use crate::http;

/// `prometheus_port` in templates/edge/livekit.config.yml.
const METRICS: &str = "http://127.0.0.1:6789/metrics";
/// A gauge with one line for each set of labels.
const PARTICIPANTS: &str = "livekit_participant_total";
/// It is asked at every heartbeat, which has other things to do.
const LIMIT: Duration = Duration::from_secs(1);
/// A busy server's page is some 100 KiB.
const LONGEST_PAGE: u64 = 1024 * 1024;

/// How many participants its rooms have; `None` where it does not say.
pub fn participants() -> Option<u64> {
    count(&page().ok()?)
}

fn page() -> Result<String> {
    let client = http::client(false, Vec::new())?;
    let request = client.get(METRICS).timeout(LIMIT).build()?;
    let answered = http::send_for(&client, request, LONGEST_PAGE)?;
    Ok(String::from_utf8(answered.body)?)
}

fn count(page: &str) -> Option<u64> {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(PARTICIPANTS)?;
        let is_it = rest.starts_with(['{', ' ']);
        let value: f64 = rest.rsplit(' ').next()?.parse().ok()?;
        // A gauge may say that it does not know, or nonsense.
        (is_it && value >= 0.0).then_some(value as u64)
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0) + value))
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn participants_are_summed_over_their_labels() {
        let page = "# TYPE livekit_participant_total gauge\n\
                    livekit_participant_total{node_id=\"ND_example\",node_type=\"SERVER\"} 11\n\
                    livekit_participant_total{node_id=\"ND_other\",node_type=\"SERVER\"} 2\n\
                    livekit_participant_total_joined 7\nlivekit_room_total 3\n";
        assert_eq!(count(page), Some(13));
        assert_eq!(count("livekit_participant_total 0\n"), Some(0));
        assert_eq!(count("livekit_participant_total NaN\n"), None);
        assert_eq!(count("livekit_up 1\n"), None);
    }
}
