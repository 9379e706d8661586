//! The golden scenarios that stand in `testkit/scenarios`.

use super::{Scenario, parse};
use std::path::{Path, PathBuf};

/// All of them, each with the name of its file.
pub fn golden() -> Result<Vec<(String, Scenario)>, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries =
        std::fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "scenario"));
    files.sort();
    let mut scenarios = Vec::new();
    for path in files {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        let read = parse(&text).map_err(|error| format!("{file}, {error}"))?;
        scenarios.extend(read.into_iter().map(|scenario| (file.clone(), scenario)));
    }
    Ok(scenarios)
}
