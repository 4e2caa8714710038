//! Opaque keyset page tokens.
//!
//! A token is the last row's sort key, encoded; it names no offset, so that a page begins right behind the row it ended
//! at, whatever was inserted meanwhile. It is bound to the list it came from by a tag.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use refusal::Refusal;

/// Rows per page where the caller names none.
const DEFAULT: u32 = 50;

/// What a list was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most this many rows.
    pub size: u32,
    /// The last key of the page before; `None` on the first.
    pub after: Option<String>,
}

impl Page {
    /// From a request's fields; `list` names the list and its filter, for example `cases?client=clients/acme`.
    ///
    /// # Errors
    /// `BAD_PAGE_TOKEN` where the token is not one of this list's.
    pub fn read(list: &str, page_size: i32, page_token: &str) -> Result<Self, Refusal> {
        let size = u32::try_from(page_size).ok().filter(|size| *size > 0).unwrap_or(DEFAULT);
        if page_token.is_empty() {
            return Ok(Self { size, after: None });
        }
        let bad = || Refusal::field("BAD_PAGE_TOKEN", "page_token", "is not a token of this list; begin without one");
        let bytes = URL_SAFE_NO_PAD.decode(page_token).map_err(|_| bad())?;
        let text = String::from_utf8(bytes).map_err(|_| bad())?;
        let (tag, key) = text.split_once('\n').ok_or_else(bad)?;
        if tag != list {
            return Err(bad());
        }
        Ok(Self { size, after: Some(key.to_owned()) })
    }

    /// One row more than the page holds, by which a list knows whether there is a next one.
    pub fn limit(&self) -> i64 {
        i64::from(self.size) + 1
    }

    /// Cuts the rows to the page and gives the token of the next one; `key` is a row's sort key.
    pub fn cut<T>(&self, list: &str, rows: &mut Vec<T>, key: impl Fn(&T) -> String) -> String {
        if rows.len() <= self.size as usize {
            return String::new();
        }
        rows.truncate(self.size as usize);
        rows.last().map(|row| URL_SAFE_NO_PAD.encode(format!("{list}\n{}", key(row)))).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_page_ends_with_a_token_that_begins_the_next_one() {
        let page = Page::read("staff", 2, "").unwrap();
        let mut rows = vec!["a", "b", "c"];
        let token = page.cut("staff", &mut rows, |row| (*row).to_owned());
        assert_eq!(rows, ["a", "b"]);
        assert_eq!(Page::read("staff", 2, &token).unwrap().after.unwrap(), "b");
    }

    #[test]
    fn a_token_of_another_list_is_refused() {
        let page = Page { size: 1, after: None };
        let token = page.cut("staff", &mut vec!["a", "b"], |row| (*row).to_owned());
        assert_eq!(Page::read("cases", 2, &token).unwrap_err().reason, "BAD_PAGE_TOKEN");
    }

    #[test]
    fn the_last_page_has_no_token() {
        let page = Page::read("staff", 0, "").unwrap();
        assert_eq!((page.size, page.cut("staff", &mut vec!["a"], |row| (*row).to_owned())), (50, String::new()));
    }
}
