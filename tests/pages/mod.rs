//! What operators read, and the runs of the program in it.

use std::path::Path;

/// README.md and docs/*.md but the reference, which is made: the name, and the text.
pub fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).expect("docs/ is there");
    let mut paths: Vec<_> = docs.flatten().map(|file| file.path()).collect();
    paths.retain(|path| {
        path.extension().is_some_and(|e| e == "md") && !path.ends_with("reference.md")
    });
    paths.push(root.join("README.md"));
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).expect("it is text");
        (path.display().to_string(), text)
    };
    paths.iter().map(|path| read(path)).collect()
}

/// The lines of its fenced and indented blocks, continued ones joined.
pub fn code(text: &str) -> Vec<String> {
    let (mut lines, mut is_fenced, mut open) = (Vec::<String>::new(), false, false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
            continue;
        }
        if !is_fenced && !line.starts_with("    ") {
            open = false;
            continue;
        }
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some(last) if open => last.push_str(part),
            _ => lines.push(part.to_owned()),
        }
        open = goes_on;
    }
    lines
}

/// The arguments of each run of the program in a line of shell, by its own name or through install.sh.
pub fn runs(line: &str) -> Vec<Vec<String>> {
    // In a list, as cloud-init's.
    let line = line.trim_start().trim_start_matches("- ");
    let words = shlex::split(line).unwrap_or_default();
    let commands = words.split(|word| ["|", "||", "&&", ";"].contains(&word.as_str()));
    commands.filter_map(run).collect()
}

fn run(words: &[String]) -> Option<Vec<String>> {
    let is_before = |word: &String| word == "sudo" || word == "$" || word.contains('=');
    let start = words.iter().position(|word| !is_before(word))?;
    let words: Vec<&str> = words[start..].iter().map(String::as_str).collect();
    let args = match words.as_slice() {
        ["streamhub-install", args @ ..] | ["sh" | "bash", "-s", "--", args @ ..] => args,
        ["sh" | "bash", script, args @ ..] if script.ends_with("install.sh") => args,
        _ => return None,
    };
    let own = args.iter().take_while(|word| !word.starts_with(['<', '>']));
    Some(own.map(|word| (*word).to_owned()).collect())
}
