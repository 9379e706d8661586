//! `DATA/admin.sock`: one line of JSON asks, one line answers, as often as the other side likes.

use super::execute_and_tell;
use crate::serve::told_to_stop;
use crate::server::Server;
use protocol::admin::{ADMIN_LINE_BYTES_MAX, AdminAnswer, AdminFailure};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// Makes the socket, readable by its owner only from the first moment it has its name. Whoever serves holds the lock of the
/// data directory, so that an old socket is nobody's.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    let mut hidden = path.as_os_str().to_owned();
    hidden.push(".new");
    for old in [Path::new(&hidden), path] {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let listener = UnixListener::bind(&hidden)?;
    std::fs::set_permissions(&hidden, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&hidden, path)?;
    Ok(listener)
}

/// Answers until the server stops.
pub(crate) async fn answer(listener: UnixListener, server: Arc<Server>, running: mpsc::Sender<()>) {
    let mut stopping = server.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told_to_stop(&mut stopping) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (server, running) = (Arc::clone(&server), running.clone());
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, server).await {
                        tracing::debug!(%error, "an administration connection ended badly");
                    }
                    drop(running);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an administration connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    if let Some(path) = &server.settings.admin_socket {
        // Left behind, it would make the next program wait for nobody.
        let _ = std::fs::remove_file(path);
    }
}

async fn converse(stream: UnixStream, server: Arc<Server>) -> io::Result<()> {
    let mut stopping = server.stopping.subscribe();
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut lines).take(ADMIN_LINE_BYTES_MAX as u64 + 1);
        tokio::select! {
            read = bounded.read_until(b'\n', &mut line) => if read? == 0 { return Ok(()) },
            () = told_to_stop(&mut stopping) => return Ok(()),
        }
        let whole = line.last() == Some(&b'\n') && line.len() <= ADMIN_LINE_BYTES_MAX;
        let answer = match whole {
            true => obey(&server, &line, &mut write).await?,
            false => invalid("the line is too long or cut"),
        };
        say(&mut write, &answer).await?;
        if !whole {
            return Ok(());
        }
    }
}

async fn say(write: &mut OwnedWriteHalf, answer: &AdminAnswer) -> io::Result<()> {
    let mut text = serde_json::to_vec(answer).map_err(io::Error::other)?;
    text.push(b'\n');
    write.write_all(&text).await
}

/// Does what is asked, and meanwhile says how far it is. Who reads slowly is not waited for: what was said in between is
/// left out.
async fn obey(server: &Arc<Server>, line: &[u8], write: &mut OwnedWriteHalf) -> io::Result<AdminAnswer> {
    let request = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(error) => return Ok(invalid(&format!("the request cannot be read: {error}"))),
    };
    let server = Arc::clone(server);
    let (teller, mut told) = mpsc::channel(4);
    let tell = Arc::new(move |progress| {
        let _ = teller.try_send(progress);
    });
    let mut work = tokio::task::spawn_blocking(move || execute_and_tell(&server, request, tell));
    loop {
        tokio::select! {
            Some(progress) = told.recv() => say(write, &AdminAnswer::Progress(progress)).await?,
            done = &mut work => return Ok(done.unwrap_or_else(|error| AdminAnswer::Failed {
                reason: AdminFailure::Internal,
                message: error.to_string(),
            })),
        }
    }
}

fn invalid(message: &str) -> AdminAnswer {
    AdminAnswer::Failed { reason: AdminFailure::Invalid, message: message.to_owned() }
}
