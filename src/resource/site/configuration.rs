//! nginx's configuration, as far as it tells what a site answers for and where it leads. Never a judge
//! of whether nginx takes it: that is nginx's own business.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// One directive, for example `listen 80 default_server;` or `server { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    pub words: Vec<String>,
    /// Where it stands in the text, from its first word to its semicolon or closing brace.
    pub place: Range<usize>,
    /// What is in its braces.
    pub block: Vec<Directive>,
}

/// The certificates that a site uses for a name, by their paths.
pub fn certificates(text: &str, name: &str) -> Vec<PathBuf> {
    let servers = read(text).into_iter().filter(|s| s.answers_for(name));
    servers
        .flat_map(|server| server.block)
        .filter(|d| d.name() == "ssl_certificate")
        .map(|d| Path::new("/etc/nginx").join(d.argument()))
        .collect()
}

/// Reads a configuration file. What is no directive is passed over.
pub fn read(text: &str) -> Vec<Directive> {
    Reader { text, at: 0 }.block()
}

impl Directive {
    /// Its name, for example `listen`.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Its first argument, or nothing.
    fn argument(&self) -> &str {
        self.words.get(1).map_or("", String::as_str)
    }

    /// Whether it is a server that takes what arrives on port 80 for a name that nobody else answers
    /// for, at whatever address.
    pub fn is_default_on_80(&self) -> bool {
        let everywhere = [
            "80",
            "*",
            "*:80",
            "0.0.0.0",
            "0.0.0.0:80",
            "[::]",
            "[::]:80",
        ];
        self.block.iter().any(|listen| {
            let is_default = |word: &String| word == "default_server" || word == "default";
            listen.name() == "listen"
                && everywhere.contains(&listen.argument())
                && listen.words.iter().any(is_default)
        })
    }

    /// Whether it is a server that answers for this name.
    pub fn answers_for(&self, name: &str) -> bool {
        let names = self.block.iter().filter(|d| d.name() == "server_name");
        names
            .flat_map(|names| &names.words[1..])
            .any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether it, or something in it, includes a file of this name.
    pub fn includes(&self, file: &str) -> bool {
        self.any(&|d| d.name() == "include" && d.argument().ends_with(file))
    }

    /// Whether it, or something in it, hands requests to this port.
    pub fn leads_to(&self, port: u16) -> bool {
        self.any(&|d| {
            let target = d.argument().trim_end_matches('/');
            matches!(d.name(), "proxy_pass" | "server") && target.ends_with(&format!(":{port}"))
        })
    }

    /// Whether it is the location of exactly this path or prefix.
    pub fn is_location(&self, path: &str) -> bool {
        self.name() == "location" && self.words.last().is_some_and(|last| last == path)
    }

    /// Whether it, or something in it, is so.
    pub fn any(&self, is_so: &dyn Fn(&Self) -> bool) -> bool {
        is_so(self) || self.block.iter().any(|inner| inner.any(is_so))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// The directives up to the end of the text, or of the block.
    fn block(&mut self) -> Vec<Directive> {
        let mut found = Vec::new();
        let mut words = Vec::new();
        let mut start = 0;
        while let Some(c) = self.peek() {
            match c {
                '#' => self.skip_line(),
                ';' | '{' => {
                    self.at += 1;
                    let block = if c == '{' { self.block() } else { Vec::new() };
                    found.push(Directive {
                        words: std::mem::take(&mut words),
                        place: start..self.at,
                        block,
                    });
                }
                '}' => {
                    self.at += 1;
                    return found;
                }
                c if c.is_whitespace() => self.at += c.len_utf8(),
                _ => {
                    if words.is_empty() {
                        start = self.at;
                    }
                    words.push(self.word());
                }
            }
        }
        found
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    /// A word, without the quotes that may stand around it.
    fn word(&mut self) -> String {
        let quote = self.peek().filter(|c| matches!(c, '"' | '\''));
        self.at += usize::from(quote.is_some());
        let mut word = String::new();
        while let Some(c) = self.peek() {
            let is_end = match quote {
                Some(quote) => c == quote,
                // `${name}` is part of a word.
                None if word.ends_with('$') && c == '{' => false,
                None if c == '}' && word.contains("${") => false,
                None => c.is_whitespace() || matches!(c, ';' | '{' | '}'),
            };
            if is_end {
                self.at += usize::from(quote.is_some());
                break;
            }
            self.at += c.len_utf8();
            if c == '\\' {
                word.push(c);
                if let Some(next) = self.peek() {
                    self.at += next.len_utf8();
                    word.push(next);
                }
            } else {
                word.push(c);
            }
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTBOTS: &str = r#"
server { # a { comment }
    server_name live.example.com "www.example.com";
    location = /metrics { return 403; }
    location / { proxy_set_header Host "a;b}"; proxy_pass http://127.0.0.1:3020/; }
    add_header X ${host}x;
    listen 443 ssl; # managed by Certbot
}
server { if ($host = live.example.com) { return 301 https://$host$request_uri; }
    listen 80 ; listen [::]:80 default_server; server_name live.example.com; }
"#;

    #[test]
    fn servers_are_read_with_what_is_in_them() {
        let servers = read(CERTBOTS);
        assert_eq!(servers.len(), 2);
        let [site, redirect] = [&servers[0], &servers[1]];
        assert!(site.answers_for("WWW.example.com") && !site.answers_for("example.com"));
        assert!(site.leads_to(3020) && !site.leads_to(302) && !site.leads_to(7880));
        assert!(site.any(&|d| d.is_location("/metrics")));
        assert!(!site.is_default_on_80() && redirect.is_default_on_80());
        let location = &site.block[1];
        assert_eq!(
            &CERTBOTS[location.place.clone()],
            "location = /metrics { return 403; }"
        );
    }

    #[test]
    fn a_file_that_is_cut_off_or_no_configuration_is_read_to_its_end() {
        for text in [
            "server {",
            "server { listen 80",
            "}",
            "\"",
            "a \\",
            "ü { ${",
            "",
        ] {
            read(text);
        }
        assert!(read("}").is_empty());
    }
}
