//! The tokens: by flag, file, standard input or environment.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc;

use crate::cli::Given;
use crate::fault::{Exit, Fault, Result};
use crate::secret::Secret;
use crate::signals;

/// A token is a line of text; what is longer is the wrong file.
const LONGEST_TOKEN_FILE: u64 = 4096;

/// A flag's token, then the environment's; of either way the value itself before a file.
pub(super) fn join_token(given: &Given) -> Result<Option<Secret>> {
    let flags = &given.cli.install;
    if given.by_flag("master_token") && given.by_flag("master_token_file") {
        return Err(Fault::new(
            Exit::Usage,
            "--master-token and --master-token-file exclude each other",
        )
        .fix("pass --master-token-file alone: everybody on this machine can read --master-token")
        .into());
    }
    let value = flags.master_token.as_deref();
    let file = flags.master_token_file.as_deref();
    let file_first = given.by_flag("master_token_file");
    match (value, file) {
        (Some(value), _) if !file_first => checked("--master-token", value).map(Some),
        (_, Some(path)) => {
            let text = token_file("--master-token-file", path)?;
            checked("--master-token-file", &text).map(Some)
        }
        _ => Ok(None),
    }
}

fn checked(flag: &str, text: &str) -> Result<Secret> {
    let token = Secret::new(text);
    if text.starts_with("sk_") {
        return Err(Fault::new(Exit::Usage, format!("{flag} holds an API token (sk_…), not a join token"))
            .fix("a join token starts with clt_: the origin's dashboard shows it, and its .env as STREAMHUB_CLUSTER_TOKEN")
            .into());
    }
    header_safe(flag, token)
}

/// An operator's API token: from the file, else from the environment.
///
/// # Errors
/// [`Exit::Usage`] if it can't be read, or is none.
pub fn api_token(file: Option<&Path>) -> Result<Option<Secret>> {
    if let Some(path) = file {
        let text = token_file("--api-token-file", path)?;
        return header_safe("--api-token-file", Secret::new(text)).map(Some);
    }
    match std::env::var("STREAMHUB_API_TOKEN") {
        Ok(text) if !text.is_empty() => {
            header_safe("STREAMHUB_API_TOKEN", Secret::new(text)).map(Some)
        }
        _ => Ok(None),
    }
}

fn header_safe(flag: &str, token: Secret) -> Result<Secret> {
    let fits = |c: char| c.is_ascii_graphic() && !"'\"\\".contains(c);
    if token.expose().is_empty() || token.expose().len() > 512 || !token.expose().chars().all(fits)
    {
        return Err(Fault::new(Exit::Usage, format!("{flag} holds no token"))
            .fix("a token is one line of letters, digits and signs, without spaces and quotes")
            .into());
    }
    Ok(token)
}

fn token_file(flag: &str, path: &Path) -> Result<String> {
    let read = if path == Path::new("-") {
        first_line_of_stdin()?
    } else {
        whole_file(path)
    };
    let text = read.map_err(|e| {
        let what = format!("{flag} {} can't be read: {e}", path.display());
        Fault::new(Exit::Usage, what).fix(format!(
            "{flag} takes the path of a file that holds the token and nothing else"
        ))
    })?;
    Ok(text.trim().to_owned())
}

fn whole_file(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(LONGEST_TOKEN_FILE).read_to_string(&mut text)?;
    Ok(text)
}

fn first_line(source: impl Read) -> std::io::Result<String> {
    let mut line = String::new();
    BufReader::new(source.take(LONGEST_TOKEN_FILE)).read_line(&mut line)?;
    Ok(line)
}

/// Read apart, so that Ctrl-C ends the wait for somebody who types.
fn first_line_of_stdin() -> Result<std::io::Result<String>> {
    let (sender, receiver) = mpsc::channel();
    // The thread ends with its line, or with the program.
    std::thread::spawn(move || sender.send(first_line(std::io::stdin())));
    loop {
        match receiver.recv_timeout(signals::TICK) {
            Ok(line) => return Ok(line),
            Err(_) => signals::check()?,
        }
    }
}
