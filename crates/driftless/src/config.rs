//! `driftless config …`.

use crate::cli::{ConfigCommand, Places, Role};
use crate::data::Data;
use crate::device::home_directory;
use crate::output;
use crate::settings::{self, ClientSettings, Loaded, ServerSettings, Settings};
use confique::{Config, Layer as _};
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Show { places: Places { role, data, home }, json } => match role {
            Role::Server => show::<ServerSettings>(Data::at(data.data.as_deref())?.directory(), *json)?,
            Role::Client => show::<ClientSettings>(&home_directory(home)?, *json)?,
        },
        ConfigCommand::Sample { role } => {
            let text = match role {
                Role::Server => settings::sample::<ServerSettings>(),
                Role::Client => settings::sample::<ClientSettings>(),
            };
            output::line(text.trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show<S: Settings>(directory: &Path, json: bool) -> anyhow::Result<()> {
    let Loaded { shown, .. } = settings::load::<S>(<S as Config>::Layer::empty(), directory)?;
    if json {
        return output::json(&shown);
    }
    let mut rows = vec![vec!["SETTING".to_owned(), "VALUE".to_owned(), "FROM".to_owned()]];
    rows.extend(shown.into_iter().map(|line| {
        let value = match line.value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => "-".to_owned(),
            value => value.to_string(),
        };
        vec![line.key, value, line.origin.to_string()]
    }));
    output::table(&rows);
    Ok(())
}
