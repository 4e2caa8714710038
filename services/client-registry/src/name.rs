//! Resource names: built from ids for answers and events, taken apart in requests. Inside, ids are used alone.

use refusal::Refusal;

/// `clients/{client}`
pub(crate) fn client(id: &str) -> String {
    format!("clients/{id}")
}

/// `clients/{client}/engagements/{engagement}`
pub(crate) fn engagement(client: &str, id: &str) -> String {
    format!("clients/{client}/engagements/{id}")
}

/// `clients/{client}/engagements/{engagement}/plan`
pub(crate) fn plan(client: &str, engagement: &str) -> String {
    format!("clients/{client}/engagements/{engagement}/plan")
}

/// `clients/{client}/contacts/{contact}`
pub(crate) fn contact(client: &str, id: &str) -> String {
    format!("clients/{client}/contacts/{id}")
}

/// `calendars/{calendar}`
pub(crate) fn calendar(id: &str) -> String {
    format!("calendars/{id}")
}

/// `staff/{staff}`
pub(crate) fn staff(id: &str) -> String {
    format!("staff/{id}")
}

/// `staff/{staff}/absences/{absence}`
pub(crate) fn absence(staff: &str, id: &str) -> String {
    format!("staff/{staff}/absences/{id}")
}

/// `policies/{version}`
pub(crate) fn policy(version: u64) -> String {
    format!("policies/{version}")
}

/// The id in a name of one segment, such as `staff/anna`.
///
/// # Errors
/// `BAD_NAME` where `name`, which stands in `field`, is not of the collection. The contract's pattern lets no such name
/// through but the empty one, in a resource that is found by its name.
pub(crate) fn id_in<'a>(collection: &str, name: &'a str, field: &str) -> Result<&'a str, Refusal> {
    name.strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|id| !id.is_empty() && !id.contains('/'))
        .ok_or_else(|| bad_name(field, &format!("{collection}/{{id}}")))
}

/// The client's id and the own id in `clients/{client}/{collection}/{id}`.
///
/// # Errors
/// As [`id_in`].
pub(crate) fn ids_in<'a>(collection: &str, name: &'a str, field: &str) -> Result<(&'a str, &'a str), Refusal> {
    let mut parts = name.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("clients"), Some(client), Some(middle), Some(id), None)
            if middle == collection && !client.is_empty() && !id.is_empty() =>
        {
            Ok((client, id))
        }
        _ => Err(bad_name(field, &format!("clients/{{client}}/{collection}/{{id}}"))),
    }
}

/// The client's and the engagement's id in `clients/{client}/engagements/{engagement}/plan`.
///
/// # Errors
/// As [`id_in`].
pub(crate) fn ids_of_plan<'a>(name: &'a str, field: &str) -> Result<(&'a str, &'a str), Refusal> {
    let engagement = name.strip_suffix("/plan");
    let engagement = engagement.ok_or_else(|| bad_name(field, "clients/{client}/engagements/{engagement}/plan"))?;
    ids_in("engagements", engagement, field)
}

fn bad_name(field: &str, form: &str) -> Refusal {
    Refusal::field("BAD_NAME", field, format!("is a name of the form {form}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_was_built_is_taken_apart_again() {
        assert_eq!(id_in("staff", &staff("anna"), "name").unwrap(), "anna");
        assert_eq!(ids_in("contacts", &contact("acme", "jo"), "name").unwrap(), ("acme", "jo"));
        assert_eq!(ids_in("engagements", &engagement("acme", "audit"), "name").unwrap(), ("acme", "audit"));
        assert_eq!(ids_of_plan(&plan("acme", "audit"), "name").unwrap(), ("acme", "audit"));
    }

    #[test]
    fn a_name_of_another_collection_or_none_is_refused_with_its_field() {
        for wrong in ["", "staff", "staff/", "staff/a/b", "clients/acme"] {
            let refusal = id_in("staff", wrong, "staff.name").unwrap_err();
            assert_eq!((refusal.reason, refusal.fields[0].field.as_str()), ("BAD_NAME", "staff.name"), "{wrong}");
        }
        assert!(ids_in("contacts", &engagement("acme", "audit"), "name").is_err());
        assert!(ids_in("contacts", "clients/acme/contacts/jo/x", "name").is_err());
        for wrong in ["", "plan", "/plan", "clients/acme/engagements/audit", "clients/acme/contacts/jo/plan"] {
            assert_eq!(ids_of_plan(wrong, "name").unwrap_err().reason, "BAD_NAME", "{wrong}");
        }
    }
}
