//! The origin's clock and this host's.

use std::time::Duration;

use crate::check::{Clocks, Finding, Scene};
use crate::fault::Result;
use crate::settings::Edge;

/// LiveKit's tokens are taken a little before and after their time; more than this is felt.
const MOST_SKEW: Duration = Duration::from_secs(30);

/// Two clocks that are too far apart, where the origin answers at all.
pub(crate) fn skew(scene: &Scene<'_>, edge: &Edge) -> Result<Vec<Finding>> {
    let Ok(Clocks {
        theirs: Some(theirs),
        ours,
    }) = scene.health(edge)?
    else {
        return Ok(Vec::new());
    };
    let (fast, skew) = match theirs.duration_since(ours) {
        Ok(ahead) => ("behind", ahead),
        Err(e) => ("ahead of", e.duration()),
    };
    if skew <= MOST_SKEW {
        return Ok(Vec::new());
    }
    Ok(vec![Finding::warning(
        format!(
            "this host's clock is {} {fast} the origin's",
            in_words(skew)
        ),
        "timedatectl set-ntp true   # here and on the origin: one of them is wrong",
    )])
}

/// A duration as people say it.
fn in_words(time: Duration) -> String {
    let units = [
        (365 * 86_400, "year"),
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    // A question takes its time: some seconds short of a year is a year.
    let slack = if time.as_secs() < 300 { 0 } else { 30 };
    let seconds = time.as_secs() + slack;
    let (size, name) = units
        .into_iter()
        .find(|(size, _)| seconds >= *size)
        .unwrap_or((1, "second"));
    match seconds / size {
        1 => format!("1 {name}"),
        n => format!("{n} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;
    use std::time::Duration;

    #[test]
    fn times_are_told_as_people_say_them() {
        for (seconds, said) in [
            (31, "31 seconds"),
            (125, "2 minutes"),
            (7200, "2 hours"),
            (3 * 86_400, "3 days"),
            (365 * 86_400 - 1, "1 year"),
            (31_536_000 * 2, "2 years"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), said);
        }
    }
}
