//! What a run says that fails while it changes the host.

use std::fs::File;

use standins::{Mode, Redis, Rotation};

use crate::engine::{self, Has};
use crate::scene::{JOIN, MACHINES_OWN, Scene, snapshot};

const PLUGIN: &str = "usr/libexec/docker/cli-plugins/docker-compose";

const IMAGES: Has = Has {
    images: true,
    looping_livekit: false,
};
const NOTHING: Has = Has {
    images: false,
    ..IMAGES
};
const LOOPING: Has = Has {
    looping_livekit: true,
    ..IMAGES
};

/// A host with a Docker that does what it is told, and runs nothing.
fn with_docker(has: Has) -> Scene {
    let scene = Scene::fresh();
    scene.stub("stubs/docker", "");
    scene.stub(PLUGIN, "2.26.1");
    scene.stub("stubs/systemctl", "ActiveState=inactive");
    scene.write("run/docker.pid", "1");
    std::fs::create_dir_all(scene.path("proc/1")).expect("it is ours");
    engine::serve(&scene.path("run/docker.sock"), has);
    scene
}

/// A first join that is carried out, as far as it gets.
fn join(scene: &Scene, title: &str) -> String {
    let redis = Redis::start(Mode::password("ExampleRedisPassword")).expect("a port is free");
    scene.origin.control().rotate(Rotation {
        redis_url: Some(Some(format!(
            "redis://:ExampleRedisPassword@{}",
            redis.addr()
        ))),
        ..Rotation::default()
    });
    let url = scene.origin.url();
    let said = scene.run(
        &[
            "--join",
            "--quiet",
            "--master-ip",
            "127.0.0.1",
            "--master-url",
            &url,
            "--node-name",
            "edge-1",
            "--node-ip",
            "10.0.0.7",
            // This machine's own, and a redis with a port of its own.
            "--skip-check",
            "disk,size,ports,redis",
        ],
        JOIN,
    );
    assert_ne!(said.code, 0, "{title}: {}", said.stdout);
    assert!(!said.stderr.contains("ExampleRedis"), "{}", said.stderr);
    scene.section(title, &said)
}

#[test]
fn a_step_that_fails_says_why_and_what_to_do() {
    let mut all = String::new();

    let scene = with_docker(IMAGES);
    all += &join(&scene, "services that have no container after all");
    scene.script(
        "stubs/docker",
        "echo 'range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available' >&2; exit 1",
    );
    all += &join(&scene, "compose refuses");

    let scene = with_docker(LOOPING);
    scene.script(
        "stubs/docker",
        "case \"$*\" in *logs*) echo 'could not parse config: field tcp_prot not found, secret ExampleLiveKitSecretOf40CharactersLong00';; esac",
    );
    let looping = join(&scene, "a livekit that ends on its configuration");
    assert!(!looping.contains("ExampleLiveKit"), "{looping}");
    all += &looping;

    let scene = with_docker(NOTHING);
    scene.script(
        "stubs/docker",
        "echo 'dial tcp: lookup registry.example.com: no such host' >&2; exit 1",
    );
    all += &join(&scene, "an image that can't be pulled");

    let scene = with_docker(IMAGES);
    std::fs::remove_file(scene.path("run/docker.pid")).expect("it is there");
    scene.stub("stubs/dockerd", "");
    for name in ["dpkg", "apt-get"] {
        scene.stub(&format!("stubs/{name}"), "");
    }
    scene.script(
        "stubs/systemctl",
        "case \"$*\" in *enable*) echo 'Failed to enable unit: Unit file docker.service is masked.' >&2; exit 1;; esac",
    );
    all += &join(&scene, "an engine that does not start");

    let scene = with_docker(IMAGES);
    scene.stub(PLUGIN, "2.20.0");
    all += &join(&scene, "an old compose plugin");

    let scene = Scene::fresh();
    scene.stub("stubs/dpkg", "");
    scene.stub("stubs/dpkg-query", "");
    scene.stub("stubs/apt-cache", "  Candidate: 1.0");
    scene.stub("stubs/systemctl", "");
    scene.script(
        "stubs/apt-get",
        "case \"$*\" in *install*) echo 'E: Unable to correct problems, you have held broken packages.' >&2; exit 100;; esac",
    );
    all += &join(&scene, "packages that can't be installed");
    snapshot("steps", &all);
}

#[test]
fn a_second_run_is_told_who_holds_the_lock() {
    let scene = Scene::fresh();
    let pid = std::process::id().to_string();
    scene.write("run/streamhub-install.lock", &pid);
    let held = File::open(scene.path("run/streamhub-install.lock")).expect("it is there");
    held.lock().expect("nobody else has it");
    let said = join(&scene, "another run").replace(&format!("pid {pid}"), "pid 4242");
    snapshot("lock", &said);
}

/// A snap's certbot, for example, which has the same files as the package's would.
#[test]
fn a_certbot_that_is_no_package_is_used() {
    let plan = |stubs: &[(&str, &str)]| {
        let scene = with_docker(IMAGES);
        for (name, prints) in stubs {
            scene.stub(name, prints);
        }
        let skipped = format!("{MACHINES_OWN},root");
        let origin = ["--standalone", "--domain", "live.example.com"];
        let core = ["--core-image", "registry.example.com/core:1"];
        let dry = ["--dry-run", "--skip-check", &skipped];
        let said = scene.run(&[&origin[..], &core, &dry].concat(), &[]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.stdout
    };
    let install = "packages for the certificate";
    let (certbot, known) = (("stubs/certbot", ""), "stubs/dpkg-query");
    assert!(plan(&[]).contains(install));
    assert!(!plan(&[certbot]).contains(install));
    assert!(!plan(&[certbot, (known, "certbot not-installed")]).contains(install));
    // dpkg was cut off in it.
    assert!(plan(&[certbot, (known, "certbot unpacked")]).contains(install));
}
