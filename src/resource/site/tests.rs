use std::fs;

use super::*;
use crate::fault::Fault;
use crate::receipt::{Receipt, Role};

fn site() -> Site {
    Site {
        domain: "live.example.com".to_owned(),
        server_name: "live.example.com".to_owned(),
        is_catch_all: false,
        without_tls: false,
        core_port: 3020,
        cluster: None,
    }
}

fn catch_all() -> Site {
    Site {
        domain: "203.0.113.7".to_owned(),
        server_name: "_".to_owned(),
        is_catch_all: true,
        cluster: Some(("fd00::1".parse().unwrap(), 3020)),
        ..site()
    }
}

/// A tree with these files, and IPv6.
fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let root = tempfile::tempdir().unwrap();
    let main = (
        "/etc/nginx/nginx.conf",
        "http { include /etc/nginx/sites-enabled/*; }",
    );
    for (path, text) in [main, ("/proc/net/if_inet6", "")].iter().chain(files) {
        let path = root.path().join(&path[1..]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let host = Host::new(root.path());
    (root, host)
}

fn made(site: &Site, host: &Host) -> String {
    let to_make = site.to_make(host).unwrap();
    make(host, &to_make).unwrap();
    let mut shown = String::new();
    for (piece, _) in to_make {
        shown += &match Standing::look(host, &piece.path).unwrap() {
            Standing::Text(text) => {
                format!(
                    "--- {}\n{}\n",
                    piece.path.display(),
                    String::from_utf8_lossy(&text)
                )
            }
            other => format!("--- {}\n{other:?}\n\n", piece.path.display()),
        };
    }
    shown
}

#[test]
fn a_name_gets_a_site_that_includes_the_routes() {
    let (_root, host) = host(&[]);
    insta::assert_snapshot!(made(&site(), &host));
    assert!(site().to_make(&host).unwrap().is_empty());
}

#[test]
fn an_address_answers_for_every_name_and_offers_the_cluster_its_api() {
    let (_root, host) = host(&[]);
    insta::assert_snapshot!(made(&catch_all(), &host));
    // And back again.
    let alone = Site {
        cluster: None,
        ..catch_all()
    };
    assert_eq!(
        made(&alone, &host),
        "--- /etc/nginx/sites-enabled/streamhub-cluster\nNothing\n\n\
         --- /etc/nginx/sites-available/streamhub-cluster\nNothing\n\n"
    );
}

#[test]
fn what_certbot_and_the_operator_added_stays_when_the_routes_change() {
    let (_root, host) = host(&[]);
    made(&site(), &host);
    let path = site_path("live.example.com");
    let edited = host.read_text(&path).unwrap().unwrap().replace(
        "listen 80;",
        "listen 443 ssl; # managed by Certbot\n    ssl_certificate /etc/letsencrypt/live/live.example.com/fullchain.pem;",
    );
    host.write(&path, edited.as_bytes(), 0o644).unwrap();
    let moved = Site {
        core_port: 3999,
        ..site()
    };
    let shown = made(&moved, &host);
    assert!(
        shown.starts_with(&format!("--- {ROUTES}\n")) && shown.contains("127.0.0.1:3999"),
        "{shown}"
    );
    assert_eq!(shown.matches("\n--- ").count(), 0, "{shown}");
    assert_eq!(host.read_text(&path).unwrap().unwrap(), edited);
}

#[test]
fn an_operators_site_is_never_taken_for_ours_nor_put_in_the_shade() {
    let shown = |site: &Site, files: &[(&str, &str)]| {
        let (_root, host) = host(files);
        let before = host.names_in(Path::new(ENABLED)).unwrap();
        let fault = Fault::of(&site.to_make(&host).unwrap_err());
        assert_eq!(host.names_in(Path::new(ENABLED)).unwrap(), before);
        format!("{}\n  {}\n", fault.what, fault.fix.unwrap())
    };
    let blog =
        "server { listen 80 default_server; server_name blog.example.com live.example.com; }";
    insta::assert_snapshot!(
        [
            shown(&catch_all(), &[("/etc/nginx/conf.d/blog.conf", blog)]),
            shown(&site(), &[("/etc/nginx/sites-enabled/blog", blog)]),
            shown(
                &site(),
                &[("/etc/nginx/sites-available/live.example.com", blog)]
            ),
            shown(
                &site(),
                &[("/etc/nginx/nginx.conf", "http { include conf.d/*.conf; }")]
            ),
        ]
        .concat()
    );
}

#[test]
fn what_an_operator_put_in_the_links_place_stays() {
    let enabled = "/etc/nginx/sites-enabled/live.example.com";
    let refused = |site: &Site, host: &Host, path: &str| {
        let before = Standing::look(host, Path::new(path)).unwrap();
        let fault = Fault::of(&site.apply(host).unwrap_err());
        assert_eq!(Standing::look(host, Path::new(path)).unwrap(), before);
        format!("{}\n  {}\n", fault.what, fault.fix.unwrap())
    };
    let blog = "server { server_name live.example.com; root /var/www; }";
    let (_root, alone) = host(&[(enabled, blog)]);
    let mut shown = refused(&site(), &alone, enabled);

    let (_root, both) = host(&[(enabled, blog)]);
    let ours = "server { server_name live.example.com; include snippets/streamhub.conf; }";
    both.make_dir(Path::new(AVAILABLE), 0o755).unwrap();
    both.write(&site_path("live.example.com"), ours.as_bytes(), 0o644)
        .unwrap();
    shown += &refused(&site(), &both, enabled);

    both.link(Path::new(enabled), Path::new("/srv/live.conf"))
        .unwrap();
    shown += &refused(&site(), &both, enabled);
    insta::assert_snapshot!(shown);

    // Another way to say the same.
    let same = Path::new("../sites-available/live.example.com");
    both.link(Path::new(enabled), same).unwrap();
    site().to_make(&both).unwrap();
    let cluster = "/etc/nginx/sites-enabled/streamhub-cluster";
    both.write(Path::new(cluster), blog.as_bytes(), 0o644)
        .unwrap();
    refused(&site(), &both, cluster);
}

#[test]
fn an_earlier_domains_site_gives_way() {
    let (_root, host) = host(&[]);
    let mut receipt = Receipt::new(Role::Origin, Path::new("/opt/streamhub"));
    let owned = catch_all().owned(&host);
    made(&catch_all(), &host);
    receipt.begin(&host, owned, true).unwrap();
    // An operator's other site began as a copy of ours.
    let ours = host.read(&site_path("203.0.113.7")).unwrap().unwrap();
    let copy = String::from_utf8(ours).unwrap();
    let copy = copy
        .replace(" default_server", "")
        .replace("server_name _", "server_name blog.example.com");
    host.write(&Path::new(ENABLED).join("blog"), copy.as_bytes(), 0o644)
        .unwrap();
    made(&site(), &host);
    assert_eq!(
        host.names_in(Path::new(ENABLED)).unwrap(),
        ["blog", "live.example.com"]
    );
    assert!(host.read(&site_path("203.0.113.7")).unwrap().is_some());
}

#[test]
fn what_is_new_is_ours_and_what_was_there_is_not() {
    let (_root, host) = host(&[]);
    let paths = |site: &Site| {
        let owned = site.owned(&host).into_iter();
        owned
            .map(|owned| match owned {
                Owned::File { path } => path.display().to_string(),
                other => format!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        paths(&site()),
        [
            ROUTES,
            "/etc/nginx/sites-available/live.example.com",
            "/etc/nginx/sites-enabled/live.example.com"
        ]
    );
    made(&site(), &host);
    let moved = Site {
        core_port: 3999,
        ..site()
    };
    assert_eq!(paths(&moved), Vec::<String>::new());
}

#[test]
fn caddy_gets_the_same_routes() {
    let shown = |caddy: minijinja::Value| {
        let images = context! { caddy => "caddy:2-alpine" };
        let digests = context! { caddy => "0123" };
        let values = context! { caddy, images, digests };
        ["origin/caddy.yml", "origin/caddy.config.yml"]
            .map(|part| render(part, values.clone()).unwrap())
            .concat()
    };
    let plain = context! { tls => false, cluster => "", acme_ca => "" };
    let whole = context! {
        tls => true,
        acme_directory => "https://acme.example.com/directory",
        acme_ca => "/etc/streamhub/acme-ca.pem",
        cluster => "fd00::1",
        cluster_paths => CLUSTER_PATHS.to_vec(),
    };
    insta::assert_snapshot!([shown(plain), shown(whole)].join("\n"));
}

#[test]
fn a_site_in_upper_case_is_the_predecessors_and_no_other_site_of_that_name() {
    let old = "server { server_name Live.Example.com; include snippets/streamhub.conf; }";
    let (_root, host) = host(&[
        ("/etc/nginx/sites-available/Live.Example.com", old),
        ("/etc/nginx/sites-enabled/Live.Example.com", old),
    ]);
    let link = Path::new("/etc/nginx/sites-enabled/Live.Example.com");
    host.link(link, &site_path("Live.Example.com")).unwrap();
    let name = site_name(&host, "live.example.com").unwrap();
    assert_eq!(name, "Live.Example.com");
    let site = Site {
        domain: name,
        ..site()
    };
    let to_make = site.to_make(&host).unwrap();
    let paths: Vec<_> = to_make.iter().map(|(piece, _)| &piece.path).collect();
    assert_eq!(paths, [Path::new(ROUTES)], "it stays as it is");
    assert_eq!(
        site_name(&host, "other.example.com").unwrap(),
        "other.example.com"
    );
}
