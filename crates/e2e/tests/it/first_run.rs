//! A server that is started before anybody has made anything.

use anyhow::{Context as _, Result, ensure};
use e2e::process::{Actor, Process, eventually, run};
use e2e::server::{PASSWORD, free_address};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(30);

fn serve(data: &Path, address: SocketAddr, log: &Path) -> Result<Process> {
    let (data, address) = (data.to_str().context("a test's directory is text")?, address.to_string());
    let process = Process::start(&Actor::Test, None, &["serve", "--data", data, "--listen", &address], log)?;
    eventually("the server answers", WITHIN, || Ok(TcpStream::connect(&address).ok()))?;
    Ok(process)
}

fn code(process: &Process) -> Result<String> {
    eventually("the server prints a code", WITHIN, || {
        let logged = process.logged();
        let line =
            logged.lines().rev().find_map(|line| line.strip_prefix("setup code, until its next start: "));
        Ok(line.map(str::to_owned))
    })
}

fn ask(address: SocketAddr, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn needed(address: SocketAddr) -> Result<bool> {
    let answer = ask(address, "GET /api/v1/setup HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(answer.contains("{\"needed\":true}"))
}

fn claim(address: SocketAddr, code: &str) -> Result<String> {
    let body = format!(
        "{{\"code\":\"{code}\",\"user\":\"alice\",\"password\":\"{}\",\"browser\":\"b\"}}",
        PASSWORD.trim_end()
    );
    let head = "POST /api/v1/setup HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
    let answer = ask(address, &format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn a_server_on_an_empty_directory_is_set_up_by_the_code_that_it_prints() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (data, log) = (place.path().join("data"), place.path().join("log"));
    std::fs::create_dir(&data)?;
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755))?;
    let address = free_address()?;
    let server = serve(&data, address, &log)?;
    ensure!(server.logged().contains(&format!("open http://{address} in a browser")), "{}", server.logged());
    let first = code(&server)?;
    ensure!(std::fs::metadata(&data)?.permissions().mode() & 0o777 == 0o700, "nobody else looks into it");
    ensure!(needed(address)?);
    ensure!(claim(address, "WDJB-MJHT-WDJB-MJHT")?.contains("403"));
    server.stop()?;
    std::fs::remove_file(&log)?;

    let server = serve(&data, address, &log)?;
    let second = code(&server)?;
    ensure!(first != second && claim(address, &first)?.contains("403"), "each start makes another");
    ensure!(claim(address, &second)?.contains("201"));
    ensure!(!needed(address)? && claim(address, &second)?.contains("404"));
    server.stop()?;
    std::fs::remove_file(&log)?;

    let server = serve(&data, address, &log)?;
    ensure!(!needed(address)? && !server.logged().contains("setup code"), "{}", server.logged());
    server.stop()
}

#[test]
fn an_administrator_made_at_the_machine_ends_the_setup_of_a_running_server() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (data, log) = (place.path().join("data"), place.path().join("log"));
    let address = free_address()?;
    let server = serve(&data, address, &log)?;
    let code = code(&server)?;
    let text = data.to_str().context("a test's directory is text")?;
    let init = ["admin", "init", "--data", text, "--user", "root", "--password-stdin"];
    run(None, &init, PASSWORD)?.ok()?;
    ensure!(!needed(address)? && claim(address, &code)?.contains("404"));
    run(None, &init, PASSWORD)?.refused()?;
    server.stop()
}

#[test]
fn a_directory_that_holds_something_else_is_left_alone() -> Result<()> {
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("letter.txt"), "mine")?;
    let text = place.path().to_str().context("a test's directory is text")?;
    let refused = run(None, &["serve", "--data", text, "--listen", "127.0.0.1:0"], "")?.refused()?;
    ensure!(refused.stderr.contains("not empty"), "{refused:?}");
    ensure!(std::fs::read_dir(place.path())?.count() == 1, "nothing was added");
    Ok(())
}
