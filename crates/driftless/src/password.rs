//! Passwords: from standard input for scripts, else asked for without showing them.

use anyhow::{Context as _, bail};
use std::io::BufRead as _;

/// The longest line that is read as a password.
const LINE_BYTES_MAX: u64 = 4_096;

/// Reads a password; asked for twice where a new one is chosen.
pub(crate) fn read(from_stdin: bool, chosen: bool) -> anyhow::Result<String> {
    if from_stdin {
        let mut line = String::new();
        let stdin = std::io::stdin().lock();
        std::io::Read::take(stdin, LINE_BYTES_MAX)
            .read_line(&mut line)
            .context("no password on standard input")?;
        let password = line.trim_end_matches(['\n', '\r']).to_owned();
        if password.is_empty() {
            bail!("the password on standard input is empty");
        }
        return Ok(password);
    }
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt).context("cannot ask for a password here; use --password-stdin")
    };
    let password = ask("Password: ")?;
    if chosen && ask("Again: ")? != password {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(password)
}
