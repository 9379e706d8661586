//! The units' texts. What a process does not need is taken from it; `systemd-analyze security` says how much is left.

use anyhow::bail;
use std::net::SocketAddr;
use std::path::Path;

/// A file for systemd.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// What both are denied, also a service that a user starts.
const HARDENED: &str = "\
NoNewPrivileges=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service fanotify_init fanotify_mark name_to_handle_at open_by_handle_at
SystemCallErrorNumber=EPERM";

/// What the system's own service is denied as well. Files anywhere may be shared, so the file system is closed only where a
/// system keeps its own.
const SYSTEM_HARDENED: &str = "\
ProtectSystem=full
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
PrivateDevices=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
UMask=0027";

/// What root needs for plain directories: one fanotify mark, everybody's files, and to give them to their owners.
const ROOT_CAPABILITIES: &str =
    "CAP_SYS_ADMIN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_CHOWN CAP_FOWNER CAP_SYS_RESOURCE";

/// The server's service and socket.
pub(super) fn server_units(
    program: &Path,
    data: &Path,
    listen: SocketAddr,
    user: &str,
) -> anyhow::Result<Vec<Unit>> {
    let (program, data) = (quoted(program)?, quoted(data)?);
    if user.is_empty() || !user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        bail!("{user:?} is no login");
    }
    let capabilities = if user == "root" { ROOT_CAPABILITIES } else { "" };
    let service = format!(
        "[Unit]
Description=Driftless server
Wants=network-online.target
After=network-online.target
Requires=driftless.socket

[Service]
Type=notify
ExecStart={program} serve --data {data}
User={user}
Restart=on-failure
RestartSec=2
WatchdogSec=60
TimeoutStopSec=60
LimitNOFILE=65536
CapabilityBoundingSet={capabilities}
{HARDENED}
{SYSTEM_HARDENED}

[Install]
WantedBy=multi-user.target
"
    );
    let socket = format!(
        "[Unit]
Description=Where the Driftless server listens

[Socket]
ListenStream={listen}
NoDelay=yes
Backlog=4096

[Install]
WantedBy=sockets.target
"
    );
    Ok(vec![
        Unit { name: "driftless.service", text: service },
        Unit { name: "driftless.socket", text: socket },
    ])
}

/// The client's service, of a user.
pub(super) fn client_units(program: &Path, home: &Path) -> anyhow::Result<Vec<Unit>> {
    let (program, home) = (quoted(program)?, quoted(home)?);
    let text = format!(
        "[Unit]
Description=Driftless: directories in step

[Service]
Type=notify
ExecStart={program} daemon --home {home}
Restart=on-failure
RestartSec=2
WatchdogSec=60
TimeoutStopSec=60
{HARDENED}

[Install]
WantedBy=default.target
"
    );
    Ok(vec![Unit { name: "driftless-client.service", text }])
}

/// A path as a word of a command line in a unit.
fn quoted(path: &Path) -> anyhow::Result<String> {
    let Some(text) = path.to_str().filter(|text| !text.chars().any(char::is_control)) else {
        bail!("{} cannot be written into a unit", path.display());
    };
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    Ok(if escaped.contains(' ') || escaped != text { format!("\"{escaped}\"") } else { escaped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_so_that_systemd_reads_them_back() {
        assert_eq!(quoted(Path::new("/srv/data")).unwrap(), "/srv/data");
        assert_eq!(quoted(Path::new("/srv/my data")).unwrap(), "\"/srv/my data\"");
        assert_eq!(quoted(Path::new("/100%/$HOME/\"q\"")).unwrap(), r#""/100%%/$$HOME/\"q\"""#);
        assert!(quoted(Path::new("/a\nExecStart=/bin/sh")).is_err());
    }

    #[test]
    fn a_login_cannot_smuggle_lines_into_a_unit() {
        let listen = "127.0.0.1:7440".parse().unwrap();
        let units = |user: &str| server_units(Path::new("/bin/d"), Path::new("/d"), listen, user);
        assert!(units("driftless\nExecStartPre=/bin/sh").is_err() && units("").is_err());
        assert!(units("driftless").unwrap()[0].text.contains("CapabilityBoundingSet=\n"));
        assert!(units("root").unwrap()[0].text.contains("CAP_SYS_ADMIN"));
    }
}
