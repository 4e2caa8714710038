//! What each method asks for, read from the option `liaison.options.v1.access` of its contract.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};

use crate::Grants;

/// How far a permission must reach for a call to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The whole firm.
    Firm,
    /// The client whom the call concerns. Which one that is, only the use case knows: [`crate::Caller::require`].
    Client,
}

/// What one method asks of its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// The method's path, for example `/liaison.escalation.v1.CaseService/GetCase`.
    pub path: String,
    /// `<collection>.<verb>`; empty where `open`.
    pub permission: String,
    /// How far it must reach.
    pub reach: Reach,
    /// A valid token suffices.
    pub open: bool,
    /// Whether the caller sends a stream of messages.
    pub client_streaming: bool,
    /// Whether it answers with a stream.
    pub server_streaming: bool,
}

impl AccessRule {
    /// Whether the permission layer lets a caller with these grants through.
    pub fn admits(&self, grants: &Grants) -> bool {
        match (self.open, self.reach) {
            (true, _) => true,
            (false, Reach::Firm) => grants.holds_everywhere(&self.permission),
            (false, Reach::Client) => grants.holds_somewhere(&self.permission),
        }
    }

    /// Whether a decision of up to 30 seconds ago is not good enough: what cannot be taken back.
    pub(crate) fn asks_afresh(&self) -> bool {
        let verb = self.permission.rsplit('.').next().unwrap_or_default();
        ["export", "share", "erase", "break_glass"].contains(&verb)
    }
}

/// A contract whose rule makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The descriptor set lacks the option's definition.
    #[error("the descriptor set does not define liaison.options.v1.access")]
    NoOption,
    /// A rule is wrong; the first such is told.
    #[error("{path}: {fault}")]
    Wrong {
        /// The method.
        path: String,
        /// What is wrong with its rule.
        fault: &'static str,
    },
}

/// The rules of every method of the suite.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    by_path: BTreeMap<String, Option<AccessRule>>,
}

const OPTION: &str = "liaison.options.v1.access";

impl Rules {
    /// Reads the rules of the suite's own contracts.
    ///
    /// # Errors
    /// Where a rule makes no sense. A method without one is no error here: it is refused to everybody.
    pub fn load() -> Result<Self, RulesError> {
        Self::of(contracts::pool())
    }

    /// Reads the rules of the packages `liaison.*` in a pool.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn of(pool: &DescriptorPool) -> Result<Self, RulesError> {
        let option = pool.get_extension_by_name(OPTION).ok_or(RulesError::NoOption)?;
        let mut by_path = BTreeMap::new();
        for service in pool.services().filter(|service| service.full_name().starts_with("liaison.")) {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                let options = method.options();
                let rule = if options.has_extension(&option) {
                    let value = options.get_extension(&option);
                    let declared = value.as_message().ok_or(RulesError::NoOption)?;
                    Some(read(&path, &method, declared)?)
                } else {
                    None
                };
                by_path.insert(path, rule);
            }
        }
        Ok(Self { by_path })
    }

    /// The rule of a method by its path: `None` where no contract has such a method, `Some(None)` where it declares none.
    pub fn find(&self, path: &str) -> Option<Option<&AccessRule>> {
        self.by_path.get(path).map(Option::as_ref)
    }

    /// Every rule, in the order of the methods' paths.
    pub fn all(&self) -> impl Iterator<Item = &AccessRule> {
        self.by_path.values().flatten()
    }

    /// The paths of methods that declare no rule.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.by_path.iter().filter(|(_, rule)| rule.is_none()).map(|(path, _)| path.as_str())
    }
}

fn read(path: &str, method: &MethodDescriptor, declared: &DynamicMessage) -> Result<AccessRule, RulesError> {
    let wrong = |fault| RulesError::Wrong { path: path.to_owned(), fault };
    let field = |name: &str| declared.get_field_by_name(name).map(std::borrow::Cow::into_owned);
    let permission = match field("permission") {
        Some(Value::String(permission)) => permission,
        _ => return Err(wrong("the option has no permission field")),
    };
    let open = matches!(field("open"), Some(Value::Bool(true)));
    let reach = match field("reach") {
        Some(Value::EnumNumber(1)) => Reach::Firm,
        Some(Value::EnumNumber(2)) => Reach::Client,
        _ if open => Reach::Client,
        _ => return Err(wrong("says not how far the permission must reach")),
    };
    match (open, permission.is_empty()) {
        (true, false) => return Err(wrong("is open and asks for a permission")),
        (false, true) => return Err(wrong("is neither open nor asks for a permission")),
        (false, false) if !is_permission(&permission) => return Err(wrong("a permission is <collection>.<verb>")),
        _ => {}
    }
    Ok(AccessRule {
        path: path.to_owned(),
        permission,
        reach,
        open,
        client_streaming: method.is_client_streaming(),
        server_streaming: method.is_server_streaming(),
    })
}

fn is_permission(text: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|letter: char| letter.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    text.split_once('.').is_some_and(|(collection, verb)| word(collection) && word(verb))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{HeldRole, Role};

    fn rule(path: &str) -> AccessRule {
        Rules::load().unwrap().find(path).unwrap().unwrap().clone()
    }

    #[test]
    fn every_method_of_the_suite_declares_its_rule() {
        let rules = Rules::load().unwrap();
        assert_eq!(rules.missing().collect::<Vec<_>>(), [""; 0]);
        assert!(rules.all().count() > 3);
    }

    #[test]
    fn rules_are_read_from_the_contracts() {
        let verify = rule("/liaison.evidence.v1.AuditService/Verify");
        assert_eq!((verify.permission.as_str(), verify.reach, verify.open), ("audit.verify", Reach::Firm, false));
        assert!(rule("/liaison.client_registry.v1.AccessService/WhoAmI").open);
        assert!(rule("/liaison.evidence.v1.AuditService/Export").asks_afresh());
        assert!(!verify.asks_afresh());
        assert_eq!(Rules::load().unwrap().find("/liaison.evidence.v1.AuditService/Nothing"), None);
    }

    #[test]
    fn a_firm_rule_admits_nobody_who_holds_it_for_a_client_only() {
        let rule = |reach| AccessRule {
            path: String::new(),
            permission: "clients.read".into(),
            reach,
            open: false,
            client_streaming: false,
            server_streaming: false,
        };
        let one_client =
            Grants::of_roles([HeldRole { role: Role::AccountManager, client: Some("clients/acme".into()) }]);
        assert!(!rule(Reach::Firm).admits(&one_client));
        assert!(rule(Reach::Client).admits(&one_client));
        let firm = Grants::of_roles([HeldRole { role: Role::Management, client: None }]);
        assert!(rule(Reach::Firm).admits(&firm) && rule(Reach::Client).admits(&firm));
        assert!(!rule(Reach::Client).admits(&Grants::inactive()));
    }

    #[test]
    fn a_permission_is_a_collection_and_a_verb() {
        assert!(is_permission("cases.record_confirmation"));
        for wrong in ["", "cases", "cases.", ".read", "Cases.read", "cases.read.all", "cases read"] {
            assert!(!is_permission(wrong), "{wrong:?}");
        }
    }
}
