//! What a provider says of a person beside who it is: names and groups, in whatever form providers have.

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most groups that are looked at.
const GROUPS_MAX: usize = 1_000;
/// The longest name of a group there.
const GROUP_BYTES_MAX: usize = protocol::v1::SSO_TEXT_BYTES_MAX;

/// Claims that are not of the standard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rest {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for Rest {}

impl Rest {
    /// The groups in a claim; none if it is not there. `a.b` is `b` within `a`, unless there is a claim `a.b`.
    pub(super) fn groups(&self, claim: &str) -> Option<Vec<String>> {
        let value = match self.claims.get(claim) {
            Some(value) => value,
            None => {
                let (first, rest) = claim.split_once('.')?;
                rest.split('.').try_fold(self.claims.get(first)?, |value, part| value.get(part))?
            }
        };
        let fits = |group: &&str| (1..=GROUP_BYTES_MAX).contains(&group.len());
        let groups: Vec<&str> = match value {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            // Roles as keys, with what they are for as values.
            Value::Object(many) => many.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        Some(groups.into_iter().filter(fits).take(GROUPS_MAX).map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn groups(claims: Value, claim: &str) -> Option<Vec<String>> {
        serde_json::from_value::<Rest>(claims).unwrap().groups(claim)
    }

    #[test]
    fn groups_are_found_in_every_form_that_providers_have() {
        let some = |list: &[&str]| Some(list.iter().map(|text| (*text).to_owned()).collect());
        assert_eq!(groups(json!({ "groups": ["a", "/b"] }), "groups"), some(&["a", "/b"]));
        assert_eq!(groups(json!({ "groups": "a" }), "groups"), some(&["a"]));
        assert_eq!(groups(json!({ "realm_access": { "roles": ["a"] } }), "realm_access.roles"), some(&["a"]));
        assert_eq!(groups(json!({ "urn:x.y": { "a": { "1": "z" } } }), "urn:x.y"), some(&["a"]));
        assert_eq!(groups(json!({ "groups": [] }), "groups"), some(&[]));
        assert_eq!(groups(json!({ "groups": [1, null, {}, "", "a"] }), "groups"), some(&["a"]));
        for odd in [json!(7), json!(null), json!(true)] {
            assert_eq!(groups(json!({ "groups": odd }), "groups"), some(&[]));
        }
        assert_eq!(groups(json!({}), "groups"), None);
        assert_eq!(groups(json!({ "a": ["b"] }), "a.b.c"), None);
        let many: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
        assert_eq!(groups(json!({ "groups": many }), "groups").unwrap().len(), GROUPS_MAX);
    }
}
