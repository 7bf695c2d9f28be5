//! Cutting runs off at random moments, and what has to be so after each blow and after the run that follows it.

use std::collections::BTreeMap;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;

use crate::cluster::Origin;
use crate::command::{HostCommand, Output};
use crate::host::Host;

const RECEIPT: &str = "/etc/streamhub/receipt.json";
const PROGRAM: &str = "/usr/local/bin/streamhub-install";
/// Names the moments of a campaign that failed, to play it again.
const SEED: &str = "STREAMHUB_LAB_SEED";
/// Of so many kills one ends all that the program had started as well.
const FAMILY_ONE_IN: u8 = 4;
/// After so many blows the plan of one more run is looked at.
const PLAN_ONE_IN: usize = 4;

/// What a run is cut off by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL: mostly of the program alone, whose children then work on; sometimes of all of them.
    Kill,
    /// The host's power goes, and comes back.
    PowerCut,
}

/// A run that is cut off again and again. To try another kind of run, write another of these.
#[derive(Clone, Copy)]
pub struct Scene {
    pub name: &'static str,
    /// Every file that the run writes, the receipt aside.
    pub files: &'static [&'static str],
    /// Makes the host what it is before the run. Rounds take turns between two sides, 0 and 1: a scene may make another
    /// host of each.
    pub reset: fn(&mut Stage, usize),
    /// The run, told to speak JSON.
    pub command: fn(&Stage) -> HostCommand,
    /// What has to be so once a run was let through, besides what is looked at after every one.
    pub proof: fn(&Stage, usize),
}

/// Where a scene is played: nobody else's origin, and nobody else's host.
#[derive(Debug)]
pub struct Stage {
    pub origin: Origin,
    pub host: Host,
}

/// What an undisturbed run makes of a side, and how long it takes.
struct Settled {
    took: Duration,
    files: Vec<Option<String>>,
    receipt: Value,
    state: String,
}

/// Says it also where the test goes well, and its output is kept back.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A number to start from: the one that is given, to play something again, or another one each time. Says which.
pub fn seed(what: &str) -> u64 {
    let given = std::env::var(SEED).ok();
    let seed = given.map_or_else(
        || fastrand::u64(..),
        |text| text.parse().expect("the seed is a number"),
    );
    tell(&format!("{what}: {SEED}={seed}"));
    seed
}

/// Plays the scene on these stages at once, which spend most of their time waiting, until each has seen so many blows;
/// then says at which points of a run they came. Gives the stages back as the last run left them.
pub fn play(scene: Scene, blow: Blow, count: usize, stages: Vec<Stage>) -> Vec<Stage> {
    let seed = seed(scene.name);
    let mut points: BTreeMap<String, usize> = BTreeMap::new();
    let mut left = Vec::new();
    let start = Instant::now();
    thread::scope(|scope| {
        let actors: Vec<_> = (0..)
            .zip(stages)
            .map(|(nth, stage)| {
                let rng = Rng::with_seed(seed.wrapping_add(nth));
                scope.spawn(move || Play::new(scene, stage).until(blow, count, rng))
            })
            .collect();
        for actor in actors {
            let (seen, stage) = actor
                .join()
                .unwrap_or_else(|_| panic!("{}: {SEED}={seed} plays it again", scene.name));
            left.push(stage);
            for point in seen {
                *points.entry(point).or_default() += 1;
            }
        }
    });
    let all: usize = points.values().sum();
    tell(&format!(
        "{}: {all} times {blow:?} in {:.0} s, by what the run had said last:",
        scene.name,
        start.elapsed().as_secs_f64()
    ));
    for (point, count) in points {
        tell(&format!("  {count:>3}  {point}"));
    }
    left
}

struct Play {
    scene: Scene,
    stage: Stage,
    settled: Vec<Settled>,
}

impl Play {
    /// Lets a run of each side through, to know what they make of the host.
    fn new(scene: Scene, stage: Stage) -> Self {
        let mut play = Self {
            scene,
            stage,
            settled: Vec::new(),
        };
        for side in 0..2 {
            (scene.reset)(&mut play.stage, side);
            let start = Instant::now();
            (scene.command)(&play.stage).run().expect_code(0);
            let took = start.elapsed();
            (scene.proof)(&play.stage, side);
            let settled = Settled {
                took,
                files: play.files(),
                receipt: play.receipt().expect("a run writes it"),
                state: play.state(),
            };
            play.settled.push(settled);
        }
        play
    }

    /// The points at which the blows came, and the stage as it is then.
    fn until(mut self, blow: Blow, count: usize, mut rng: Rng) -> (Vec<String>, Stage) {
        let mut points = Vec::new();
        for round in 0..2 * count {
            let side = round % 2;
            (self.scene.reset)(&mut self.stage, side);
            let before = self.files();
            // Each as likely as any other, and all of the run is covered.
            let part = ((round % count) as f64 + rng.f64()) / count as f64;
            let with_family = blow == Blow::Kill && rng.u8(..FAMILY_ONE_IN) == 0;
            let took = self.settled[side].took;
            let mut run = (self.scene.command)(&self.stage).spawn();
            thread::sleep(took.mul_f64(part));
            match blow {
                Blow::Kill => run.kill(with_family),
                Blow::PowerCut => self.stage.host.kill(),
            }
            // What outlives the program is still at work.
            self.is_old_or_new(&before, side);
            let output = run.wait();
            let point = point_of(&output);
            let when = format!(
                "{}, side {side}, a {blow:?}{} after {part:.3} of {:.1} s, {point}",
                self.scene.name,
                if with_family { " with its family" } else { "" },
                took.as_secs_f64(),
            );
            println!("{when}");
            // As the power goes, a run may still see its children fail.
            let is_cut_off = blow == Blow::PowerCut || [0, 137].contains(&output.code);
            assert!(is_cut_off, "{when}: {output:?}");
            // Some runs are quicker than the one that was measured: such a one counts for nothing.
            if output.code != 0 {
                points.push(point);
            }
            if blow == Blow::PowerCut {
                self.stage.host.start();
                self.timer_lives_if_enabled(&when);
            }
            self.converges(side, &when, round % PLAN_ONE_IN == 0);
            if points.len() == count {
                break;
            }
        }
        assert_eq!(points.len(), count, "too many runs ended before their blow");
        (points, self.stage)
    }

    /// After a boot, before any other run.
    #[track_caller]
    fn timer_lives_if_enabled(&self, when: &str) {
        let timer = self.stage.host.sh_ok(
            "systemctl is-enabled streamhub-heartbeat.timer || :; systemctl is-active streamhub-heartbeat.timer || :",
        );
        assert!(
            !timer.starts_with("enabled") || timer == "enabled\nactive\n",
            "after {when}: {timer}"
        );
    }

    /// Every file is the old one or the new one, and the receipt can be read.
    #[track_caller]
    fn is_old_or_new(&self, old: &[Option<String>], side: usize) {
        let found = self.files();
        let all = self.scene.files.iter().zip(&found);
        for ((path, found), (old, new)) in all.zip(old.iter().zip(&self.settled[side].files)) {
            assert!(
                found == old || found == new,
                "{path} is {found:?}, neither {old:?} nor {new:?}"
            );
        }
        self.receipt();
    }

    /// The next run makes of the host what an undisturbed one does.
    #[track_caller]
    fn converges(&self, side: usize, when: &str, with_plan: bool) {
        let Stage { host, origin } = &self.stage;
        let output = (self.scene.command)(&self.stage).run();
        assert_eq!(output.code, 0, "after {when}: {output:?}");
        let settled = &self.settled[side];
        assert_eq!(self.files(), settled.files, "after {when}");
        assert_eq!(self.state(), settled.state, "after {when}");
        let receipt = self.receipt().expect("a run writes it");
        let owned = |receipt: &Value| receipt["owned"].as_array().expect("it is a list").clone();
        let found = owned(&receipt);
        let complete = found.iter().all(|entry| entry["pending"] == false);
        let lacking: Vec<Value> = owned(&settled.receipt)
            .into_iter()
            .filter(|entry| !found.contains(entry))
            .collect();
        assert!(
            complete && lacking.is_empty() && receipt["settings"] == settled.receipt["settings"],
            "after {when}: {lacking:?} missing in {receipt}"
        );
        // It is the one row of that name, or this panics.
        origin.node(host.name());
        (self.scene.proof)(&self.stage, side);
        if with_plan {
            let lives = host.lives();
            let plan = (self.scene.command)(&self.stage)
                .args(["--dry-run"])
                .run()
                .expect_code(0);
            let changes = plan.events().into_iter().find(|e| e["event"] == "plan");
            assert_eq!(changes, None, "after {when}: {plan:?}");
            assert_eq!(plan.done()["changed"], false, "after {when}: {plan:?}");
            assert_eq!(host.lives(), lives, "after {when}");
        }
    }

    fn files(&self) -> Vec<Option<String>> {
        let files = self.scene.files.iter();
        files.map(|path| self.stage.host.at(path)).collect()
    }

    fn receipt(&self) -> Option<Value> {
        let bytes = self.stage.host.bytes_at(RECEIPT)?;
        Some(serde_json::from_slice(&bytes).expect("a receipt is whole at every moment"))
    }

    /// Everything else that a run brings about or has to leave alone: containers, a stranger's one to the moment of its
    /// start, firewall rules, the timer, and that nothing lies about or is still at work.
    fn state(&self) -> String {
        self.stage.host.sh_ok(&format!(
            "until systemctl show --property=NextElapseUSecRealtime --value streamhub-heartbeat.timer | grep -q .; do sleep 0.1; done
             systemctl show --property=ActiveState,UnitFileState streamhub-heartbeat.timer
             docker ps --all --format '{{{{.Names}}}} {{{{.State}}}} {{{{.Label \"studio.streamhub.digest\"}}}}' | sort
             docker ps --all --quiet --filter label=foreign |
                 xargs --no-run-if-empty docker inspect --format '{{{{.Id}}}} {{{{.State.StartedAt}}}} {{{{.RestartCount}}}}'
             cat /etc/ufw/user.rules /etc/ufw/user6.rules
             find /opt /etc /usr/local /var/log -name '.*.new*'
             pgrep --list-full 'apt-get|dpkg|docker-compose|streamhub-insta' | grep -v '{PROGRAM} heartbeat' || :"
        ))
    }
}

/// Where a killed run was, by what it said last.
fn point_of(output: &Output) -> String {
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
