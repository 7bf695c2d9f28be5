//! Orders over HTTP, as a lab host's origin takes them.

use std::net::TcpStream;

use serde_json::{Value, json};
use standins::{Config, Origin, http};

const JOIN: &str = "/api/v1/cluster/join";

fn health(origin: &Origin) -> std::io::Result<http::Response> {
    http::send(origin.addr(), "GET", "/api/v1/health", &[], b"")
}

fn join(origin: &Origin) -> u16 {
    let headers = [
        ("X-Cluster-Token", "clt_exampletoken"),
        ("Content-Type", "application/json"),
    ];
    let body = br#"{"name": "edge-1", "ip": "203.0.113.10"}"#;
    let answer = http::send(origin.addr(), "POST", JOIN, &headers, body);
    answer.unwrap().status
}

fn body(answer: &http::Response) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn takes_orders_over_http() {
    let config = Config {
        control: Some("127.0.0.1:0".parse().unwrap()),
        ..Config::default()
    };
    let origin = Origin::start(config).unwrap();
    let order = |method: &str, path: &str, body: &str| {
        let to = origin.control_addr().unwrap();
        http::send(to, method, path, &[], body.as_bytes()).unwrap()
    };
    join(&origin);
    assert_eq!(body(&order("GET", "/nodes", ""))[1]["name"], "edge-1");
    let log = body(&order("GET", "/log", ""));
    assert_eq!(log[0]["path"], JOIN);
    assert!(log[0]["body"].as_str().unwrap().contains("edge-1"));

    let rules = r#"[{"path": "/api/v1/health", "times": 1, "act": "status", "status": 500},
                    {"act": "close"}]"#;
    assert_eq!(order("POST", "/behaviour", rules).status, 200);
    assert_eq!(health(&origin).unwrap().status, 500);
    assert!(health(&origin).is_err());
    order("POST", "/behaviour", r#"{"act": "normal"}"#);
    assert_eq!(health(&origin).unwrap().status, 200);
    assert_eq!(
        order("POST", "/behaviour", r#"{"act": "nonsense"}"#).status,
        400
    );

    order("POST", "/rotate", r#"{"token": null}"#);
    assert_eq!(join(&origin), 503);
    order("POST", "/down", "");
    assert!(TcpStream::connect(origin.addr()).is_err());
    order("POST", "/up", "");
    assert_eq!(health(&origin).unwrap().status, 200);
    order("DELETE", "/log", "");
    assert_eq!(body(&order("GET", "/log", "")), json!([]));
}
