//! Passwords: from standard input or a file for scripts, else asked for without showing them.

use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader, Read};

/// Names a file whose first line is the password.
const FILE_VARIABLE: &str = "DRIFTLESS_PASSWORD_FILE";

/// The longest line that is read as a password.
const LINE_BYTES_MAX: u64 = 4_096;

/// Reads a password; asked for twice where a new one is chosen.
pub(crate) fn read(from_stdin: bool, chosen: bool) -> anyhow::Result<String> {
    if from_stdin {
        return first_line(std::io::stdin().lock()).context("the password on standard input");
    }
    if let Some(path) = std::env::var_os(FILE_VARIABLE) {
        let file = std::fs::File::open(&path).map_err(anyhow::Error::from);
        return file.and_then(first_line).with_context(|| format!("the password in {}", path.display()));
    }
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt)
            .context("cannot ask for a password here; use --password-stdin or DRIFTLESS_PASSWORD_FILE")
    };
    let password = ask("Password: ")?;
    if chosen && ask("Again: ")? != password {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(password)
}

fn first_line(source: impl Read) -> anyhow::Result<String> {
    let mut line = String::new();
    BufReader::new(source.take(LINE_BYTES_MAX)).read_line(&mut line)?;
    let password = line.trim_end_matches(['\n', '\r']).to_owned();
    if password.is_empty() {
        bail!("it is empty");
    }
    Ok(password)
}
