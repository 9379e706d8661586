//! What lists of named things share: a search, and pages in the order of names.

use crate::failure::Failure;
use auth::account::name_key;
use model::{Name, NameKey, NameRule};
use serde::Deserialize;

/// The most entries of a page.
const PAGE_ENTRIES: usize = 200;

/// The longest search.
const SEARCH_BYTES_MAX: usize = 64;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// What names contain; capitals do not matter. All if not given.
    #[param(nullable = false)]
    pub(super) search: Option<String>,
    /// For the next page: `next` of the page before.
    #[param(nullable = false)]
    pub(super) after: Option<String>,
    /// The most entries of the page; 200 if not given, and never more.
    #[param(nullable = false)]
    pub(super) limit: Option<usize>,
}

/// What a list is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) search: Search,
    after: Option<NameKey>,
    pub(crate) limit: usize,
}

impl Query {
    pub(super) fn wanted(&self) -> Result<Wanted, Failure> {
        let after = self.after.as_deref().map(name_key).transpose();
        Ok(Wanted {
            search: Search::new(self.search.as_deref().unwrap_or_default())?,
            after: after.map_err(|_| Failure::invalid("'after' is 'next' of the page before."))?,
            limit: limit(self.limit),
        })
    }
}

pub(crate) fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(PAGE_ENTRIES).clamp(1, PAGE_ENTRIES)
}

/// A text that names are to contain.
#[derive(Debug, Clone)]
pub(crate) enum Search {
    /// Every name fits.
    All,
    Containing(NameKey),
    /// No name could fit.
    Nothing,
}

impl Search {
    pub(crate) fn new(text: &str) -> Result<Self, Failure> {
        if text.len() > SEARCH_BYTES_MAX {
            return Err(Failure::invalid(format!("A search has at most {SEARCH_BYTES_MAX} bytes.")));
        }
        let text = text.trim();
        Ok(match Name::new(text) {
            _ if text.is_empty() => Self::All,
            Ok(name) => Self::Containing(NameRule::Portable.key(&name)),
            Err(_) => Self::Nothing,
        })
    }

    pub(crate) fn fits(&self, key: &NameKey) -> bool {
        match self {
            Self::All => true,
            Self::Containing(part) => key.0.contains(&*part.0),
            Self::Nothing => false,
        }
    }

    /// For names that are not unique, and have no key.
    pub(crate) fn fits_name(&self, name: &str) -> bool {
        match (self, Name::new(name)) {
            (Self::All, _) => true,
            (_, Ok(name)) => self.fits(&NameRule::Portable.key(&name)),
            (_, Err(_)) => false,
        }
    }

    /// Whether a name begins with it.
    pub(crate) fn begins(&self, key: &NameKey) -> bool {
        match self {
            Self::All => true,
            Self::Containing(part) => key.0.starts_with(&*part.0),
            Self::Nothing => false,
        }
    }
}

/// A page of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The name of the last one, if others follow.
    pub(crate) next: Option<String>,
    pub(crate) total: u64,
}

/// The page of all things that is wanted, in the order of their keys.
pub(crate) fn page<T>(mut all: Vec<T>, wanted: &Wanted, name: impl Fn(&T) -> (&NameKey, &str)) -> Page<T> {
    all.retain(|item| wanted.search.fits(name(item).0));
    all.sort_by(|one, other| name(one).0.cmp(name(other).0));
    let total = all.len() as u64;
    if let Some(after) = &wanted.after {
        all.retain(|item| name(item).0 > after);
    }
    let more = all.len() > wanted.limit;
    all.truncate(wanted.limit);
    let next = all.last().filter(|_| more).map(|item| name(item).1.to_owned());
    Page { items: all, next, total }
}
