//! Links to video conferences: whether one leads to a provider that the firm allows (SOP 6).

/// Whether `link` is an `https` link whose host is one of these, or lies below one. A link that says another host than it
/// leads to (`user@`), or writes one in letters that look like others, is none.
pub fn is_allowed(link: &str, providers: &[String]) -> bool {
    host(link).is_some_and(|host| {
        providers.iter().any(|provider| {
            let provider = provider.to_ascii_lowercase();
            host == provider || host.strip_suffix(&provider).is_some_and(|sub| sub.ends_with('.'))
        })
    })
}

/// The host that an `https` link leads to, in lower case; none where it has another scheme, a user, or strange characters.
fn host(link: &str) -> Option<String> {
    // Browsers drop tabs and line breaks inside a link, so that what one reads is not where one gets.
    if link.chars().any(|letter| letter.is_control() || letter.is_whitespace() || letter == '\\') {
        return None;
    }
    let (scheme, rest) = link.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (name, port) = authority.split_once(':').map_or((authority, "443"), |(name, port)| (name, port));
    let name = name.strip_suffix('.').unwrap_or(name);
    let sound = !name.is_empty()
        && name.split('.').all(|label| !label.is_empty())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
        && port.parse::<u16>().is_ok();
    sound.then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn a_link_is_allowed_by_its_host_and_hosts_below_it() {
        let providers = ["zoom.us".to_owned(), "Teams.Microsoft.com".to_owned()];
        for link in [
            "https://zoom.us/j/123",
            "https://us02web.zoom.us/j/123?pwd=x@y",
            "HTTPS://ZOOM.US",
            "https://zoom.us:443/j/1",
            "https://zoom.us./j/1",
            "https://teams.microsoft.com/l/meetup-join/19%3a",
            "https://zoom.us#https://evil.example",
        ] {
            assert!(is_allowed(link, &providers), "{link}");
        }
    }

    #[test]
    fn another_host_however_it_is_dressed_up_is_not() {
        let providers = ["zoom.us".to_owned()];
        for link in [
            "",
            "zoom.us/j/123",
            "http://zoom.us/j/123",
            "ftp://zoom.us/",
            "https://",
            "https:///zoom.us",
            "https://evil.example/zoom.us",
            "https://notzoom.us/j/1",
            "https://zoom.us.evil.example/j/1",
            "https://zoom.us@evil.example/j/1",
            "https://evil.example#@zoom.us",
            "https://evil.example\\.zoom.us/",
            "https://evil.example\t.zoom.us/",
            "https://zoоm.us/j/1",
            "https://xn--zom-yod.us/j/1",
            "https://.zoom.us/",
            "https://zoom.us:evil/",
            "javascript:https://zoom.us/",
        ] {
            assert!(!is_allowed(link, &providers), "{link}");
        }
        assert!(!is_allowed("https://zoom.us/j/1", &[]), "where none is allowed, none is");
    }
}
