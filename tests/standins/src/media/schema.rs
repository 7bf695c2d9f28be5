//! The fields that the services' configurations have.

use crate::yaml::{Kind, Type};

use Kind::{Any, Fields, Flag, List, Number, Text, Texts};

static REDIS_TLS: Type = Type {
    name: "redis.TLSConfig",
    fields: &[
        ("enabled", Flag),
        ("insecure", Flag),
        ("server_name", Text),
        ("ca_cert_file", Text),
        ("client_cert_file", Text),
        ("client_key_file", Text),
    ],
};

static REDIS: Type = Type {
    name: "redis.RedisConfig",
    fields: &[
        ("address", Text),
        ("username", Text),
        ("password", Text),
        ("db", Number),
        ("use_tls", Flag),
        ("tls", Fields(&REDIS_TLS)),
        ("sentinel_master_name", Text),
        ("sentinel_username", Text),
        ("sentinel_password", Text),
        ("sentinel_addresses", List(&Text)),
        ("cluster_addresses", List(&Text)),
        ("dial_timeout", Number),
        ("read_timeout", Number),
        ("write_timeout", Number),
        ("max_redirects", Number),
        ("pool_size", Number),
    ],
};

static LOGGING: Type = Type {
    name: "logger.Config",
    fields: &[
        ("level", Text),
        ("json", Flag),
        ("sample", Flag),
        ("pion_level", Text),
        ("component_levels", Texts),
    ],
};

static RTC: Type = Type {
    name: "config.RTCConfig",
    fields: &[
        ("tcp_port", Number),
        ("udp_port", Number),
        ("port_range_start", Number),
        ("port_range_end", Number),
        ("use_external_ip", Flag),
        ("use_ice_lite", Flag),
        ("enable_loopback_candidate", Flag),
        ("node_ip", Text),
        ("stun_servers", List(&Text)),
        ("turn_servers", Any),
        ("interfaces", Any),
        ("ips", Any),
        ("allow_tcp_fallback", Flag),
        ("force_tcp", Flag),
        ("congestion_control", Any),
        ("packet_buffer_size", Number),
        ("pli_throttle", Any),
        ("use_mdns", Flag),
    ],
};

static WEBHOOK: Type = Type {
    name: "webhook.WebHookConfig",
    fields: &[("api_key", Text), ("urls", List(&Text))],
};

static TURN: Type = Type {
    name: "config.TURNConfig",
    fields: &[
        ("enabled", Flag),
        ("domain", Text),
        ("cert_file", Text),
        ("key_file", Text),
        ("tls_port", Number),
        ("udp_port", Number),
        ("relay_range_start", Number),
        ("relay_range_end", Number),
        ("external_tls", Flag),
    ],
};

static PROMETHEUS: Type = Type {
    name: "config.PrometheusConfig",
    fields: &[("port", Number), ("username", Text), ("password", Text)],
};

pub static LIVEKIT: Type = Type {
    name: "config.Config",
    fields: &[
        ("port", Number),
        ("bind_addresses", List(&Text)),
        ("rtc", Fields(&RTC)),
        ("redis", Fields(&REDIS)),
        ("keys", Texts),
        ("key_file", Text),
        ("webhook", Fields(&WEBHOOK)),
        ("turn", Fields(&TURN)),
        ("logging", Fields(&LOGGING)),
        ("log_level", Text),
        ("prometheus_port", Number),
        ("prometheus", Fields(&PROMETHEUS)),
        ("region", Text),
        ("room", Any),
        ("audio", Any),
        ("video", Any),
        ("limit", Any),
        ("node_selector", Any),
        ("signal_relay", Any),
        ("psrpc", Any),
        ("ingress", Any),
        ("sip", Any),
        ("development", Flag),
    ],
};

pub static INGRESS: Type = Type {
    name: "config.Config",
    fields: &[
        ("redis", Fields(&REDIS)),
        ("ws_url", Text),
        ("api_key", Text),
        ("api_secret", Text),
        ("rtmp_port", Number),
        ("whip_port", Number),
        ("http_relay_port", Number),
        ("health_port", Number),
        ("prometheus_port", Number),
        ("logging", Fields(&LOGGING)),
        ("development", Flag),
        ("cpu_cost", Any),
        ("rtc_config", Fields(&RTC)),
    ],
};

pub static EGRESS: Type = Type {
    name: "config.ServiceConfig",
    fields: &[
        ("redis", Fields(&REDIS)),
        ("ws_url", Text),
        ("api_key", Text),
        ("api_secret", Text),
        ("insecure", Flag),
        ("log_level", Text),
        ("logging", Fields(&LOGGING)),
        ("health_port", Number),
        ("prometheus_port", Number),
        ("template_base", Text),
        ("template_port", Number),
        ("cpu_cost", Any),
        ("session_limits", Any),
        ("storage", Any),
        ("backup_storage", Any),
        ("enable_chrome_sandbox", Flag),
        ("max_upload_queue", Number),
        ("debug", Any),
    ],
};
