//! How StreamHub's own compose file starts redis. Where it listens and who may ask is ours to say; how it keeps its data
//! is not, or the same data would not be found again.

use yaml_rust2::Yaml;

use super::interpolated;
use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result};

/// The options that our configuration sets itself.
const OURS: &[&str] = &[
    "bind",
    "requirepass",
    "masterauth",
    "protected-mode",
    "port",
];
/// What makes a script of more than one command.
const SCRIPT: &[&str] = &[";", "&&", "||", "|", "if", "then"];

/// The other options of a service's command, as lines of a redis configuration, in their order.
///
/// # Errors
/// [`Exit::NotReady`] for a command that does not tell them for sure: losing one could lose data.
pub(super) fn options(command: &Yaml, env: &EnvFile) -> Result<Vec<String>> {
    let mut words = words(command)?.into_iter().peekable();
    while words.next_if(|word| word == "exec").is_some() {}
    match words.next() {
        None => return Ok(Vec::new()),
        Some(program) if program.ends_with("redis-server") => {}
        Some(program) => return Err(unknown(&format!("it runs {program}"))),
    }
    let mut options: Vec<Vec<String>> = Vec::new();
    for word in words {
        if let Some(name) = word.strip_prefix("--") {
            options.push(vec![name.to_owned()]);
        } else if is_a_password_if_there_is_one(&word) {
            // The next word is an option again: its own values are within.
        } else if let Some(option) = options.last_mut() {
            option.push(word);
        } else {
            return Err(unknown("it has a configuration file of its own"));
        }
    }
    options
        .into_iter()
        .filter(|option| !OURS.contains(&option[0].as_str()))
        .map(|option| line(&option, env))
        .collect()
}

/// As `redis-server --appendonly yes` or as a list, also within `sh -c`; what stands in braces is one word.
fn words(command: &Yaml) -> Result<Vec<String>> {
    let split = |text: &str| {
        let mut words: Vec<String> = Vec::new();
        let mut open = 0;
        for word in shlex::split(text).ok_or_else(|| unknown("its quotes do not match"))? {
            let count = |c: char| word.matches(c).count();
            let is_inside = open > 0;
            open = (open + count('{')).saturating_sub(count('}'));
            match words.last_mut().filter(|_| is_inside) {
                Some(last) => *last = format!("{last} {word}"),
                None => words.push(word),
            }
        }
        Ok::<_, anyhow::Error>(words)
    };
    let words = match command {
        Yaml::BadValue | Yaml::Null => Vec::new(),
        Yaml::String(text) => split(text)?,
        Yaml::Array(items) => {
            let words: Option<Vec<String>> = items.iter().map(scalar).collect();
            words.ok_or_else(|| unknown("its command is no list of words"))?
        }
        _ => return Err(unknown("its command is neither a text nor a list")),
    };
    let words = match words.as_slice() {
        [shell, flag, script] if shell.ends_with("sh") && flag.starts_with('-') => split(script)?,
        _ => words,
    };
    let is_script = |word: &String| SCRIPT.contains(&word.as_str()) || word.ends_with(';');
    if words.iter().any(is_script) {
        return Err(unknown("its command is a script"));
    }
    Ok(words)
}

fn scalar(item: &Yaml) -> Option<String> {
    match item {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(is_so) => Some(if *is_so { "yes" } else { "no" }.to_owned()),
        _ => None,
    }
}

/// `${REDIS_PASSWORD:+--requirepass …}`, which ours says by itself.
fn is_a_password_if_there_is_one(word: &str) -> bool {
    let is_conditional = word.trim_start_matches('$').starts_with('{') && word.contains(":+");
    is_conditional
        && OURS
            .iter()
            .any(|option| word.contains(&format!("--{option}")))
}

fn line(option: &[String], env: &EnvFile) -> Result<String> {
    let mut line = option[0].clone();
    for value in &option[1..] {
        let value = interpolated(value, env)
            .filter(|value| !value.contains(['$', '"', '\\']) && !value.contains(char::is_control))
            .ok_or_else(|| {
                unknown(&format!(
                    "only compose can tell the value of --{}",
                    option[0]
                ))
            })?;
        let is_plain = !value.is_empty() && !value.contains(char::is_whitespace);
        line += &if is_plain {
            format!(" {value}")
        } else {
            format!(" \"{value}\"")
        };
    }
    Ok(line)
}

/// Guessing could start it on other data than it has.
pub(super) fn unknown(why: &str) -> anyhow::Error {
    Fault::new(
        Exit::NotReady,
        format!("StreamHub's docker-compose.yml starts redis in a way that this version does not know: {why}"),
    )
    .fix("take a newer streamhub-install; until then this origin goes on as it is")
    .into()
}

#[cfg(test)]
mod tests {
    use yaml_rust2::YamlLoader;

    use super::*;

    fn read(command: &str) -> Result<Vec<String>> {
        let yaml = YamlLoader::load_from_str(command).unwrap().remove(0);
        options(&yaml, &EnvFile::parse(b"KEEP=60\n").unwrap())
    }

    #[test]
    fn redis_keeps_its_way_of_keeping_data_and_nothing_else() {
        for (command, wanted) in [
            (
                "redis-server --bind ${REDIS_BIND:-127.0.0.1} --requirepass ${REDIS_PASSWORD} --appendonly yes --save 60 1",
                &["appendonly yes", "save 60 1"][..],
            ),
            (
                "redis-server --appendonly yes ${REDIS_PASSWORD:+--requirepass ${REDIS_PASSWORD}}",
                &["appendonly yes"],
            ),
            (
                "redis-server --appendonly yes $${REDIS_PASSWORD:+--requirepass $$REDIS_PASSWORD} --dir /data",
                &["appendonly yes", "dir /data"],
            ),
            ("redis-server --save ${KEEP:-900} 1", &["save 60 1"]),
            (
                "[sh, -c, 'exec redis-server --save \"\" --dir /data']",
                &["save \"\"", "dir /data"],
            ),
            (
                "[redis-server, --appendonly, yes, --port, 6379]",
                &["appendonly yes"],
            ),
            ("~", &[]),
        ] {
            assert_eq!(read(command).unwrap(), wanted, "{command}");
        }
    }

    #[test]
    fn what_does_not_tell_is_refused_and_not_guessed() {
        for command in [
            "sh -c 'if [ -n \"$P\" ]; then exec redis-server --appendonly yes; else exec redis-server; fi'",
            "redis-server /etc/redis.conf --save 60 1",
            "redis-server --dir ${X:?}",
            "valkey --appendonly yes",
            "{a: b}",
        ] {
            assert!(read(command).is_err(), "{command}");
        }
    }
}
