//! References to earlier answers: `${name.path.to.field}`, where a list's element is its number from 0.

use std::collections::BTreeMap;

use serde_json::Value;

/// Replaces every reference in `text` by what `resolve` gives for its path.
///
/// # Errors
/// The first that `resolve` gives.
pub fn fill_with<E>(text: &str, mut resolve: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        out.push_str(&rest[..start]);
        out.push_str(&resolve(&rest[start + 2..start + length])?);
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The value at a path of an answer.
pub fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').filter(|part| !part.is_empty()).try_fold(value, |value, part| match value {
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        Value::Object(fields) => fields.get(part),
        _ => None,
    })
}

/// Replaces references by what earlier answers hold; `escape` prepares a value for where the text goes.
///
/// # Errors
/// A sentence about the first reference that leads nowhere.
pub fn fill(text: &str, saved: &BTreeMap<String, Value>, escape: impl Fn(&str) -> String) -> Result<String, String> {
    fill_with(text, |path| {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let value = saved.get(name).and_then(|value| at(value, rest));
        match value {
            Some(Value::String(text)) => Ok(escape(text)),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::Bool(truth)) => Ok(truth.to_string()),
            _ => Err(format!("`${{{path}}}` leads to nothing")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_replaced_by_the_field_it_leads_to() {
        let saved = BTreeMap::from([("a".to_owned(), serde_json::json!({"cases": [{"name": "cases/1"}]}))]);
        assert_eq!(fill("x ${a.cases.0.name} y", &saved, str::to_owned), Ok("x cases/1 y".to_owned()));
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_told() {
        assert_eq!(fill("${b.c}", &BTreeMap::new(), str::to_owned), Err("`${b.c}` leads to nothing".to_owned()));
    }
}
