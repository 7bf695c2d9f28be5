//! A node's status in the registry, changed by `nodes`, and a drain that is watched from elsewhere.

use serde_json::json;

use crate::nodes::{API_TOKEN, add, nodes, post, stats, status};
use crate::scene::Scene;

#[test]
fn a_status_is_changed_once_and_again_is_no_change() {
    let scene = Scene::fresh();
    let id = add(&scene, "edge-1", stats());
    for (args, word) in [
        (vec!["drain", "edge-1"], "draining"),
        (vec!["disable", id.as_str()], "disabled"),
        (vec!["activate", "edge-1"], "active"),
    ] {
        let mut json = args.clone();
        json.push("--json");
        for changed in [true, false] {
            scene.origin.control().clear_log();
            let said = nodes(&scene, &json);
            assert_eq!(said.code, 0, "{}", said.stderr);
            assert_eq!(status(&scene, "edge-1").as_deref(), Some(word));
            assert!(
                said.stdout.contains(&format!("\"changed\":{changed}")),
                "{}",
                said.stdout
            );
            let log = scene.origin.control().log();
            assert_eq!(
                log.iter().filter(|seen| seen.method == "PATCH").count(),
                usize::from(changed)
            );
            assert!(log.iter().all(|seen| !seen.path.contains(API_TOKEN)));
        }
    }
    // Nobody can be asked here.
    assert_eq!(nodes(&scene, &["remove", "edge-1"]).code, 2);
    assert!(status(&scene, "edge-1").is_some());
    for _ in 0..2 {
        assert_eq!(nodes(&scene, &["remove", "edge-1", "--yes"]).code, 0);
        assert!(status(&scene, "edge-1").is_none());
    }
    assert_eq!(nodes(&scene, &["remove", "origin", "--yes"]).code, 2);
}

#[test]
fn a_drained_node_is_watched_until_its_heartbeat_tells_of_nobody() {
    let scene = Scene::fresh();
    let people = |count: u32| {
        let mut stats = stats();
        stats["participants"] = json!(count);
        stats
    };
    // Whoever was there before it was drained counts as little as that nobody was.
    let id = add(&scene, "edge-1", people(0));
    let said = std::thread::scope(|scope| {
        let run = scope.spawn(|| nodes(&scene, &["drain", "edge-1", "--wait", "--timeout", "2m"]));
        for beat in 0.. {
            if run.is_finished() {
                break;
            }
            let stats = people(if beat < 20 { 2 } else { 0 });
            post(&scene, "heartbeat", &json!({"nodeId": id, "stats": stats}));
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        run.join().expect("it runs")
    });
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("edge-1 drains: 2 participants"),
        "{}",
        said.stderr
    );
    assert!(
        said.stdout
            .contains("edge-1 has finished: nobody is in a room there"),
        "{}",
        said.stdout
    );
}
