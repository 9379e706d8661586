//! File servers that share the plain directory: Samba, vsftpd, WsgiDAV.

use super::support::{Daemon, Scene, is_installed, is_root_for, run};
use anyhow::{Result, ensure};
use e2e::server::free_address;
use e2e::{Random, TreeShape};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files for an upload: a tree, and a file of some megabytes.
fn make_uploads(scene: &Scene) -> Result<PathBuf> {
    let uploads = scene.aside("uploads")?;
    let shape = TreeShape { largest: 200_000, ..TreeShape::of(60) };
    fs::create_dir(uploads.join("tree"))?;
    // Plain names: what other servers do to odd ones is not the question.
    for number in 0..shape.files {
        let inner = uploads.join(format!("tree/dir {}", number % 6));
        fs::create_dir_all(&inner)?;
        fs::write(inner.join(format!("file {number}.txt")), format!("number {number}").repeat(number))?;
    }
    fs::write(uploads.join("large.bin"), Random::new(91).bytes(9 << 20))?;
    fs::write(uploads.join("letter.txt"), "dear reader")?;
    fs::write(uploads.join("letter-2.txt"), "dear reader, once more")?;
    Ok(uploads)
}

/// Starts Samba with nothing of the machine's own: configuration, state and log are the test's.
fn samba(scene: &Scene, address: SocketAddr) -> Result<(Daemon, PathBuf)> {
    let place = scene.aside("samba")?;
    let directory = |name: &str| format!("{name} = {}\n", place.display());
    let directories = ["pid directory", "lock directory", "state directory", "cache directory"];
    let more = ["private dir", "ncalrpc dir"];
    let directories: String = directories.into_iter().chain(more).map(directory).collect();
    let settings = format!(
        "[global]\nserver role = standalone server\nmap to guest = Bad User\ndisable netbios = yes\n\
         bind interfaces only = yes\ninterfaces = lo\nsmb ports = {}\nload printers = no\nprinting = bsd\n\
         disable spoolss = yes\nusershare max shares = 0\nlog file = {}/log\n{directories}\
         [docs]\npath = {}\nread only = no\nguest ok = yes\nforce user = root\n",
        address.port(),
        place.display(),
        scene.plain.text(),
    );
    let configuration = place.join("smb.conf");
    fs::write(&configuration, settings)?;
    let mut command = Command::new("smbd");
    command
        .args(["--foreground", "--no-process-group", "--debug-stdout"])
        .arg("--configfile")
        .arg(&configuration);
    Ok((Daemon::start(&mut command, address, &place.join("printed"))?, configuration))
}

#[test]
fn what_is_done_over_smb_reaches_a_client() -> Result<()> {
    if !is_installed("smbd") || !is_installed("smbclient") || !is_root_for("smbd") {
        return Ok(());
    }
    let mut scene = Scene::set()?;
    let address = free_address()?;
    let (_daemon, configuration) = samba(&scene, address)?;
    let uploads = make_uploads(&scene)?;
    let smb = |commands: &str| {
        let mut client = Command::new("smbclient");
        client.current_dir(&uploads).arg("//127.0.0.1/docs").args(["-p", &address.port().to_string()]);
        client.arg("-s").arg(&configuration).args(["-N", "-c", commands]);
        run(&mut client)
    };
    smb("put letter.txt; mkdir papers; cd papers; put large.bin; put letter.txt copy.txt")?;
    let tree = scene.arrives("put and mkdir")?;
    ensure!(tree.files() == 3, "{:?}", tree.0.keys());
    smb("recurse ON; prompt OFF; mput tree")?;
    let tree = scene.arrives("mput of a tree")?;
    ensure!(tree.files() == 63, "{} files", tree.files());
    smb("rename letter.txt papers/moved.txt; put letter-2.txt papers/copy.txt; del papers/large.bin")?;
    scene.arrives("rename, overwrite and del")?;
    ensure!(
        fs::read_to_string(scene.laptop.directory().join("papers/copy.txt"))? == "dear reader, once more"
    );
    smb("rename papers sheets; rename tree sheets/tree; deltree \"sheets/tree/dir 1\"")?;
    let tree = scene.arrives("renames of directories and deltree")?;
    ensure!(tree.files() == 52, "{} files", tree.files());
    scene.write_on_device("from the laptop.txt", "for whoever uses the share")?;
    let got = uploads.join("got.txt");
    smb("get \"from the laptop.txt\" got.txt; put letter.txt \"from the laptop.txt\"")?;
    ensure!(fs::read_to_string(got)? == "for whoever uses the share");
    scene.arrives("an overwrite of a client's file")?;
    ensure!(fs::read_to_string(scene.laptop.directory().join("from the laptop.txt"))? == "dear reader");
    Ok(())
}

/// Starts vsftpd for anonymous visitors who may do everything, with nothing of the machine's own.
fn vsftpd(scene: &Scene, address: SocketAddr) -> Result<Daemon> {
    let place = scene.aside("vsftpd")?;
    let empty = scene.aside("vsftpd/empty")?;
    let settings = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={}\nbackground=NO\nanonymous_enable=YES\n\
         local_enable=NO\nno_anon_password=YES\nwrite_enable=YES\nanon_upload_enable=YES\n\
         anon_mkdir_write_enable=YES\nanon_other_write_enable=YES\nanon_umask=022\nanon_world_readable_only=NO\n\
         anon_root={}\nsecure_chroot_dir={}\nftp_username=ftp\nnopriv_user=nobody\n\
         pasv_address=127.0.0.1\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\nxferlog_enable=NO\n",
        address.port(),
        scene.world.place().display(),
        empty.display(),
    );
    let configuration = place.join("vsftpd.conf");
    fs::write(&configuration, settings)?;
    // Its visitors are another system user, whose root must not be theirs to write to.
    fs::set_permissions(scene.world.place(), fs::Permissions::from_mode(0o711))?;
    fs::set_permissions(scene.plain.directory(), fs::Permissions::from_mode(0o777))?;
    Daemon::start(Command::new("vsftpd").arg(&configuration), address, &place.join("printed"))
}

#[test]
fn what_is_done_over_ftp_reaches_a_client() -> Result<()> {
    if !is_installed("vsftpd") || !is_installed("curl") || !is_root_for("vsftpd") {
        return Ok(());
    }
    let mut scene = Scene::set()?;
    let address = free_address()?;
    let _daemon = vsftpd(&scene, address)?;
    let uploads = make_uploads(&scene)?;
    let curl = |arguments: &[&str], path: &str| {
        let mut client = Command::new("curl");
        client.current_dir(&uploads).args(["--silent", "--show-error", "--noproxy", "*"]);
        run(client.args(arguments).arg(format!("ftp://{address}/plain/{path}")))
    };
    curl(&["-T", "letter.txt"], "letter.txt")?;
    curl(&["-T", "large.bin", "--ftp-create-dirs"], "papers/large.bin")?;
    let tree = scene.arrives("two uploads")?;
    ensure!(tree.files() == 2, "{:?}", tree.0.keys());
    for number in 0..12 {
        let (from, to) = (format!("tree/dir {}/file {number}.txt", number % 6), format!("many/{number}.txt"));
        curl(&["-T", &from, "--ftp-create-dirs"], &to)?;
    }
    let tree = scene.arrives("many uploads")?;
    ensure!(tree.files() == 14, "{:?}", tree.0.keys());
    curl(&["-Q", "RNFR plain/letter.txt", "-Q", "RNTO plain/papers/moved.txt"], "")?;
    curl(&["-Q", "DELE plain/many/3.txt", "-Q", "RNFR plain/papers", "-Q", "RNTO plain/sheets"], "")?;
    curl(&["-T", "letter-2.txt"], "sheets/moved.txt")?;
    curl(&["-T", "letter.txt", "--append"], "many/4.txt")?;
    let tree = scene.arrives("renames, a deletion, an overwrite and an append")?;
    ensure!(tree.files() == 13, "{:?}", tree.0.keys());
    ensure!(
        fs::read_to_string(scene.laptop.directory().join("sheets/moved.txt"))? == "dear reader, once more"
    );
    scene.write_on_device("many/from the laptop.txt", "for whoever visits")?;
    ensure!(curl(&[], "many/from%20the%20laptop.txt")? == "for whoever visits");
    // It belongs to whom the directory belongs to: the visitors may change it.
    curl(&["-T", "letter.txt"], "many/from%20the%20laptop.txt")?;
    scene.arrives("an overwrite of a client's file")?;
    ensure!(fs::read_to_string(scene.laptop.directory().join("many/from the laptop.txt"))? == "dear reader");
    Ok(())
}

/// WsgiDAV as `cargo xtask test` installs it, or as the machine has it.
fn wsgidav() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let own = test.ancestors().map(|folder| folder.join("wsgidav/bin/wsgidav"));
    let works = |path: &PathBuf| run(Command::new(path).arg("--version")).is_ok();
    own.into_iter().find(works).or_else(|| is_installed("wsgidav").then(|| "wsgidav".into()))
}

#[test]
fn what_is_done_over_webdav_reaches_a_client() -> Result<()> {
    let Some(wsgidav) = wsgidav().filter(|_| is_installed("curl")) else { return Ok(()) };
    let mut scene = Scene::set()?;
    let address = free_address()?;
    let mut command = Command::new(wsgidav);
    command.args(["--host", "127.0.0.1", "--port", &address.port().to_string(), "--auth", "anonymous"]);
    command.args(["--no-config", "--root", scene.plain.text()]);
    let log = scene.aside("webdav")?.join("printed");
    let _daemon = Daemon::start(&mut command, address, &log)?;
    let uploads = make_uploads(&scene)?;
    let url = |path: &str| format!("http://{address}/{path}");
    let curl = |arguments: &[&str], path: &str| {
        let mut client = Command::new("curl");
        client.current_dir(&uploads).args(["--silent", "--show-error", "--fail", "--noproxy", "*"]);
        run(client.args(arguments).arg(url(path)))
    };
    curl(&["-X", "MKCOL"], "papers")?;
    curl(&["-T", "large.bin"], "papers/large.bin")?;
    curl(&["-T", "letter.txt"], "letter.txt")?;
    let tree = scene.arrives("MKCOL and PUT")?;
    ensure!(tree.files() == 2, "{:?}", tree.0.keys());
    let to = |path: &str| format!("Destination: {}", url(path));
    curl(&["-X", "MOVE", "-H", &to("papers/moved.txt")], "letter.txt")?;
    curl(&["-X", "COPY", "-H", &to("copied.bin")], "papers/large.bin")?;
    curl(&["-T", "letter-2.txt"], "papers/moved.txt")?;
    let tree = scene.arrives("MOVE, COPY and PUT over a file")?;
    ensure!(tree.files() == 3, "{:?}", tree.0.keys());
    curl(&["-X", "MOVE", "-H", &to("sheets")], "papers")?;
    curl(&["-X", "DELETE"], "copied.bin")?;
    let tree = scene.arrives("MOVE of a directory and DELETE")?;
    ensure!(tree.files() == 2, "{:?}", tree.0.keys());
    scene.write_on_device("sheets/from-laptop.txt", "for whoever mounts it")?;
    let listed = curl(&["-X", "PROPFIND", "-H", "Depth: 1"], "sheets")?;
    ensure!(listed.contains("from-laptop.txt"), "{listed}");
    ensure!(curl(&[], "sheets/from-laptop.txt")? == "for whoever mounts it");
    Ok(())
}

#[test]
fn nothing_of_a_file_server_is_left_behind() {
    // The guard is tried with something that starts a process of its own, as file servers do.
    let Ok(address) = free_address() else { return };
    let listener = std::net::TcpListener::bind(address).expect("it was free a moment ago");
    let place = tempfile::tempdir().expect("a test has a directory");
    let pid_file = place.path().join("pid");
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 600 & echo $! > \"$0\"; wait"]).arg(&pid_file);
    let daemon = Daemon::start(&mut command, address, &place.path().join("log")).expect("sh starts");
    let pid = e2e::process::eventually("a pid", std::time::Duration::from_secs(10), || {
        Ok(fs::read_to_string(&pid_file).ok().filter(|text| text.ends_with('\n')))
    });
    let pid = pid.expect("it is written at once");
    drop((daemon, listener));
    // It was killed before this line, but takes a moment to be gone.
    let gone = e2e::process::eventually("it is gone", std::time::Duration::from_secs(10), || {
        let state = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat")).unwrap_or_default();
        Ok((state.is_empty() || state.contains(") Z ")).then_some(()))
    });
    gone.expect("nothing is left behind");
}
