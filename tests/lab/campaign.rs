//! Cutting runs off at random moments, and what has to be so after each blow and after the run that follows it.

use std::collections::BTreeMap;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;

use crate::scene::{Blow, Elsewhere, Scene, Stage, point_of};

/// Names the moments of a campaign that failed, to play it again.
const SEED: &str = "STREAMHUB_LAB_SEED";
/// So many times as many blows as a test asks for.
const KILLS: &str = "STREAMHUB_LAB_KILLS";
const RENAMES: &str = "rename,renameat,renameat2";
/// Of so many kills one ends all that the program had started as well.
const FAMILY_ONE_IN: u8 = 4;
/// Of so many blows one may come while a run looks whether all serves, which takes longer than the work.
const WAIT_ONE_IN: usize = 4;
/// After so many blows the plan of one more run is looked at.
const PLAN_ONE_IN: usize = 4;

/// What an undisturbed run makes of a side, and how long it takes.
struct Settled {
    took: Duration,
    /// After so long the receipt knew of every change, and all that was left was to see whether it serves.
    worked: Duration,
    /// How many renames it made; only where blows come at those.
    renames: usize,
    files: Vec<Option<String>>,
    receipt: Value,
    state: String,
}

/// Says it also where the test goes well, and its output is kept back.
pub fn tell(line: &str) {
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

/// How many times as many blows are asked for.
pub fn times() -> usize {
    std::env::var(KILLS).map_or(1, |text| text.parse().expect("a number of times"))
}

/// Plays the scene on these stages at once, which spend most of their time waiting, until each has seen so many blows;
/// then says at which points of a run they came. Gives the stages back as the last run left them.
pub fn play<'a>(scene: Scene, blow: Blow, count: usize, stages: Vec<Stage<'a>>) -> Vec<Stage<'a>> {
    let seed = seed(scene.name);
    let count = count * times();
    let mut points: BTreeMap<String, usize> = BTreeMap::new();
    let mut left = Vec::new();
    let start = Instant::now();
    thread::scope(|scope| {
        let actors: Vec<_> = (0..)
            .zip(stages)
            .map(|(nth, stage)| {
                let rng = Rng::with_seed(seed.wrapping_add(nth));
                scope.spawn(move || Play::new(scene, blow, stage).until(blow, count, rng))
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

/// A scene on one stage.
pub struct Play<'a> {
    pub scene: Scene,
    pub stage: Stage<'a>,
    settled: Vec<Settled>,
}

impl<'a> Play<'a> {
    /// Lets a run of each side through, to know what they make of the host.
    fn new(scene: Scene, blow: Blow, stage: Stage<'a>) -> Self {
        let mut play = Self {
            scene,
            stage,
            settled: Vec::new(),
        };
        for side in 0..2 {
            (scene.reset)(&mut play.stage, side);
            let start = Instant::now();
            let moment = play.stage.host.moment();
            let mut run = (scene.command)(&play.stage, side);
            if matches!(blow, Blow::AtRename(_)) {
                run = run.under(&traced("--output=/run/renames", &[]));
            }
            run.run().expect_code(0);
            let took = start.elapsed();
            let renames = play.stage.host.sh_ok("cat /run/renames 2>/dev/null || :");
            (scene.proof)(&play.stage, side);
            let settled = Settled {
                took,
                worked: play.receipt_was_written_after(&moment).min(took),
                renames: renames.matches("rename").count(),
                files: play.files(),
                receipt: play.receipt().expect("a run writes it"),
                state: play.state(),
            };
            play.settled.push(settled);
        }
        play
    }

    /// The points at which the blows came, and the stage as it is then.
    fn until(mut self, blow: Blow, count: usize, mut rng: Rng) -> (Vec<String>, Stage<'a>) {
        let mut points = Vec::new();
        for round in 0..2 * count {
            let side = round % 2;
            (self.scene.reset)(&mut self.stage, side);
            let before = self.files();
            let mut secrets = self.secrets();
            // All of the run is covered.
            let part = ((round % count) as f64 + rng.f64()) / count as f64;
            let with_family = blow == Blow::Kill && rng.u8(..FAMILY_ONE_IN) == 0;
            let Settled {
                took,
                worked,
                renames,
                ..
            } = self.settled[side];
            // Most where there is something to break.
            let span = if round % WAIT_ONE_IN == WAIT_ONE_IN - 1 {
                took
            } else {
                worked
            };
            let mut run = (self.scene.command)(&self.stage, side);
            if let Blow::AtRename(signal) = blow {
                let nth = 1 + (part * renames as f64) as usize;
                let inject = format!("inject={RENAMES}:signal={signal}:when={nth}");
                run = run.under(&traced("--output=/dev/null", &["-e", &inject]));
            }
            let mut run = run.spawn();
            match blow {
                Blow::Kill => {
                    thread::sleep(span.mul_f64(part));
                    run.kill(with_family);
                }
                Blow::PowerCut => {
                    thread::sleep(span.mul_f64(part));
                    self.stage.host.kill();
                }
                Blow::AtRename(_) => run.until_it_ends(),
            }
            // What outlives the program is still at work.
            self.is_old_or_new(&before, side);
            self.keeps(&secrets);
            secrets.extend(self.secrets());
            let output = run.wait();
            let point = point_of(&output);
            let when = format!(
                "{}, side {side}, a {blow:?}{} after {part:.3} of {:.1} s, {point}",
                self.scene.name,
                if with_family { " with its family" } else { "" },
                span.as_secs_f64(),
            );
            println!("{when}");
            // As the power goes, a run may still see its children fail.
            let code = match blow {
                Blow::AtRename("SIGTERM") => 143,
                Blow::AtRename("SIGINT") => 130,
                _ => 137,
            };
            let is_cut_off = blow == Blow::PowerCut || [0, code].contains(&output.code);
            assert!(is_cut_off, "{when}: {output:?}");
            // Some runs are quicker than the one that was measured: such a one counts for nothing.
            if output.code != 0 {
                points.push(point);
            }
            if blow == Blow::PowerCut {
                self.stage.host.start();
                self.timer_lives_if_enabled(&when);
            }
            let with_plan = round % PLAN_ONE_IN == 0 || !self.scene.secrets.is_empty();
            self.converges(side, &when, with_plan);
            self.keeps(&secrets);
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
        let Stage { host, elsewhere } = &self.stage;
        let output = (self.scene.command)(&self.stage, side).run();
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
        if let Elsewhere::Origin(origin) = elsewhere {
            // It is the one row of that name, or this panics.
            origin.node(host.name());
        }
        (self.scene.proof)(&self.stage, side);
        if with_plan {
            let lives = host.lives();
            // What a run was told once is saved, so one that is told nothing wants the same.
            let plan = host.program(["--json", "--dry-run"]).run().expect_code(0);
            let changes = plan.events().into_iter().find(|e| e["event"] == "plan");
            assert_eq!(changes, None, "after {when}: {plan:?}");
            assert_eq!(plan.done()["changed"], false, "after {when}: {plan:?}");
            assert_eq!(host.lives(), lives, "after {when}");
        }
    }
}

/// A run of which strace counts the renames, and is told the rest.
fn traced<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut trace = vec!["strace", "--quiet=all", "--trace", RENAMES, output];
    trace.extend(more);
    trace
}
