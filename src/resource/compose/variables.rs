//! What a compose file takes from `.env`.

use crate::env_file::EnvFile;

/// The names in `${NAME}`, `${NAME:-default}` and `$NAME`. What follows `$$`, which is a dollar sign to compose, does no
/// harm as one too many.
pub fn variables(text: &str) -> impl Iterator<Item = &str> {
    let after_dollar = text.split('$').skip(1);
    let names = after_dollar.map(|rest| split_name(rest.strip_prefix('{').unwrap_or(rest)).0);
    names.filter(|name| !name.is_empty())
}

/// The text with its variables' values in their places; `None` where compose would refuse it, or only compose can tell.
pub fn interpolated(text: &str, env: &EnvFile) -> Option<String> {
    let Some((before, rest)) = text.split_once('$') else {
        return Some(text.to_owned());
    };
    let (value, after) = if let Some(after) = rest.strip_prefix('$') {
        ("$".to_owned(), after)
    } else if let Some(inside) = rest.strip_prefix('{') {
        let (inside, after) = split_brace(inside)?;
        (substituted(inside, env)?, after)
    } else {
        let (name, after) = split_name(rest);
        (substituted(name, env)?, after)
    };
    Some(format!("{before}{value}{}", interpolated(after, env)?))
}

/// What `NAME`, `NAME-default`, `NAME?message` or `NAME+other` stands for; with a colon an empty value is none.
fn substituted(inside: &str, env: &EnvFile) -> Option<String> {
    let (name, how) = split_name(inside);
    if name.is_empty() {
        return None;
    }
    let value = env.get(name).ok()?.unwrap_or_default().to_owned();
    let (is_there, how) = match how.strip_prefix(':') {
        Some(how) => (!value.is_empty(), how),
        None => (env.has(name), how),
    };
    match how.split_at_checked(1) {
        None if inside.ends_with(':') => None,
        None => Some(value),
        Some(("-" | "?", _)) if is_there => Some(value),
        Some(("-", default)) => interpolated(default, env),
        Some(("+", other)) if is_there => interpolated(other, env),
        Some(("+", _)) => Some(String::new()),
        Some(_) => None,
    }
}

/// A name at the beginning, and what follows it.
fn split_name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    text.split_at(end.unwrap_or(text.len()))
}

/// What is inside an opened brace, and what follows it; `None` where it is never closed.
fn split_brace(text: &str) -> Option<(&str, &str)> {
    let mut open = 1_usize;
    let end = text.find(|c| {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => (),
        }
        open == 0
    })?;
    Some((&text[..end], &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_however_compose_lets_one_write_them() {
        let text = "a: ${BRACED}\nb: $PLAIN-1\nc: ${OUTER:-${INNER:-x}}\nd: 5 $ 3, $";
        let found: Vec<&str> = variables(text).collect();
        assert_eq!(found, ["BRACED", "PLAIN", "OUTER", "INNER"]);
    }

    #[test]
    fn variables_are_resolved_as_compose_does() {
        let env = EnvFile::parse(b"TAG=v2\nEMPTY=\n").unwrap();
        for (text, image) in [
            ("a/b:$TAG", "a/b:v2"),
            ("$TAG.x/${TAG}-y", "v2.x/v2-y"),
            ("a:${X-1}", "a:1"),
            ("a:${EMPTY-1}", "a:"),
            ("a:${EMPTY:-1}", "a:1"),
            ("a:${X:-${TAG:-1}}-z", "a:v2-z"),
            ("a:${TAG:?it is missing}", "a:v2"),
            ("a:${TAG?}", "a:v2"),
            ("a${TAG:+:$TAG}${X:+:x}", "a:v2"),
            ("a$$b", "a$b"),
        ] {
            assert_eq!(interpolated(text, &env).as_deref(), Some(image), "{text}");
        }
        for text in [
            "a:${X:?}",
            "a:${EMPTY:?m}",
            "a:${TAG",
            "a:${TAG/1/2}",
            "a:$",
            "a:${}",
        ] {
            assert_eq!(interpolated(text, &env), None, "{text}");
        }
    }
}
