use std::{collections::BTreeSet, fmt};

/// The variables of an `example.env`, those marked `# optional: ` among them.
pub fn example_env(prefix: &str, text: &str) -> Vec<(String, String)> {
    text.lines()
        .map(|line| line.strip_prefix("# optional: ").unwrap_or(line))
        .filter(|line| line.starts_with(prefix))
        .map(|line| line.split_once('=').unwrap())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The variables that `settings` are read from, as its `Debug` names its fields; those of a table below it are `<table>__`.
pub fn keys_of(prefix: &str, settings: &impl fmt::Debug) -> BTreeSet<String> {
    let shown = format!("{settings:#?}");
    let (mut keys, mut tables) = (BTreeSet::new(), vec![prefix.to_owned()]);
    for line in shown.lines().skip(1) {
        let depth = (line.len() - line.trim_start().len()) / 4;
        let Some((field, value)) = line.trim().split_once(": ") else { continue };
        let known = tables.get(..depth).is_some_and(|tables| tables.iter().all(|table| !table.is_empty()));
        if !known || field.contains(|it: char| !(it.is_ascii_lowercase() || it == '_')) {
            continue;
        }
        tables.truncate(depth);
        // An Option or a Vec over several lines opens a parenthesis or a bracket; a table opens a brace.
        if value.ends_with('{') {
            tables.push(field.to_uppercase());
        } else {
            keys.insert(
                tables.iter().map(String::as_str).chain([field.to_uppercase().as_str()]).collect::<Vec<_>>().join("__"),
            );
        }
    }
    keys
}
