//! The programs ingress and egress, from outside.

use std::fs;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::program::{Dir, Running, free_port};
use standins::{Mode, Redis, http};

/// egress's user, and the group of its image.
const UID: u32 = 1001;
const GID: u32 = 0;

fn config(redis: &Redis, more: &str) -> String {
    format!(
        "ws_url: 'ws://127.0.0.1:7880'\napi_key: 'APIexamplekey01'\napi_secret: 'ExampleSecret'\n\
         redis: {{address: '{}', password: 'ExamplePassword'}}\n{more}",
        redis.addr()
    )
}

fn server() -> Redis {
    Redis::start(Mode::password("ExamplePassword")).unwrap()
}

fn ingress(dir: &Dir, config: &str) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingress"));
    let config = dir.file("ingress.yaml", config);
    Running::start(command.env_clear().env("INGRESS_CONFIG_FILE", config))
}

fn ports_of_ingress() -> ([u16; 5], String) {
    let ports = [0; 5].map(|_| free_port());
    let [rtmp, whip, relay, udp, metrics] = ports;
    let text = format!(
        "rtmp_port: {rtmp}\nwhip_port: {whip}\nhttp_relay_port: {relay}\n\
         rtc_config: {{udp_port: {udp}}}\nprometheus_port: {metrics}\n"
    );
    (ports, text)
}

#[test]
fn ingress_listens_and_ends_when_asked() {
    let (dir, redis) = (Dir::new(), server());
    let ([rtmp, whip, relay, udp, metrics], ports) = ports_of_ingress();
    let running = ingress(&dir, &config(&redis, &ports));
    running.says("starting ingress service");
    for port in [rtmp, whip, relay] {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    }
    // The relay is loopback's alone: the rest of 127/8 reaches listeners on all addresses only.
    assert!(TcpStream::connect(("127.0.0.2", whip)).is_ok());
    assert!(TcpStream::connect(("127.0.0.2", relay)).is_err());
    assert!(UdpSocket::bind(("0.0.0.0", udp)).is_err());
    let answer = http::send(("127.0.0.1", metrics), "GET", "/metrics", &[], b"");
    assert_eq!(answer.unwrap().status, 200);
    running.terminate();
    assert_eq!(running.end().0, 0);
}

#[test]
fn ingress_takes_its_configuration_from_the_environment() {
    let redis = server();
    let (_, ports) = ports_of_ingress();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingress"));
    command
        .env_clear()
        .env("INGRESS_CONFIG_BODY", config(&redis, &ports));
    Running::start(&mut command).says("starting ingress service");
}

#[test]
fn ingress_refuses_what_it_cannot_use() {
    let (dir, redis) = (Dir::new(), server());
    let good = config(&redis, "");
    for (config, why) in [
        (
            good.clone() + "wat: 1\n",
            "field wat not found in type config.Config",
        ),
        (good.replace("APIexamplekey01", ""), "api_key is required"),
        (
            good.replace("ExamplePassword", "ExampleWrong"),
            "redis: WRONGPASS",
        ),
    ] {
        let (code, log) = ingress(&dir, &config).end();
        assert_eq!(code, 1);
        assert!(log.contains(why), "{log}");
    }
}

#[test]
fn ingress_ends_when_redis_wants_another_password() {
    let (dir, redis) = (Dir::new(), server());
    let (_, ports) = ports_of_ingress();
    let running = ingress(&dir, &config(&redis, &ports));
    running.says("starting ingress service");
    redis.restart(Mode::password("ExampleNew"));
    let (code, log) = running.end();
    assert_eq!(code, 1);
    assert!(log.contains("redis: WRONGPASS"), "{log}");
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The program where its user can run it, whoever may enter the directory it was built in.
fn egress(dir: &Dir, config: &str) -> Command {
    let program = dir.path().join("egress");
    fs::copy(env!("CARGO_BIN_EXE_egress"), &program).unwrap();
    let config = dir.file("egress.yaml", config);
    let mut command = Command::new(program);
    command.env_clear().env("EGRESS_CONFIG_FILE", config);
    command
}

#[test]
fn egress_refuses_another_user() {
    let (dir, redis) = (Dir::new(), server());
    let (code, log) = Running::start(&mut egress(&dir, &config(&redis, ""))).end();
    assert_eq!(code, 1);
    assert!(log.contains("egress runs as uid 1001"), "{log}");
}

#[test]
fn egress_works_as_its_user() {
    if !is_root() {
        eprintln!("skipped: only root can start it as its user");
        return;
    }
    let (dir, redis) = (Dir::new(), server());
    let apps = dir.path().join("apps");
    fs::create_dir(&apps).unwrap();
    let mode = |path: &std::path::Path, bits| {
        fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
    };
    let metrics = free_port();
    let good = config(
        &redis,
        &format!("insecure: true\nprometheus_port: {metrics}\n"),
    );
    let start = |config: &str| {
        let mut command = egress(&dir, config);
        Running::start(command.env("DATA_DIR", dir.path()).uid(UID).gid(GID))
    };

    mode(&apps, 0o755);
    let running = start(&good);
    running.says("service ready");
    assert!(running.log().contains("cannot write recordings"));
    let answer = http::send(("127.0.0.1", metrics), "GET", "/metrics", &[], b"");
    assert_eq!(answer.unwrap().status, 200);
    running.terminate();
    assert_eq!(running.end().0, 0);

    mode(&apps, 0o775);
    let running = start(&good);
    running.says("service ready");
    assert!(!running.log().contains("cannot write recordings"));
    drop(running);

    let (code, log) = start(&(good.clone() + "wat: 1\n")).end();
    assert_eq!(code, 1);
    assert!(
        log.contains("field wat not found in type config.ServiceConfig"),
        "{log}"
    );

    let mut command = egress(&dir, &good);
    mode(&dir.path().join("egress.yaml"), 0o600);
    let (code, log) = Running::start(command.uid(UID).gid(GID)).end();
    assert_eq!(code, 1);
    assert!(log.contains("Permission denied"), "{log}");
}
