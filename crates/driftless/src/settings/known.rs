//! Which settings there are, and what may have been meant by others.

use anyhow::bail;
use confique::meta::{FieldKind, Meta};

/// How much of a name may be wrong to be taken for another.
const LIKENESS: f64 = 0.8;

/// A setting.
pub(super) struct Leaf {
    /// Its name with that of its section: `limits.connections`.
    pub(super) key: String,
    pub(super) variable: Option<&'static str>,
    pub(super) doc: String,
}

/// Every setting, in the order they are described.
pub(super) fn leaves(meta: &Meta) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(meta, "", &mut found);
    found
}

fn collect(meta: &Meta, section: &str, found: &mut Vec<Leaf>) {
    for field in meta.fields {
        let key = format!("{section}{}", field.name);
        match &field.kind {
            FieldKind::Leaf { env, .. } => {
                let doc = field.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
                found.push(Leaf { key, variable: *env, doc });
            }
            FieldKind::Nested { meta } => collect(meta, &format!("{key}."), found),
        }
    }
}

/// Fails if a file sets what is no setting.
pub(super) fn check_file(meta: &Meta, text: &str) -> anyhow::Result<()> {
    let table: toml::Table = toml::from_str(text)?;
    let mut keys = Vec::new();
    flatten(&table, "", &mut keys);
    let known: Vec<String> = leaves(meta).into_iter().map(|leaf| leaf.key).collect();
    for key in keys {
        if !known.contains(&key) {
            let hint = meant(&key, &known).map(|meant| format!("; did you mean `{meant}`?"));
            bail!("`{key}` is no setting{}", hint.unwrap_or_default());
        }
    }
    Ok(())
}

fn flatten(table: &toml::Table, section: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = format!("{section}{name}");
        match value {
            toml::Value::Table(inner) => flatten(inner, &format!("{key}."), keys),
            _ => keys.push(key),
        }
    }
}

/// Fails if a variable looks like a setting in a section, and is none.
pub(super) fn check_variables(meta: &Meta, names: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let known: Vec<String> =
        leaves(meta).into_iter().filter_map(|leaf| leaf.variable.map(str::to_owned)).collect();
    for name in names.filter(|name| name.starts_with("DRIFTLESS_") && name.contains("__")) {
        if !known.contains(&name) {
            let hint = meant(&name, &known).map(|meant| format!("; did you mean {meant}?"));
            bail!("the variable {name} is no setting{}", hint.unwrap_or_default());
        }
    }
    Ok(())
}

fn meant<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    let likeness = |candidate: &String| strsim::jaro_winkler(name, candidate);
    let best = known.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(best) >= LIKENESS).then_some(best)
}
