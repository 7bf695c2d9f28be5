//! What an installed core keeps below its DATA_DIR. **JSON files, in the place of SQLite**: the nodes, and the API tokens
//! as their digests. The core writes the former and the seeder the latter, so they are two.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ring::digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const NODES: &str = "nodes.json";
const TOKENS: &str = "api-tokens.json";

#[derive(Serialize, Deserialize)]
struct ApiToken {
    name: String,
    scope: String,
    sha256: String,
}

#[derive(Debug, Clone)]
pub struct Database {
    dir: PathBuf,
}

impl Database {
    /// The one of a core with this DATA_DIR; what is not there yet reads as empty.
    pub fn below(data_dir: &Path) -> Database {
        Database {
            dir: data_dir.join("db"),
        }
    }

    pub fn nodes<T: DeserializeOwned + Default>(&self) -> io::Result<T> {
        self.read(NODES)
    }

    pub fn save_nodes(&self, nodes: &impl Serialize) -> io::Result<()> {
        self.write(NODES, nodes)
    }

    /// Whether this API token was seeded.
    pub fn knows(&self, token: &str) -> bool {
        let wanted = sha256(token);
        let tokens: Vec<ApiToken> = self.read(TOKENS).unwrap_or_default();
        tokens.iter().any(|token| token.sha256 == wanted)
    }

    /// Adds an API token of global scope, unless there is one already. Tells whether it did.
    pub fn seed(&self, token: &str, name: &str) -> io::Result<bool> {
        let mut tokens: Vec<ApiToken> = self.read(TOKENS)?;
        if tokens.iter().any(|token| token.scope == "global") {
            return Ok(false);
        }
        tokens.push(ApiToken {
            name: name.to_owned(),
            scope: "global".to_owned(),
            sha256: sha256(token),
        });
        self.write(TOKENS, &tokens)?;
        Ok(true)
    }

    fn read<T: DeserializeOwned + Default>(&self, name: &str) -> io::Result<T> {
        match fs::read(self.dir.join(name)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
            Err(error) => Err(error),
        }
    }

    /// Whole or not at all, as SQLite would: a core is killed in the middle of many a test.
    fn write(&self, name: &str, value: &impl Serialize) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let new = self.dir.join(format!("{name}.new"));
        fs::write(
            &new,
            serde_json::to_vec_pretty(value).map_err(io::Error::other)?,
        )?;
        fs::rename(new, self.dir.join(name))
    }
}

fn sha256(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
