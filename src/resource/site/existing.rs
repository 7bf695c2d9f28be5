//! A site that is there already: from an earlier run, from the predecessor, edited by certbot or by an
//! operator. It stays byte for byte, but for what would not lead to StreamHub.

use std::path::Path;

use super::configuration::{Directive, read};
use crate::fault::{Exit, Fault};

/// What a site says to have our routes.
const INCLUDED: &str = "include snippets/streamhub.conf;";
const LIVEKIT: u16 = 7880;

/// How far a site leads to StreamHub.
#[derive(Debug, PartialEq, Eq)]
pub enum Parts {
    /// It includes our routes, or has every one of them itself, as the predecessor wrote it.
    Complete,
    /// It has some of them, and not as they are wanted: with this text it includes them.
    Outdated(String),
    /// It is somebody else's.
    Missing,
}

/// Judges a site's text. `name` is what it has to answer for, where that is a name.
pub fn parts(text: &str, name: Option<&str>, core_port: u16) -> Parts {
    let directives = read(text);
    let any = |is_so: &dyn Fn(&Directive) -> bool| directives.iter().any(|d| d.any(is_so));
    if name.is_some_and(|name| !any(&|d| d.answers_for(name))) {
        return Parts::Missing;
    }
    if includes_routes(text) {
        return Parts::Complete;
    }
    if !any(&|d| d.is_location("/rtc") && d.leads_to(LIVEKIT)) {
        return Parts::Missing;
    }
    let has_metrics = any(&|d| d.is_location("/metrics"));
    if has_metrics && any(&|d| d.is_location("/") && d.leads_to(core_port)) {
        return Parts::Complete;
    }
    Parts::Outdated(with_include(text, &directives))
}

/// A site without what certbot has put into it to serve this name over TLS: its lines, and its server that sends people on.
/// The rest stays byte for byte; where something else than certbot has brought TLS, all of it.
pub fn without_tls(text: &str, name: &str) -> String {
    let is_its = |line: &str| line.trim_end().ends_with("# managed by Certbot");
    let mut new = String::new();
    let mut kept_from = 0;
    for server in read(text).iter().filter(|s| s.answers_for(name)) {
        // Up to the end of the last line, which may say that certbot made it.
        let rest = &text[server.place.end..];
        let end = server.place.end + rest.find('\n').map_or(rest.len(), |at| at + 1);
        let block = &text[server.place.start..end];
        let sends_on = server.block.iter().all(only_sends_on);
        let leads = |d: &Directive| d.includes("snippets/streamhub.conf") || d.leads_to(LIVEKIT);
        // Another server of that name is an operator's, whoever got its certificate.
        if !(block.lines().any(is_its) && (sends_on || leads(server))) {
            continue;
        }
        new.push_str(&text[kept_from..server.place.start]);
        kept_from = end;
        if sends_on {
            continue;
        }
        let mut lines = block.split_inclusive('\n').filter(|line| !is_its(line));
        new.extend(lines.next());
        let rest: String = lines.collect();
        if !read(block)
            .iter()
            .any(|s| s.block.iter().any(listens_on_80))
        {
            new.push_str("    listen 80;\n");
            if block.contains("listen [::]:") {
                new.push_str("    listen [::]:80;\n");
            }
        }
        new.push_str(&rest);
    }
    new.push_str(&text[kept_from..]);
    new
}

/// Whether it is of what certbot's server consists that sends people on to https and does nothing else.
fn only_sends_on(directive: &Directive) -> bool {
    let is_plain = ["listen", "server_name", "return"].contains(&directive.name());
    let is_around = ["if", "location"].contains(&directive.name());
    is_plain || is_around && directive.block.iter().all(|d| d.name() == "return")
}

fn listens_on_80(directive: &Directive) -> bool {
    let to = directive.words.get(1).map_or("", String::as_str);
    directive.name() == "listen" && (to == "80" || to.ends_with(":80"))
}

/// Whether a site has our routes by including them.
pub fn includes_routes(text: &str) -> bool {
    let is_routes = |d: &Directive| d.includes("snippets/streamhub.conf");
    read(text).iter().any(is_routes)
}

/// In each server that leads to LiveKit, our routes instead of its own; the rest as it is.
fn with_include(text: &str, directives: &[Directive]) -> String {
    let mut new = String::new();
    let mut kept_from = 0;
    for server in directives {
        let is_ours = |d: &&Directive| ["/rtc", "/metrics", "/"].iter().any(|p| d.is_location(p));
        let leads = server
            .block
            .iter()
            .any(|d| d.is_location("/rtc") && d.leads_to(LIVEKIT));
        if !leads {
            continue;
        }
        for (nth, location) in server.block.iter().filter(is_ours).enumerate() {
            new.push_str(&text[kept_from..location.place.start]);
            if nth == 0 {
                new.push_str(INCLUDED);
            }
            kept_from = location.place.end;
        }
    }
    new.push_str(&text[kept_from..]);
    new
}

/// The fault of a site of our name that is not ours.
pub fn not_ours(path: &Path, domain: &str) -> anyhow::Error {
    let path = path.display();
    Fault::new(
        Exit::NotReady,
        format!("{path} is there, and does not lead to StreamHub"),
    )
    .fix(format!(
        "put `{INCLUDED}` into its server block for {domain} in place of its `location /`, or move it away: \
         mv {path} {path}.old; then run this again"
    ))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the predecessor wrote it and certbot edited it.
    const OLD: &str = "server {
    server_name live.example.com;
    client_max_body_size 50m;

    location /rtc {
        proxy_pass http://127.0.0.1:7880;
    }
    location = /metrics { return 403; }
    location / { proxy_pass http://127.0.0.1:3020; }

    listen 443 ssl; # managed by Certbot
    ssl_certificate /etc/letsencrypt/live/live.example.com/fullchain.pem; # managed by Certbot
}
server {
    if ($host = live.example.com) {
        return 301 https://$host$request_uri;
    } # managed by Certbot

    listen 80;
    server_name live.example.com;
    location / { return 404; }
}
";

    #[test]
    fn a_site_that_leads_to_streamhub_stays_as_it_is() {
        let name = Some("live.example.com");
        assert_eq!(parts(OLD, name, 3020), Parts::Complete);
        let ours = "server { server_name live.example.com; include snippets/streamhub.conf; }";
        assert_eq!(parts(ours, name, 3020), Parts::Complete);
        assert_eq!(parts(ours, Some("other.example.com"), 3020), Parts::Missing);
        let blog = "server { server_name live.example.com; root /var/www; }";
        assert_eq!(parts(blog, name, 3020), Parts::Missing);
    }

    #[test]
    fn what_certbot_brought_goes_again_and_the_rest_stays() {
        let plain = without_tls(OLD, "live.example.com");
        insta::assert_snapshot!(crate::resource::diff(1, OLD, &plain));
        assert_eq!(without_tls(&plain, "live.example.com"), plain);
        assert_eq!(without_tls(OLD, "other.example.com"), OLD);
        // An operator's other server of that name keeps the certificate that certbot put into it.
        let other = "server {\n    server_name live.example.com;\n    location / { proxy_pass http://127.0.0.1:9000; }\n    listen 8443 ssl; # managed by Certbot\n}\n";
        assert_eq!(without_tls(other, "live.example.com"), other);
        let own = OLD.replace(" # managed by Certbot", "");
        assert_eq!(without_tls(&own, "live.example.com"), own);
    }

    #[test]
    fn only_our_routes_are_replaced_where_they_are_not_as_wanted() {
        let Parts::Outdated(new) = parts(OLD, Some("live.example.com"), 3999) else {
            panic!("its core is on another port");
        };
        insta::assert_snapshot!(crate::resource::diff(1, OLD, &new));
        assert_eq!(parts(&new, Some("live.example.com"), 3999), Parts::Complete);
    }
}
