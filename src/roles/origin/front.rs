//! What stands before an origin's core: nginx with certbot, or Caddy as one of the stack's services.

use std::path::PathBuf;

use url::Url;

use crate::fault::Result;
use crate::resource::{
    CaddyCertificate, Certificate, NoClusterSite, NoService, Packages, Resource, Resources, Site,
    caddy_volume,
};
use crate::settings::{Core, Domain, Origin, Proxy, Settings};

/// The packages that it takes.
pub(super) fn packages(origin: &Origin) -> Resources {
    let mut wanted = Resources::new();
    if matches!(origin.core, Core::Built(_)) {
        wanted.push(Box::new(Packages {
            names: &["git"],
            why: "the source",
            program: None,
        }));
    }
    if origin.proxy == Proxy::Nginx {
        wanted.push(Box::new(Packages {
            names: &["nginx"],
            why: "the site",
            program: None,
        }));
        if origin.tls {
            wanted.push(Box::new(Packages {
                names: &["certbot", "python3-certbot-nginx"],
                why: "the certificate",
                program: Some("certbot"),
            }));
        }
    }
    wanted
}

/// What has to give way before the core starts: an address that it is going to listen on itself.
pub(super) fn no_cluster_site(origin: &Origin) -> Option<Box<dyn Resource>> {
    let gives_way = origin.proxy == Proxy::Nginx && origin.exposed_on.is_some();
    gives_way.then(|| Box::new(NoClusterSite) as Box<dyn Resource>)
}

/// What stands before the core; Caddy is one of the stack's services.
pub(super) fn site(settings: &Settings, origin: &Origin) -> Result<Resources> {
    let certificate = certificate(settings, origin)?;
    if origin.proxy == Proxy::Caddy {
        return Ok(certificate.into_iter().collect());
    }
    let is_catch_all = matches!(origin.domain, Domain::Address(_));
    // It would hold the ports that nginx needs.
    let no_caddy = NoService {
        name: super::CADDY.name,
        why: "nginx stands before the core",
        project: settings.project.clone(),
        dir: settings.dir.clone(),
    };
    let mut wanted: Resources = vec![Box::new(no_caddy)];
    wanted.push(Box::new(Site {
        server_name: if is_catch_all {
            "_".to_owned()
        } else {
            origin.domain.to_string()
        },
        domain: origin.site.clone(),
        is_catch_all,
        without_tls: origin.drops_tls,
        core_port: origin.port,
        cluster: origin.cluster_api().map(|ip| (ip, origin.port)),
    }));
    wanted.extend(certificate);
    Ok(wanted)
}

/// The certificate that is wanted, if one is.
///
/// # Errors
/// If only compose can tell whom the ACME server may write to.
pub fn certificate(settings: &Settings, origin: &Origin) -> Result<Option<Box<dyn Resource>>> {
    let domain = origin.domain.to_string();
    Ok(match (origin.tls, origin.proxy) {
        (false, _) => None,
        (true, Proxy::Caddy) => Some(Box::new(CaddyCertificate {
            domain,
            volume: caddy_volume(&settings.project),
        })),
        (true, Proxy::Nginx) => Some(Box::new(Certificate {
            domain,
            site: origin.site.clone(),
            email: super::env::email(origin)?,
            directory: origin.acme_directory.as_ref().map(Url::to_string),
            is_named: origin.acme_is_named,
            ca_file: origin.acme_ca_file.as_ref().map(PathBuf::from),
        })),
    })
}
