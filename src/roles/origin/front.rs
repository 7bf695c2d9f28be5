//! What stands before an origin's core: nginx with certbot, or Caddy as one of the stack's services.

use std::path::PathBuf;

use url::Url;

use crate::resource::{CaddyCertificate, Certificate, Packages, Resource, Resources, Site};
use crate::settings::{Core, Domain, Origin, Proxy, Settings};

/// The packages that it takes.
pub(super) fn packages(origin: &Origin) -> Resources {
    let mut wanted = Resources::new();
    if matches!(origin.core, Core::Built(_)) {
        wanted.push(Box::new(Packages {
            names: &["git"],
            why: "the source",
        }));
    }
    if origin.proxy == Proxy::Nginx {
        wanted.push(Box::new(Packages {
            names: &["nginx"],
            why: "the site",
        }));
        if origin.tls {
            wanted.push(Box::new(Packages {
                names: &["certbot", "python3-certbot-nginx"],
                why: "the certificate",
            }));
        }
    }
    wanted
}

/// What stands before the core; Caddy is one of the stack's services.
pub(super) fn site(settings: &Settings, origin: &Origin, email: String) -> Resources {
    if origin.proxy == Proxy::Caddy {
        let certificate = CaddyCertificate {
            domain: origin.domain.to_string(),
            volume: format!("{}_caddy_data", settings.project),
        };
        let wanted = origin
            .tls
            .then(|| Box::new(certificate) as Box<dyn Resource>);
        return wanted.into_iter().collect();
    }
    let is_catch_all = matches!(origin.domain, Domain::Address(_));
    let name = origin.domain.to_string();
    let mut wanted: Resources = vec![Box::new(Site {
        server_name: if is_catch_all {
            "_".to_owned()
        } else {
            name.clone()
        },
        domain: name.clone(),
        is_catch_all,
        core_port: origin.port,
        cluster: origin.redis.bind.map(|ip| (ip, origin.port)),
    })];
    if origin.tls {
        wanted.push(Box::new(Certificate {
            domain: name,
            email,
            directory: origin.acme_directory.as_ref().map(Url::to_string),
            ca_file: origin.acme_ca_file.as_ref().map(PathBuf::from),
        }));
    }
    wanted
}
