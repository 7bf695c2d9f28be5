//! Certificates that prove nothing.

use standins::{Config, tls::Authority};

use crate::place::Place;

fn with_certificate(identity: standins::tls::Identity) -> Place {
    Place::with(Config {
        tls: Some(identity),
        ..Config::default()
    })
}

/// Few enough that nobody takes them for an attack.
const FEW: usize = 3;

#[test]
fn a_certificate_that_proves_nothing_is_refused_with_its_cause() {
    let authority = Authority::new();
    let pem = |place: &Place| {
        let path = place.path("ca.pem");
        std::fs::write(&path, authority.certificate()).unwrap();
        path.display().to_string()
    };
    // From an authority that nobody here trusts.
    let place = with_certificate(authority.sign(&["127.0.0.1"]));
    place.join(&[]).expect(4, &["[origin]", "UnknownIssuer"]);
    assert!(place.requests().len() <= FEW && place.joins() == 0);
    // Which it is told to trust.
    let ca = pem(&place);
    place.join(&["--master-ca-file", &ca]).expect(6, &[]);
    assert_eq!(place.joins(), 1);

    let place = with_certificate(authority.sign_expired(&["127.0.0.1"]));
    let ca = pem(&place);
    place
        .join(&["--master-ca-file", &ca])
        .expect(4, &["[origin]", "xpired", "compare both clocks"]);
    assert!(place.requests().len() <= FEW && place.joins() == 0);

    let place = with_certificate(authority.sign(&["media.example.com"]));
    let ca = pem(&place);
    place
        .join(&["--master-ca-file", &ca])
        .expect(4, &["[origin]", "not valid for name"]);
    assert!(place.requests().len() <= FEW && place.joins() == 0);
    assert!(!place.has_joined());
}
