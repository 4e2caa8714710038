//! A header block cut into its fields, in their order, bytes untouched.

/// One field of a header.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    name: String,
    value: &'a [u8],
}

impl Field<'_> {
    /// The name in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has this name, given in lower case.
    pub fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// The value, unfolded; what is no UTF-8 in it is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.value).replace(['\r', '\n'], "").trim().to_owned()
    }
}

/// Header block (its blank line included) and body.
pub fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(raw.len(), |line| at + line + 1);
        let line = raw.get(at..end).unwrap_or_default();
        if matches!(line, b"\n" | b"\r\n") {
            return raw.split_at(end);
        }
        at = end;
    }
    (raw, &[])
}

/// The fields of a header block; none where there is not one, or more than `most`. A line that is no field, mbox's
/// `From ` line for example, is passed over.
pub fn fields(head: &[u8], most: usize) -> Option<Vec<Field<'_>>> {
    let mut found: Vec<Field<'_>> = Vec::new();
    let mut begin = 0;
    while begin < head.len() {
        let mut end = line_end(head, begin);
        // A line that begins with a space belongs to the one before it.
        while head.get(end).is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            end = line_end(head, end);
        }
        if let Some(field) = head.get(begin..end).and_then(field) {
            if found.len() == most {
                return None;
            }
            found.push(field);
        }
        begin = end;
    }
    (!found.is_empty()).then_some(found)
}

fn line_end(head: &[u8], from: usize) -> usize {
    let rest = head.get(from..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(head.len(), |line| from + line + 1)
}

fn field(line: &[u8]) -> Option<Field<'_>> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    let named = !name.is_empty() && name.len() <= 200 && name.iter().all(u8::is_ascii_graphic);
    let name = named.then(|| String::from_utf8_lossy(name).to_ascii_lowercase())?;
    Some(Field { name, value: line.get(colon + 1..)? })
}
