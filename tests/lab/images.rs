//! Images for the hosts' Docker: nothing can be pulled in the lab, so they are imported under the names that are wanted.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::{Layer, tool};
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
    pub fn empty(reference: &str) -> Self {
        Self {
            reference: reference.to_owned(),
            files: Vec::new(),
            links: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// One that runs this static program, which is put into its root directory.
    pub fn of_program(reference: &str, program: &Path) -> Self {
        let name = program
            .file_name()
            .expect("a program has a name")
            .to_string_lossy();
        Self::empty(reference)
            .with_file(&format!("/{name}"), program)
            .with_change(&format!("ENTRYPOINT [\"/{name}\"]"))
    }

    /// A stranger's, `lab/busybox:1`: its entry point is busybox.
    pub fn busybox() -> Self {
        let base = Layer::Bare.directories().pop().expect("there is one");
        Self::of_program("lab/busybox:1", &base.join("bin/busybox"))
    }

    /// One with a shell and these programs beside it, as images are where they are made of Alpine.
    fn with_shell(reference: &str, tools: &[&str]) -> Self {
        let base = Layer::Bare.directories().pop().expect("there is one");
        let image = Self::empty(reference).with_file("/busybox", &base.join("bin/busybox"));
        let link = |image: Self, tool: &&str| image.with_link(&format!("/bin/{tool}"), "/busybox");
        tools.iter().fold(image, link)
    }

    /// Its name and tag.
    pub fn reference(&self) -> &str {
        &self.reference
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
    fn with_program_of_base(self, program: &str, to: &str) -> Self {
        let base = Layer::Bare.directories().pop().expect("there is one");
        self.with_program(&base.join(program.trim_start_matches('/')), to)
    }

    /// With a program that runs on the hosts' base, at `to`, and the shared libraries that it needs from there.
    fn with_program(mut self, program: &Path, to: &str) -> Self {
        let base = Layer::Bare.directories().pop().expect("there is one");
        let root = base.to_string_lossy();
        let loader = format!("{root}{LOADER}");
        let libraries = format!("{root}/usr/lib/x86_64-linux-gnu");
        let looked_at = program.to_string_lossy();
        let needs = must(
            &loader,
            &[
                "--inhibit-cache",
                "--library-path",
                &libraries,
                "--list",
                &looked_at,
            ],
        );
        for local in needs.split_whitespace() {
            if let Some(library) = local.strip_prefix(&*root) {
                self = self.with_file(library, Path::new(local));
            }
        }
        self.with_file(LOADER, Path::new(&loader))
            .with_file(to, program)
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
    let entrypoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/redis-entrypoint.sh");
    let tools = ["sh", "id", "find", "chown", "grep", "cat"];
    Image::with_shell("redis:7-alpine", &tools)
        .with_program_of_base("/usr/bin/redis-server", "/usr/local/bin/redis-server")
        .with_program_of_base("/usr/bin/redis-cli", "/usr/local/bin/redis-cli")
        .with_program_of_base("/usr/bin/setpriv", "/bin/setpriv")
        .with_file("/usr/local/bin/docker-entrypoint.sh", &entrypoint)
        .with_change("ENTRYPOINT [\"docker-entrypoint.sh\"]")
        .with_change("CMD [\"redis-server\"]")
        .with_change("WORKDIR /data")
        .with_change("VOLUME /data")
        .with_change("EXPOSE 6379")
}

/// What the core's `deploy/Dockerfile` starts from, so that it can be built without a registry: the stand-in for the core
/// under the name of the program that runs the real one.
pub fn node() -> Image {
    Image::with_shell("node:22-alpine", &["sh", "ls", "cat", "env"])
        .with_file("/usr/local/bin/node", &standin("node"))
        .with_change("ENV STANDIN_CONTROL=127.0.0.1:3999")
        .with_change("CMD [\"node\"]")
}

/// The name of the prebuilt image of the core, as `--core-image` is given it.
pub const CORE: &str = "registry.example.com/streamhub-core:0.1.0";

/// The same as a build of the source tree makes it, under this name.
pub fn core(reference: &str) -> Image {
    let mut image = node();
    reference.clone_into(&mut image.reference);
    image
        .with_file("/app/package.json", &tree("server/package.json"))
        .with_file("/app/dist/main.js", &tree("server/dist/main.js"))
        .with_file("/app/deploy/seed-token.js", &tree("deploy/seed-token.js"))
        .with_change("WORKDIR /app")
        .with_change("CMD [\"node\", \"dist/main.js\"]")
}

/// Debian's Caddy in the shape of the official image.
pub fn caddy() -> Image {
    let base = Layer::Bare.directories().pop().expect("there is one");
    Image::with_shell("caddy:2-alpine", &["sh", "ls", "cat"])
        .with_program(&tool("caddy"), "/usr/bin/caddy")
        .with_file(CERTIFICATES, &base.join(CERTIFICATES.trim_start_matches('/')))
        .with_file("/etc/caddy/Caddyfile", &tree("deploy/Caddyfile"))
        .with_change("ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data")
        .with_change("WORKDIR /srv")
        .with_change(
            "CMD [\"caddy\", \"run\", \"--config\", \"/etc/caddy/Caddyfile\", \"--adapter\", \"caddyfile\"]",
        )
}

/// What starts every program that is not static.
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// All that an origin behind nginx runs, its core to be built or prebuilt.
pub fn origin() -> Vec<Image> {
    [livekit(), vec![redis(), node(), core(CORE)]].concat()
}

/// A file of the source tree that lab hosts install from.
pub fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/lab/streamhub_tree")
        .join(path)
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
