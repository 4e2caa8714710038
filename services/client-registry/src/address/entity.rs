//! When two ways to write an address mean the same one.

/// An address as it is compared: trimmed, lower case on both sides of the `@`. RFC 5321 lets the local part's case
/// matter; no mail server in use does, and two people told apart by it would be confused.
pub(crate) fn normalised(address: &str) -> String {
    address.trim().to_lowercase()
}

/// What follows the last `@`, in lower case, without a dot at its end.
pub(crate) fn domain_of(address: &str) -> Option<String> {
    let (_, domain) = address.trim().rsplit_once('@')?;
    Some(normalised_domain(domain))
}

/// Whether an address is of a domain itself; one below it is another one.
pub(crate) fn is_of_domain(address: &str, domain: &str) -> bool {
    domain_of(address).is_some_and(|own| own == normalised_domain(domain))
}

fn normalised_domain(domain: &str) -> String {
    domain.trim().trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_spaces_around_it_make_no_other_address() {
        assert_eq!(normalised(" Anna.Meyer@Firm.EXAMPLE\r\n"), "anna.meyer@firm.example");
    }

    #[test]
    fn an_address_is_of_its_own_domain_and_of_none_above_or_beside_it() {
        assert!(is_of_domain("anna@Firm.example", "firm.EXAMPLE."));
        for other in ["anna@sub.firm.example", "anna@firm.example.org", "anna@notfirm.example", "firm.example", "@", ""]
        {
            assert!(!is_of_domain(other, "firm.example"), "{other}");
        }
        assert!(is_of_domain("\"a@b\"@firm.example", "firm.example"), "the last @ counts");
    }
}
