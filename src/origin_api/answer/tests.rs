use serde_json::{Value, json};

use super::*;

fn body() -> Value {
    json!({"data": {
        "nodeId": "948762be-0d74-4779-a3e7-7182dcdaf7b4",
        "name": "edge-ams-1",
        "redisUrl": "redis://:Example%2FRedis@10.0.0.10:6379",
        "publicWsUrl": "wss://media.example.com",
        "livekit": {"apiKey": "APIexamplekey01", "apiSecret": "ExampleSecret", "wsUrl": "ws://127.0.0.1:7880"}
    }, "error": null})
}

fn with(pointer: &str, value: Value) -> Result<Answer, String> {
    let mut body = body();
    *body.pointer_mut(pointer).unwrap() = value;
    Answer::read(&body, true, "redis://192.0.2.1:6379")
}

fn redis_of(url: &str) -> Result<(Redis, u32), String> {
    with("/data/redisUrl", json!(url)).map(|a| (a.redis, a.redis_db))
}

#[test]
fn a_real_answer_is_taken_and_its_password_decoded() {
    let answer = Answer::read(&body(), true, "").unwrap();
    assert_eq!(answer.redis.password, Some(Secret::new("Example/Redis")));
    assert_eq!(
        (
            answer.redis.host.as_str(),
            answer.redis.port,
            answer.redis_db
        ),
        ("10.0.0.10", 6379, 0)
    );
}

#[test]
fn no_redis_address_means_the_origins_own() {
    let answer = with("/data/redisUrl", Value::Null).unwrap();
    assert_eq!(answer.redis.host, "192.0.2.1");
    let mut without = body();
    without["data"].as_object_mut().unwrap().remove("redisUrl");
    assert!(Answer::read(&without, true, "redis://192.0.2.1:6379").is_err());
}

#[test]
fn redis_addresses_are_taken_apart() {
    let (redis, db) = redis_of("rediss://user:pw1234@redis.example.com/2").unwrap();
    assert!(redis.tls && redis.username.is_some() && db == 2);
    let (redis, _) = redis_of("redis://:pw1234@[2001:db8::10]:7000").unwrap();
    assert_eq!(redis.address(), "[2001:db8::10]:7000");
    // The host is what stands behind the last @, whatever stands before it.
    let (redis, _) = redis_of("redis://10.0.0.10%40evil.example.com@10.0.0.11:6379").unwrap();
    assert_eq!(redis.host, "10.0.0.11");
}

#[test]
fn hostile_values_are_refused_by_field_and_never_shown() {
    for value in [
        json!("two\nlines"),
        json!("quo'te"),
        json!("quo\"te"),
        json!("back\\slash"),
        json!("a b"),
        json!("tick`"),
        json!("é"),
        json!(""),
        json!(123456789),
        json!(true),
        json!(null),
        json!(["x"]),
        json!("x".repeat(2000)),
    ] {
        for field in [
            "/data/livekit/apiKey",
            "/data/livekit/apiSecret",
            "/data/nodeId",
        ] {
            let error = with(field, value.clone()).expect_err(&format!("{field} {value}"));
            assert!(error.contains(field.rsplit('/').next().unwrap()), "{error}");
            assert!(!error.contains("123456789"), "{error}");
        }
    }
    for url in [
        "http://10.0.0.10:6379",
        "redis:10.0.0.10",
        "redis:///0",
        "redis://10.0.0.10:99999",
        "redis://:p%0Aq@10.0.0.10",
        "redis://:p%27q@10.0.0.10",
        "redis://10.0.0.10/x",
        "redis://10.0.0.10?x=1",
        "redis://10.0.0.10#x",
        "unix:///run/redis.sock",
        "redis://-oProxy/",
        "redis://a%20b/",
        "nonsense",
        "",
    ] {
        assert!(redis_of(url).is_err(), "{url}");
    }
    // A dollar, a colon and a hash are legal in a password, and are quoted where they are written.
    assert!(with("/data/livekit/apiSecret", json!("a$b:#c")).is_ok());
}
