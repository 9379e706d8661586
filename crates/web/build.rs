//! Builds the page from `ui/` with npm and writes the table of its files.
//!
//! Works below `OUT_DIR` only: the source tree stays as it is. Without npm the table holds one page that says so, loudly,
//! and everything else of the program works.
//!
//! - `DRIFTLESS_WEB_DIST=DIR`: embeds what was built there, and calls no npm (distributions, developers).
//! - `DRIFTLESS_REQUIRE_WEB=1`: fails where the page would be missing (releases).

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// What the page is made of, below `ui/`.
const SOURCES: [&str; 9] = [
    "src",
    "public",
    "scripts",
    "index.html",
    "package.json",
    "package-lock.json",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
];
const NPM_SETTINGS: &str = ".npmrc";
const API: &str = "../../docs/openapi.json";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let sources = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("ui");
    let out = PathBuf::from(variable("OUT_DIR")?);
    for name in ["DRIFTLESS_WEB_DIST", "DRIFTLESS_REQUIRE_WEB", "DOCS_RS"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    for source in SOURCES.iter().chain([&NPM_SETTINGS]) {
        println!("cargo:rerun-if-changed=ui/{source}");
    }
    println!("cargo:rerun-if-changed={API}");

    let built = match env::var_os("DRIFTLESS_WEB_DIST") {
        Some(dist) => {
            println!("cargo:rerun-if-changed={}", dist.display());
            Ok(PathBuf::from(dist))
        }
        None if env::var_os("DOCS_RS").is_some() => Err("documentation is built without it".into()),
        None => build(&sources, &out.join("ui")),
    };
    let dist = match built {
        Ok(dist) => Some(dist),
        Err(error) if env::var_os("DRIFTLESS_REQUIRE_WEB").is_some() => return Err(error),
        Err(error) => {
            println!("cargo:warning=THE WEB PAGE IS MISSING from this build: {error}");
            println!(
                "cargo:warning=Install Node.js 20.19 or newer with npm and build again; all else works without it."
            );
            None
        }
    };
    let files = match &dist {
        Some(dist) => files_below(dist)?,
        None => vec![placeholder(&out)?],
    };
    fs::write(out.join("files.rs"), table(&files, dist.is_none())?)?;
    Ok(())
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}

/// Copies the sources, installs what they need if that has changed, and has them built.
fn build(sources: &Path, work: &Path) -> Result<PathBuf> {
    fs::create_dir_all(work)?;
    for source in SOURCES.iter().filter(|source| sources.join(source).is_dir()) {
        // What was deleted in the sources is not to be built.
        remove_if_there(&work.join(source))?;
    }
    for source in SOURCES.iter().chain([&NPM_SETTINGS]) {
        copy(&sources.join(source), &work.join(source))?;
    }
    let lock = fs::read(sources.join("package-lock.json"))?;
    let stamp = work.join("node_modules/.driftless-lock");
    if fs::read(&stamp).ok().as_ref() != Some(&lock) {
        npm(work, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
        fs::write(&stamp, &lock)?;
    }
    remove_if_there(&work.join("dist"))?;
    npm(work, &["run", "build"])?;
    Ok(work.join("dist"))
}

fn npm(work: &Path, arguments: &[&str]) -> Result<()> {
    let api = fs::canonicalize(API)?;
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(work)
        .env("DRIFTLESS_OPENAPI", api)
        .env_remove("NODE_ENV")
        .output()
        .map_err(|error| format!("npm cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().rev().filter(|line| !line.trim().is_empty()).take(8).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(format!("`npm {}` failed: {}", arguments.join(" "), last.join(" | ")).into())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        // Developers' own; the build makes it anew.
        if entry.file_name() != "schema.d.ts" {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// A built file: the path it is asked for by, and where it lies.
struct Built {
    path: String,
    file: PathBuf,
}

fn files_below(dist: &Path) -> Result<Vec<Built>> {
    let dist = fs::canonicalize(dist)?;
    let mut files = Vec::new();
    let mut directories = vec![dist.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let file = entry?.path();
            if file.is_dir() {
                directories.push(file);
            } else if file.extension().is_none_or(|end| end != "br") {
                let below = file.strip_prefix(&dist)?.to_str().ok_or("a built file whose name is no text")?;
                files.push(Built { path: below.replace('\\', "/"), file });
            }
        }
    }
    if !files.iter().any(|built| built.path == "index.html") {
        return Err(format!("{} holds no index.html", dist.display()).into());
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Driftless</title>\
    <h1>Driftless runs, without its web page</h1>\
    <p>It was built where npm was missing or failed. Install Node.js 20.19 or newer with npm and build it again. \
    Clients, the command line and the web API work.</p></html>\n";

fn placeholder(out: &Path) -> Result<Built> {
    let file = out.join("placeholder.html");
    fs::write(&file, PLACEHOLDER)?;
    Ok(Built { path: "index.html".to_owned(), file })
}

fn media_type(path: &str) -> Result<&'static str> {
    Ok(match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json" | "webmanifest") => "application/json",
        Some("md" | "txt") => "text/plain; charset=utf-8",
        _ => return Err(format!("{path}: no media type is known for it: name one in build.rs").into()),
    })
}

fn table(files: &[Built], placeholder: bool) -> Result<String> {
    let mut code = format!("const IS_PLACEHOLDER: bool = {placeholder};\nstatic FILES: &[Asset] = &[\n");
    for Built { path, file } in files {
        let tag = blake3::hash(&fs::read(file)?).to_hex();
        let packed = PathBuf::from(format!("{}.br", file.display()));
        let packed =
            if packed.exists() { format!("Some(include_bytes!({packed:?}))") } else { "None".to_owned() };
        writeln!(
            code,
            "    Asset {{ path: {path:?}, media_type: {:?}, bytes: include_bytes!({file:?}), brotli: {packed}, \
             tag: \"\\\"{}\\\"\" }},",
            media_type(path)?,
            &tag[..32],
        )?;
    }
    code.push_str("];\n");
    Ok(code)
}
