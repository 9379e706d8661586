//! What can be chosen about a server or a client that runs: flags, then the environment, then a file, then defaults.
//!
//! Each setting is a field of [`ServerSettings`] or [`ClientSettings`] and said nowhere else: its flag, its variable, its
//! place in the file, its default and its description come from there. The variable of `limits.connections` is
//! `DRIFTLESS_LIMITS__CONNECTIONS`. What nobody knows, in the file or in such a variable, is an error that says what may have
//! been meant.

mod client;
mod known;
mod loaded;
mod server;
mod values;

pub(crate) use client::ClientSettings;
pub(crate) use loaded::{Loaded, Shown};
pub(crate) use server::ServerSettings;
pub(crate) use values::{LogFormat, PreviewMode, Size, Speed, Text, TlsMode};

use anyhow::Context as _;
use confique::{Config, Layer as _};
use serde::Serialize;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Settings of one kind of long-running process.
pub(crate) trait Settings: Config<Layer: Serialize> {
    /// The name of their file, in the data directory or home.
    const FILE: &'static str;
}

impl Settings for ServerSettings {
    const FILE: &'static str = "driftless.toml";
}

impl Settings for ClientSettings {
    const FILE: &'static str = "client.toml";
}

/// What is in force: flags before the environment before the file in this directory before the defaults.
pub(crate) fn load<S: Settings>(flags: S::Layer, directory: &Path) -> anyhow::Result<Loaded<S>> {
    known::check_variables(&S::META, std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
    let environment = S::Layer::from_env().context("the environment")?;
    let path = file_of::<S>(directory);
    let file = match std::fs::read_to_string(&path) {
        Ok(text) => read::<S>(&text).with_context(|| path.display().to_string())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => S::Layer::empty(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    Loaded::of(flags, environment, file, &path)
}

/// What a file says.
fn read<S: Settings>(text: &str) -> anyhow::Result<S::Layer> {
    known::check_file(&S::META, text)?;
    Ok(toml::from_str(text)?)
}

/// Where settings are written down.
pub(crate) fn file_of<S: Settings>(directory: &Path) -> PathBuf {
    directory.join(S::FILE)
}

/// A file with every setting described and none set.
pub(crate) fn sample<S: Settings>() -> String {
    confique::toml::template::<S>(confique::toml::FormatOptions::default())
}

/// Writes the sample, unless there is a file already.
pub(crate) fn write_sample<S: Settings>(directory: &Path) -> anyhow::Result<()> {
    let path = file_of::<S>(directory);
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => file.write_all(sample::<S>().as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::loaded::Origin;
    use super::*;

    fn origin_of<S: Settings>(loaded: &Loaded<S>, key: &str) -> (String, Origin) {
        let shown = loaded.shown.iter().find(|shown| shown.key == key).unwrap();
        (shown.value.to_string(), shown.origin.clone())
    }

    #[test]
    fn flags_beat_the_environment_beats_the_file_beats_defaults() {
        let layer = |text: &str| read::<ServerSettings>(text).unwrap();
        let path = Path::new("/data/driftless.toml");
        let loaded = Loaded::<ServerSettings>::of(
            layer("listen = '127.0.0.1:1'"),
            layer("listen = '127.0.0.1:2'\n[limits]\nconnections = 2"),
            layer("listen = '127.0.0.1:3'\nwatch = 'scan'\n[limits]\nconnections = 3\ntransfers = 3"),
            path,
        )
        .unwrap();
        assert_eq!(loaded.settings.listen.port(), 1);
        assert_eq!(loaded.settings.limits.connections, 2);
        assert_eq!(loaded.settings.limits.transfers, 3);
        assert_eq!(origin_of(&loaded, "listen"), ("\"127.0.0.1:1\"".into(), Origin::Flag));
        let variable = Origin::Environment("DRIFTLESS_LIMITS__CONNECTIONS");
        assert_eq!(origin_of(&loaded, "limits.connections"), ("2".into(), variable));
        assert_eq!(origin_of(&loaded, "watch"), ("\"scan\"".into(), Origin::File(path.into())));
        assert_eq!(origin_of(&loaded, "limits.device_transfers"), ("8".into(), Origin::Default));
    }

    #[test]
    fn what_nobody_knows_is_an_error_that_says_what_may_have_been_meant() {
        let complaint = |text: &str| format!("{:#}", read::<ServerSettings>(text).unwrap_err());
        assert!(complaint("lisen = '127.0.0.1:1'").contains("`lisen` is no setting; did you mean `listen`?"));
        assert!(complaint("[limits]\ntransfer = 1").contains("did you mean `limits.transfers`?"));
        assert!(complaint("[limit]\ntransfers = 1").contains("did you mean `limits.transfers`?"));
        assert!(!complaint("quite_another_thing = 1").contains("did you mean"));
        assert!(complaint("listen = 5").contains("listen"), "{}", complaint("listen = 5"));
        let variables = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned());
            known::check_variables(&ServerSettings::META, names)
        };
        let complaint = variables(&["DRIFTLESS_LIMITS__TRANSFER"]).unwrap_err().to_string();
        assert!(complaint.contains("did you mean DRIFTLESS_LIMITS__TRANSFERS?"), "{complaint}");
        assert!(variables(&["DRIFTLESS_LIMITS__TRANSFERS", "DRIFTLESS_DATA", "HOME"]).is_ok());
    }

    #[test]
    fn every_setting_is_described_and_has_the_variable_of_its_name() {
        for meta in [&ServerSettings::META, &ClientSettings::META] {
            for leaf in known::leaves(meta) {
                let expected = format!("DRIFTLESS_{}", leaf.key.to_uppercase().replace('.', "__"));
                assert_eq!(leaf.variable, Some(expected.as_str()));
                assert!(!leaf.doc.is_empty(), "{} is not described", leaf.key);
            }
        }
    }

    #[test]
    fn the_sample_sets_nothing_and_names_everything() {
        let sample = sample::<ServerSettings>();
        assert!(read::<ServerSettings>(&sample).unwrap().is_empty());
        for leaf in known::leaves(&ServerSettings::META) {
            let name = leaf.key.rsplit('.').next().unwrap();
            assert!(sample.lines().any(|line| line.starts_with(&format!("#{name} ="))), "{}", leaf.key);
        }
    }
}
