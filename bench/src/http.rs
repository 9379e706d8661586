//! Just enough HTTP to ask the server for its counters.

use anyhow::{Context as _, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// An administrator's way to the server.
#[derive(Debug)]
pub(crate) struct Administrator {
    server: SocketAddr,
    token: String,
}

impl Administrator {
    /// Links a device of its own, whose token opens the counters.
    pub(crate) fn link(server: SocketAddr, user: &str, password: &str) -> Result<Self> {
        let request = serde_json::json!({
            "user": user, "password": password.trim_end(), "device": "bench", "platform": "linux",
        });
        let answer = call(server, "POST", "/api/v1/devices", None, &request.to_string())?;
        let answer: serde_json::Value = serde_json::from_str(&answer)?;
        let token = answer["token"].as_str().context("linking gave no token")?.to_owned();
        Ok(Self { server, token })
    }

    /// Every counter of the server, summed over its labels.
    pub(crate) fn counters(&self) -> Result<BTreeMap<String, f64>> {
        Ok(parse_counters(&call(self.server, "GET", "/metrics", Some(&self.token), "")?))
    }
}

/// One request over a connection of its own. HTTP/1.0, so that the answer ends with the connection.
fn call(server: SocketAddr, method: &str, path: &str, token: Option<&str>, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {server}\r\nContent-Type: application/json\r\n\
         {authorization}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("the server's answer has no end of head")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    ensure!(status.starts_with('2'), "{method} {path}: status {status}: {body}");
    Ok(body.to_owned())
}

/// Reads the text format of Prometheus and OpenMetrics. Counters are the names that end in `_total`, and gauges whose
/// help says that they count since the start (they mirror a counter kept elsewhere).
fn parse_counters(text: &str) -> BTreeMap<String, f64> {
    let mut counters = BTreeMap::new();
    let mut mirrors = BTreeSet::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap_or((help, ""));
            if help.trim_end_matches('.').ends_with("since the start") {
                mirrors.insert(name);
            }
            continue;
        }
        let (name, rest) = line.split_once(['{', ' ']).unwrap_or((line, ""));
        let counts = name.ends_with("_total") || mirrors.contains(name);
        let value = rest.rsplit_once('}').map_or(rest, |(_, value)| value).split_whitespace().next();
        if let (true, Some(Ok(value))) = (counts, value.map(str::parse::<f64>)) {
            let name = name.trim_start_matches("driftless_").trim_end_matches("_total");
            *counters.entry(name.to_owned()).or_default() += value;
        }
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_their_labels() {
        let text = "# TYPE requests counter\nrequests_total{route=\"/a b\",code=\"200\"} 3\n\
                    requests_total{route=\"/c\"} 4 1700000000\nmemory_bytes 5\n\
                    # HELP driftless_fsyncs Flushes since the start.\n# TYPE driftless_fsyncs gauge\n\
                    driftless_fsyncs 2\n# EOF\n";
        let counters = parse_counters(text);
        assert_eq!(
            counters.into_iter().collect::<Vec<_>>(),
            [("fsyncs".into(), 2.0), ("requests".into(), 7.0)]
        );
    }
}
