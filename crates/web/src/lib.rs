//! The web page, as files in the program: `ui/` built by the build script, packed, with a table of what is there.
//!
//! *Always:* what is embedded was built from these sources and `docs/openapi.json`, whose types the page uses; nothing that
//! is generated is kept with the sources. *Never:* a file is read while the program runs. Where npm was missing when it was
//! built, one page says so ([`is_placeholder`]). Who serves it decides about headers; see `server`.

/// A file of the page.
#[derive(Debug)]
pub struct Asset {
    /// Where it is asked for, without the first `/`.
    pub path: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
    /// Its bytes packed by brotli, where that is less.
    pub brotli: Option<&'static [u8]>,
    /// A strong entity tag, quotes included.
    pub tag: &'static str,
}

impl Asset {
    /// Whether its name has the hash of its bytes in it: under this name it will never be another.
    pub fn is_hashed(&self) -> bool {
        self.path.starts_with("assets/")
    }
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The file of this path, without a first `/`.
pub fn asset(path: &str) -> Option<&'static Asset> {
    FILES.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|index| &FILES[index])
}

/// The page itself, which every place of it begins with.
pub fn index() -> &'static Asset {
    asset("index.html").expect("the build script refuses to build without it")
}

/// Whether the page was missing when this was built, and a page that says so stands in for it.
pub fn is_placeholder() -> bool {
    IS_PLACEHOLDER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_by_its_path() {
        for file in FILES {
            assert!(std::ptr::eq(asset(file.path).unwrap(), file), "{}", file.path);
        }
        assert!(asset("assets/none.js").is_none());
        assert!(asset("").is_none());
    }

    #[test]
    fn the_page_names_only_files_that_are_there() {
        let page = std::str::from_utf8(index().bytes).unwrap();
        for part in page.split(['"', '\'']).filter_map(|part| part.strip_prefix('/')) {
            assert!(asset(part).is_some(), "/{part}");
        }
    }

    #[test]
    fn nothing_in_the_page_is_active_in_place() {
        let page = std::str::from_utf8(index().bytes).unwrap();
        for (start, _) in page.match_indices("<script") {
            assert!(page[start..].split('>').next().unwrap().contains("src="), "an inline script");
        }
        assert!(!page.contains("<style") && !page.contains(" style="), "an inline style");
    }
}
