//! Files on a running host.

use std::fs;
use std::path::Path;

use crate::host::Host;
use crate::program::program;

impl Host {
    /// Writes a file with this mode, owned by root, in place of what was there; its directory is made if need be.
    #[track_caller]
    pub fn write(&self, path: &str, bytes: impl Into<Vec<u8>>, mode: u32) {
        let mode = format!("--mode={mode:04o}");
        self.command(["install", "-D", &mode, "/dev/stdin", path])
            .stdin(bytes)
            .ok();
    }

    /// A file's text; panics if there is none.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        self.command(["cat", path]).ok()
    }

    pub fn has(&self, path: &str) -> bool {
        self.run(["test", "-e", path]).code == 0
    }

    /// Trusts this authority, as PEM, in the system's own store, beside those that were added under other names.
    #[track_caller]
    pub fn trust(&self, name: &str, authority: &str) {
        let path = format!("/usr/local/share/ca-certificates/{name}.crt");
        self.write(&path, authority, 0o644);
        self.sh_ok("update-ca-certificates");
    }

    /// Copies a file of this machine to the host, executable if it is so here.
    #[track_caller]
    pub fn push(&self, local: &Path, path: &str) {
        use std::os::unix::fs::PermissionsExt;
        let bytes = fs::read(local).unwrap_or_else(|e| panic!("{}: {e}", local.display()));
        let mode = fs::metadata(local)
            .expect("it was just read")
            .permissions()
            .mode()
            & 0o777;
        self.write(path, bytes, mode);
    }

    /// Puts the program under test at `/root/streamhub-install`.
    #[track_caller]
    pub fn push_program(&self) {
        self.push(&program(), "/root/streamhub-install");
    }
}
