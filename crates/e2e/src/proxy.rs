//! A network in between that counts bytes, and can refuse WebSockets as some companies' proxies do.

use anyhow::Result;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The longest head of a request that is looked at.
const HEAD_MAX: usize = 64 * 1024;

/// How the first line of every request ends.
const LINE_END: &[u8] = b" HTTP/1.1\r\n";

/// A door in front of a server, open as long as the test runs.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    refuses_upgrades: AtomicBool,
    refused: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    requests: AtomicU64,
}

impl Proxy {
    /// Opens a door in front of a server.
    pub fn open(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            refuses_upgrades: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        });
        let at_work = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&at_work);
                // A connection that breaks is the client's matter: that is what is tested.
                std::thread::spawn(move || drop(serve(&shared, client)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where devices find it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses every WebSocket from now on.
    pub fn refuse_upgrades(&self) {
        self.shared.refuses_upgrades.store(true, Ordering::SeqCst);
    }

    /// How many WebSockets it has refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// Bytes that went to the server so far, heads of requests included.
    #[must_use]
    pub fn up(&self) -> u64 {
        self.shared.up.load(Ordering::SeqCst)
    }

    /// Requests to the server so far. One whose first line is torn between two packets is missed.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Bytes that came from the server so far.
    #[must_use]
    pub fn down(&self) -> u64 {
        self.shared.down.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn count_up(&self, bytes: &[u8]) {
        self.up.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        let first_lines = bytes.windows(LINE_END.len()).filter(|window| *window == LINE_END).count();
        self.requests.fetch_add(first_lines as u64, Ordering::SeqCst);
    }

    fn count_down(&self, bytes: &[u8]) {
        self.down.fetch_add(bytes.len() as u64, Ordering::SeqCst);
    }
}

fn serve(shared: &Arc<Shared>, mut client: TcpStream) -> Result<()> {
    let head = read_head(&mut client)?;
    if shared.refuses_upgrades.load(Ordering::SeqCst) && asks_for_upgrade(&head) {
        shared.refused.fetch_add(1, Ordering::SeqCst);
        client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        return Ok(());
    }
    let mut server = TcpStream::connect(shared.server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    shared.count_up(&head);
    server.write_all(&head)?;
    let (back_from, back_to, counts) = (server.try_clone()?, client.try_clone()?, Arc::clone(shared));
    let back = std::thread::spawn(move || pump(back_from, back_to, |bytes| counts.count_down(bytes)));
    pump(client, server, |bytes| shared.count_up(bytes));
    // The thread cannot panic: it only copies bytes.
    let _ = back.join();
    Ok(())
}

/// The head of the first request, and whatever came with it.
fn read_head(client: &mut TcpStream) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while head.len() < HEAD_MAX && !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        head.extend_from_slice(&buffer[..count]);
    }
    Ok(head)
}

fn asks_for_upgrade(head: &[u8]) -> bool {
    String::from_utf8_lossy(head).to_ascii_lowercase().contains("\r\nupgrade:")
}

fn pump(mut from: TcpStream, mut to: TcpStream, count_bytes: impl Fn(&[u8])) {
    let mut buffer = vec![0; 256 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        // Counted first: whoever has read an answer finds it counted.
        count_bytes(&buffer[..count]);
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each connection with what it got, once.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let mut buffer = [0; 1000];
                let count = client.read(&mut buffer).unwrap();
                client.write_all(&buffer[..count]).unwrap();
            }
        });
        address
    }

    fn ask(address: SocketAddr, text: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn it_passes_bytes_on_and_counts_them() {
        let proxy = Proxy::open(echo()).unwrap();
        let request = "GET / HTTP/1.1\r\n\r\nbody";
        assert_eq!(ask(proxy.address(), request), request);
        assert_eq!((proxy.up(), proxy.down()), (request.len() as u64, request.len() as u64));
    }

    #[test]
    fn it_refuses_upgrades_alone() {
        let proxy = Proxy::open(echo()).unwrap();
        proxy.refuse_upgrades();
        let upgrade = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
        assert!(ask(proxy.address(), upgrade).starts_with("HTTP/1.1 403"));
        let plain = "GET / HTTP/1.1\r\n\r\n";
        assert_eq!(ask(proxy.address(), plain), plain);
        assert_eq!((proxy.refused(), proxy.requests()), (1, 1));
    }
}
