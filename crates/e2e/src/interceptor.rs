//! Somebody between device and server: first a mere wire, then, when told to, one who ends TLS with a certificate of
//! their own and writes down whatever is said to them.

use crate::certificate::Certificate;
use anyhow::Result;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long they wait for more of what somebody says.
const PATIENCE: Duration = Duration::from_secs(10);

/// A door in front of a server, open as long as the test runs.
#[derive(Debug)]
pub struct Interceptor {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    config: Arc<ServerConfig>,
    intercepts: AtomicBool,
    tried: AtomicU64,
    heard: Mutex<Vec<u8>>,
    wires: Mutex<Vec<TcpStream>>,
}

impl Interceptor {
    /// Opens a door in front of a server; for now it only passes bytes on.
    pub fn open(server: SocketAddr, certificate: &Certificate) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            config: certificate.server_config()?,
            intercepts: AtomicBool::new(false),
            tried: AtomicU64::new(0),
            heard: Mutex::default(),
            wires: Mutex::default(),
        });
        let at_work = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&at_work);
                // A connection that breaks is the client's matter: that is what is tested.
                std::thread::spawn(move || drop(shared.serve(client)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where devices find it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to intercept, cutting what runs, or goes back to being a wire.
    pub fn intercept(&self, intercepts: bool) {
        self.shared.intercepts.store(intercepts, Ordering::SeqCst);
        let mut wires = self.shared.wires.lock().unwrap_or_else(PoisonError::into_inner);
        for wire in wires.drain(..) {
            // One that has ended by itself is cut, too.
            let _ = wire.shutdown(Shutdown::Both);
        }
    }

    /// How many connections it has tried to intercept.
    #[must_use]
    pub fn tried(&self) -> u64 {
        self.shared.tried.load(Ordering::SeqCst)
    }

    /// Everything that was said to it in clear.
    #[must_use]
    pub fn heard(&self) -> String {
        let heard = self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&heard).into_owned()
    }
}

impl Shared {
    fn serve(&self, client: TcpStream) -> Result<()> {
        if self.intercepts.load(Ordering::SeqCst) {
            self.tried.fetch_add(1, Ordering::SeqCst);
            return self.listen(client);
        }
        let server = TcpStream::connect(self.server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        self.wires.lock().unwrap_or_else(PoisonError::into_inner).push(client.try_clone()?);
        let (back_from, back_to) = (server.try_clone()?, client.try_clone()?);
        let back = std::thread::spawn(move || pass(back_from, back_to));
        pass(client, server);
        // The thread cannot panic: it only copies bytes.
        let _ = back.join();
        Ok(())
    }

    /// Shakes hands as the server, and writes down what comes.
    fn listen(&self, client: TcpStream) -> Result<()> {
        client.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&self.config))?, client);
        let mut buffer = [0; 4096];
        loop {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
            stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")?;
        }
    }
}

fn pass(mut from: impl Read, mut to: impl Write) {
    // A cut wire is how a test cuts it.
    let _ = std::io::copy(&mut from, &mut to);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{ClientConnection, RootCertStore};

    #[test]
    fn it_hears_those_who_believe_it() {
        let certificate = Certificate::self_signed().unwrap();
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        let interceptor = Interceptor::open(nobody, &certificate).unwrap();
        interceptor.intercept(true);
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(session, TcpStream::connect(interceptor.address()).unwrap());
        stream.write_all(b"GET / HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401");
        assert!(interceptor.heard().contains("Bearer secret"), "{}", interceptor.heard());
        assert_eq!(interceptor.tried(), 1);
    }
}
