//! Settings in force, and where each came from.

use super::{Settings, known};
use confique::Layer as _;
use protocol::v1::{SettingEntry, SettingOrigin};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};

/// Settings in force.
#[derive(Debug)]
pub(crate) struct Loaded<S> {
    pub(crate) settings: S,
    /// Each with where it came from, in the order they are described.
    pub(crate) shown: Vec<Shown>,
}

/// A setting as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Shown {
    /// Its name with that of its section.
    pub(crate) key: String,
    /// What is in force; null if nothing was chosen and there is no default.
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    /// What it is for.
    pub(crate) description: String,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment(&'static str),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(variable) => f.write_str(variable),
            Self::File(path) => path.display().fmt(f),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Shown {
    /// The value as people read it; none if there is none.
    pub(crate) fn text(&self) -> Option<String> {
        match &self.value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Array(items) => {
                let items =
                    items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                Some(items.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
            }
            value => Some(value.to_string()),
        }
    }

    /// As the server tells it: all of these hold from its start on.
    pub(crate) fn to_wire(&self) -> SettingEntry {
        let (origin, source) = match &self.origin {
            Origin::Flag => (SettingOrigin::Flag, None),
            Origin::Environment(variable) => (SettingOrigin::Environment, Some((*variable).to_owned())),
            Origin::File(path) => (SettingOrigin::File, Some(path.display().to_string())),
            Origin::Default => (SettingOrigin::Default, None),
        };
        SettingEntry {
            key: self.key.clone(),
            value: self.text(),
            origin,
            source,
            needs_restart: true,
            description: self.description.clone(),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<S: Settings> Loaded<S> {
    /// Puts the layers together, the first being the strongest.
    pub(super) fn of(
        flags: S::Layer,
        environment: S::Layer,
        file: S::Layer,
        path: &Path,
    ) -> anyhow::Result<Self> {
        let layers = [
            serde_json::to_value(&flags)?,
            serde_json::to_value(&environment)?,
            serde_json::to_value(&file)?,
        ];
        let merged =
            flags.with_fallback(environment).with_fallback(file).with_fallback(S::Layer::default_values());
        let whole = serde_json::to_value(&merged)?;
        let show = |leaf: known::Leaf| {
            let origin = match layers.iter().position(|layer| !leaf_of(layer, &leaf.key).is_null()) {
                Some(0) => Origin::Flag,
                Some(1) => Origin::Environment(leaf.variable.unwrap_or("the environment")),
                Some(_) => Origin::File(path.to_owned()),
                None => Origin::Default,
            };
            Shown { value: leaf_of(&whole, &leaf.key).clone(), key: leaf.key, origin, description: leaf.doc }
        };
        let shown = known::leaves(&S::META).into_iter().map(show).collect();
        Ok(Self { settings: S::from_layer(merged)?, shown })
    }
}

fn leaf_of<'a>(layer: &'a Value, key: &str) -> &'a Value {
    key.split('.').fold(layer, |value, name| value.get(name).unwrap_or(&Value::Null))
}
