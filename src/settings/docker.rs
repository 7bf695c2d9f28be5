//! Where a missing Docker comes from. The repository and its key are settings of the environment alone, and not
//! saved: a run that finds Docker needs neither, and one that was cut off is run again as it was.

use super::address::address;
use super::{usage, variable};
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
    let takes = "an address such as https://mirror.example.com/docker/linux/ubuntu";
    let url = address(URL, &url, &["https"], takes)?;
    Ok(Docker {
        source,
        repository: Repository::new(&url, key),
    })
}
