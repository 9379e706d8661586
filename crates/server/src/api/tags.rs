//! `ETag` and `If-Match` of what is edited: who changes what somebody else has changed meanwhile is told so.

use crate::admin::Expected;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::AppendHeaders;

/// The most tags of a request that are looked at.
const TAGS_MAX: usize = 16;

/// The header that names a state.
pub(crate) fn etag(tag: &str) -> AppendHeaders<[(HeaderName, HeaderValue); 1]> {
    let value = HeaderValue::from_str(&format!("\"{tag}\"")).expect("a tag is hexadecimal digits");
    AppendHeaders([(ETAG, value)])
}

/// The states in which the thing may be (RFC 9110, 13.1.1); none without the header, and for `*`. What is no tag of ours
/// fits none.
pub(crate) fn expected(headers: &HeaderMap) -> Expected {
    let lines: Vec<&str> =
        headers.get_all(IF_MATCH).iter().map(|value| value.to_str().unwrap_or("?")).collect();
    let tags = || lines.iter().flat_map(|line| line.split(',')).map(str::trim).take(TAGS_MAX);
    if lines.is_empty() || tags().any(|tag| tag == "*") {
        return None;
    }
    Some(tags().filter_map(|tag| Some(tag.strip_prefix('"')?.strip_suffix('"')?.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_names_states_or_any() {
        let of = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_MATCH, line.parse().unwrap());
            }
            expected(&headers)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["*"]), None);
        assert_eq!(of(&["\"a\", \"b\"", "\"c\""]), Some(vec!["a".into(), "b".into(), "c".into()]));
        assert_eq!(of(&["W/\"a\""]), Some(vec![]), "a weak tag never fits");
        assert_eq!(of(&["nonsense"]), Some(vec![]));
    }
}
