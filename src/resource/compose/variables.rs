//! What a compose file takes from `.env`.

/// The names in `${NAME}`, `${NAME:-default}` and `$NAME`. What follows `$$`, which is a dollar sign to compose, does no
/// harm as one too many.
pub fn variables(text: &str) -> impl Iterator<Item = &str> {
    let after_dollar = text.split('$').skip(1);
    let names = after_dollar.map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        &rest[..end]
    });
    names.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn variables_are_found_however_compose_lets_one_write_them() {
        let text = "a: ${BRACED}\nb: $PLAIN-1\nc: ${OUTER:-${INNER:-x}}\nd: 5 $ 3, $";
        let found: Vec<&str> = variables(text).collect();
        assert_eq!(found, ["BRACED", "PLAIN", "OUTER", "INNER"]);
    }
}
