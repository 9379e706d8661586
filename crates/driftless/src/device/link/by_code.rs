//! Linking without a password on this device: it shows a code, and waits until somebody approved it elsewhere.

use crate::output;
use crate::progress::Progress;
use anyhow::bail;
use client::home::Link;
use client::remote::{Approval, Remote, ask_for_code, wait_for_approval};
use protocol::ProblemKind;
use serde::Serialize;

/// What `link --json` says first.
#[derive(Serialize)]
struct Waiting<'a> {
    state: &'static str,
    user_code: &'a str,
    remaining_seconds: u64,
}

pub(super) async fn link(remote: &Remote, device: &str, json: bool) -> anyhow::Result<Link> {
    let asked = match ask_for_code(remote, device).await {
        Err(error) if error.problem() == Some(ProblemKind::NotFound) => {
            bail!("this server links no devices by a code; say who you are with --user NAME")
        }
        asked => asked?,
    };
    let (code, minutes) = (&asked.user_code, asked.remaining_seconds.div_ceil(60));
    if json {
        let remaining_seconds = asked.remaining_seconds;
        output::json_line(&Waiting { state: "waiting", user_code: code, remaining_seconds })?;
    } else {
        output::remark("This device is linked once its code is approved:\n");
        output::line(&format!("  {code}"));
    }
    output::remark(&format!(
        "\nOn the server, within {minutes} minutes:  driftless admin device approve {code} --user NAME\n\
         (or link with a password instead: driftless link {} --user NAME)",
        remote.server()
    ));
    let progress = Progress::begin("waiting for approval");
    let approval = wait_for_approval(remote, &asked).await;
    drop(progress);
    match approval? {
        Approval::Linked { user, user_name, device: id, token } => {
            Ok(Link::new(remote.server().to_owned(), user_name, device.to_owned(), (user, id), token))
        }
        Approval::Denied => bail!("somebody refused this device; nothing was changed"),
        Approval::Ended => bail!(
            "the code {code} is no longer valid: nobody approved it in time, or the server was restarted. Nothing was changed; \
             run `driftless link` again"
        ),
    }
}
