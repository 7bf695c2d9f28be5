//! Where a missing Docker comes from. The repository and its key are settings of the environment alone, and not
//! saved: a run that finds Docker needs neither, and one that was cut off is run again as it was.

use url::Url;

use super::usage;
use crate::fault::Result;
use crate::resource::{DEFAULT_KEY, DEFAULT_URL, Docker, DockerSource, Repository};

const URL: &str = "STREAMHUB_DOCKER_REPO_URL";
const KEY: &str = "STREAMHUB_DOCKER_KEY_FINGERPRINT";

/// `source` is one of the flag's values.
pub(super) fn docker(source: Option<&str>) -> Result<Docker> {
    let source = match source {
        Some("docker") => DockerSource::Docker,
        Some("distro") => DockerSource::Distro,
        Some("none") => DockerSource::Nowhere,
        _ => DockerSource::Auto,
    };
    let key = match variable(KEY) {
        None => DEFAULT_KEY,
        Some(text) => text.parse().map_err(|why| {
            usage(
                KEY,
                &text,
                why,
                "the 40 hexadecimal digits of a fingerprint",
            )
        })?,
    };
    let url = variable(URL).unwrap_or_else(|| DEFAULT_URL.to_owned());
    Ok(Docker {
        source,
        repository: Repository::new(&https_url(&url)?, key),
    })
}

/// An empty variable counts as unset.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn https_url(text: &str) -> Result<Url> {
    let bad = |why: &str| {
        let takes = "an address such as https://mirror.example.com/docker/linux/ubuntu";
        usage(URL, text, why, takes)
    };
    let url = Url::parse(text).map_err(|e| bad(&e.to_string()))?;
    if url.scheme() != "https" {
        return Err(bad("it is not https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The refusal shows the address, and not what must stay unseen in it.
        url.password().map(crate::secret::Secret::new);
        return Err(bad("it carries a login"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it carries a query or a fragment"));
    }
    Ok(url)
}
