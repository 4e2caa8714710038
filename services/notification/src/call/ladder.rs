//! Who is called next: the people in the registry's order, each one's numbers in order, then from the top again. Pure.

use std::collections::HashSet;

/// Somebody to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// A contact or a member of staff.
    pub person: String,
    /// In whose stead; empty otherwise.
    pub stands_in_for: String,
    /// In the order in which they are tried.
    pub phones: Vec<String>,
}

/// A person, and the blind index of one of their numbers.
pub type Tried = HashSet<(String, String)>;

/// The next number of this round; none where everybody was tried. `index` hides a number.
///
/// A person who stands in the list twice, as a deputy of two others does, is called once. A number of two people is called for
/// each: whoever answers for the one may not be the other.
pub fn next<'a>(rungs: &'a [Rung], tried: &Tried, index: impl Fn(&str) -> String) -> Option<(&'a Rung, &'a str)> {
    rungs.iter().find_map(|rung| {
        let phone = rung.phones.iter().find(|phone| !tried.contains(&(rung.person.clone(), index(phone))));
        phone.map(|phone| (rung, phone.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(person: &str, phones: &[&str]) -> Rung {
        Rung {
            person: person.into(),
            stands_in_for: String::new(),
            phones: phones.iter().map(|phone| (*phone).to_owned()).collect(),
        }
    }

    fn walk(rungs: &[Rung]) -> Vec<(String, String)> {
        let (mut tried, mut walked) = (Tried::new(), Vec::new());
        while let Some((rung, phone)) = next(rungs, &tried, str::to_owned) {
            let step = (rung.person.clone(), phone.to_owned());
            walked.push(step.clone());
            tried.insert(step);
        }
        walked
    }

    #[test]
    fn each_number_of_each_person_is_tried_once_in_order() {
        let rungs =
            [rung("a", &["1", "2"]), rung("deputy", &["3"]), rung("b", &[]), rung("c", &["2"]), rung("deputy", &["3"])];
        let walked = walk(&rungs);
        let walked: Vec<_> = walked.iter().map(|(person, phone)| (person.as_str(), phone.as_str())).collect();
        assert_eq!(walked, [("a", "1"), ("a", "2"), ("deputy", "3"), ("c", "2")]);
    }

    #[test]
    fn nobody_with_a_number_is_nobody_to_call() {
        assert!(walk(&[]).is_empty());
        assert!(walk(&[rung("a", &[])]).is_empty());
    }

    #[test]
    fn a_number_that_came_meanwhile_is_tried_where_it_stands() {
        let tried = Tried::from([("a".to_owned(), "1".to_owned())]);
        let rungs = [rung("a", &["0", "1"]), rung("b", &["5"])];
        assert_eq!(next(&rungs, &tried, str::to_owned).map(|(_, phone)| phone), Some("0"));
    }
}
