//! A command on a terminal of its own, and somebody who types there.

use crate::cluster::JOIN_LIMIT;
use crate::command::HostCommand;
use crate::host::Host;

pub const CTRL_C: &str = "\x03";

/// Types each answer once its word is said, behind the last one's.
const TERMINAL: &str = r#"
import json, os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen, talk = b"", json.loads(sys.argv[1])
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    os.write(1, part)
    seen += part
    while talk and talk[0][0].encode() in seen:
        word, answer = talk.pop(0)
        seen = seen.split(word.encode(), 1)[1]
        os.write(terminal, answer.encode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

impl Host {
    /// A shell's line on a terminal, where for each pair the second is typed once the first is said. It may take as long
    /// as a join.
    pub fn on_terminal(&self, line: &str, talk: &[(&str, &str)]) -> HostCommand {
        let talk = serde_json::json!(talk).to_string();
        self.command(["python3", "-c", TERMINAL, &talk, "sh", "-c", line])
            .within(JOIN_LIMIT)
    }
}
