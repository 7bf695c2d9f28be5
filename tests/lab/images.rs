//! Images for the hosts' Docker: nothing can be pulled in the lab, so they are imported under the names that are wanted.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::Layer;
use crate::host::Host;
use crate::place::built_once;
use crate::process::must;
use crate::program::standin;

/// An image that holds a few files and nothing else.
#[derive(Clone, Debug)]
pub struct Image {
    /// Name and tag.
    reference: String,
    /// Where a file is in the image, and where on this machine it comes from.
    files: Vec<(String, PathBuf)>,
    /// Symbolic links, and where they point.
    links: Vec<(String, String)>,
    /// Instructions as of a Dockerfile: what `docker import --change` takes.
    changes: Vec<String>,
}

impl Image {
    /// One that runs this static program, which is put into its root directory.
    pub fn of_program(reference: &str, program: &Path) -> Self {
        let name = program
            .file_name()
            .expect("a program has a name")
            .to_string_lossy();
        let image = Self {
            reference: reference.to_owned(),
            files: Vec::new(),
            links: Vec::new(),
            changes: vec![format!("ENTRYPOINT [\"/{name}\"]")],
        };
        image.with_file(&format!("/{name}"), program)
    }

    /// With another file of this machine at an absolute path.
    pub fn with_file(mut self, path: &str, local: &Path) -> Self {
        self.files.push((path.to_owned(), local.to_owned()));
        self
    }

    pub fn with_link(mut self, path: &str, target: &str) -> Self {
        self.links.push((path.to_owned(), target.to_owned()));
        self
    }

    /// With a program of the hosts' base, at `to`, and the shared libraries that it needs.
    fn with_program_of_base(mut self, program: &str, to: &str) -> Self {
        let base = Layer::Bare.directories().pop().expect("there is one");
        let needs = must("chroot", &[&base.to_string_lossy(), "ldd", program]);
        let libraries = needs
            .split_whitespace()
            .filter(|word| word.starts_with('/'));
        for library in libraries {
            let local = base.join(library.trim_start_matches('/'));
            self = self.with_file(library, &local);
        }
        let local = base.join(program.trim_start_matches('/'));
        self.with_file(to, &local)
    }

    /// With one more instruction, such as `USER 1001:0`.
    pub fn with_change(mut self, change: &str) -> Self {
        self.changes.push(change.to_owned());
        self
    }

    /// What it is made of, files included: equal for equal images.
    fn made_of(&self) -> Vec<Vec<u8>> {
        let mut parts = vec![self.reference.clone().into_bytes()];
        parts.extend(self.changes.iter().map(|c| c.clone().into_bytes()));
        for (path, target) in &self.links {
            parts.push(format!("{path} -> {target}").into_bytes());
        }
        for (path, local) in &self.files {
            parts.push(path.clone().into_bytes());
            parts.push(fs::read(local).unwrap_or_else(|e| panic!("{}: {e}", local.display())));
        }
        parts
    }
}

/// The stand-ins for LiveKit's three services under the names of the real ones.
pub fn livekit() -> Vec<Image> {
    vec![
        Image::of_program("livekit/livekit-server:v1.8.4", &standin("livekit-server")),
        Image::of_program("livekit/ingress:latest", &standin("ingress")),
        Image::of_program("livekit/egress:latest", &standin("egress")).with_change("USER 1001:0"),
    ]
}

/// Debian's redis in the shape of the official image: its paths, its user, its entrypoint, and a shell.
pub fn redis() -> Image {
    let base = Layer::Bare.directories().pop().expect("there is one");
    let entrypoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/redis-entrypoint.sh");
    let mut image = Image::of_program("redis:7-alpine", &base.join("bin/busybox"))
        .with_program_of_base("/usr/bin/redis-server", "/usr/local/bin/redis-server")
        .with_program_of_base("/usr/bin/redis-cli", "/usr/local/bin/redis-cli")
        .with_program_of_base("/usr/bin/setpriv", "/bin/setpriv")
        .with_file("/usr/local/bin/docker-entrypoint.sh", &entrypoint);
    for tool in ["sh", "id", "find", "chown", "grep", "cat"] {
        image = image.with_link(&format!("/bin/{tool}"), "/busybox");
    }
    image
        .with_change("ENTRYPOINT [\"docker-entrypoint.sh\"]")
        .with_change("CMD [\"redis-server\"]")
        .with_change("WORKDIR /data")
        .with_change("VOLUME /data")
        .with_change("EXPOSE 6379")
}

/// A `/var/lib/docker` that holds these images, to be copied for each host: importing them anew would cost each boot
/// more than the boot. Nothing for no images.
pub fn storage(images: &[Image]) -> Option<PathBuf> {
    if images.is_empty() {
        return None;
    }
    // Another layer may bring another Docker, which may store images in another way.
    let layers = format!("{:?}", Layer::Docker.directories()).into_bytes();
    let parts: Vec<Vec<u8>> = std::iter::once(layers)
        .chain(images.iter().flat_map(Image::made_of))
        .collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let built = built_once("images", &parts, |dir| {
        let host = Host::named("images").with_docker().boot();
        for image in images {
            host.import(image);
        }
        host.sh_ok("systemctl stop docker.socket docker.service containerd.service");
        // The engine's own name: each host's is made at its first start.
        host.sh_ok("rm -f /var/lib/docker/engine-id");
        let from = host.storage("docker");
        must(
            "cp",
            &["--archive", &from.to_string_lossy(), &dir.to_string_lossy()],
        );
    });
    Some(built.join("docker"))
}

impl Host {
    /// Imports an image into the host's running Docker.
    #[track_caller]
    pub fn import(&self, image: &Image) {
        let staging = tempfile::tempdir().expect("this machine has room");
        for (path, local) in &image.files {
            let at = staging.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(at.parent().expect("it is below the root")).expect("just made");
            fs::copy(local, &at).unwrap_or_else(|e| panic!("{}: {e}", local.display()));
        }
        for (path, target) in &image.links {
            let at = staging.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(at.parent().expect("it is below the root")).expect("just made");
            std::os::unix::fs::symlink(target, at).expect("just made");
        }
        // What Docker mounts into a container needs to be there, and programs expect a place for temporary files.
        for directory in ["etc", "tmp"] {
            fs::create_dir_all(staging.path().join(directory)).expect("just made");
        }
        let tar = staging.path().join("image.tar");
        let (from, to) = (staging.path().to_string_lossy(), tar.to_string_lossy());
        must(
            "tar",
            &[
                "--create",
                "--file",
                &to,
                "--owner=0",
                "--group=0",
                "--exclude=./image.tar",
                "--directory",
                &from,
                ".",
            ],
        );
        let mut args = vec!["docker".to_owned(), "import".to_owned()];
        for change in &image.changes {
            args.extend(["--change".to_owned(), change.clone()]);
        }
        args.extend(["-".to_owned(), image.reference.clone()]);
        self.command(args)
            .stdin(fs::read(&tar).expect("it was just written"))
            .ok();
    }
}
