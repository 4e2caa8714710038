//! The language check of what a person writes to a client (SOP 4.3, SOP 4.4).

use command::Fault;
use contracts::client_registry::v1::{
    self as registry, GetClientRequest, View, client_service_client::ClientServiceClient,
};
use database::ConnectionTrait;
use plain_language::{JargonTerm, Profile, ReadingLevel};
use refusal::{Kind, Refusal};
use runtime::Client;

use crate::procedure;

/// For whom a text to a client is checked. Where the registry does not answer, for anybody: a message can still be sent, and what
/// this client would have understood takes a reason.
///
/// # Errors
/// The database's.
pub async fn profile<C: ConnectionTrait>(conn: &C, peer: &Client, client: &str) -> Result<Profile, Fault> {
    let jargon = procedure::jargon(conn).await?;
    let jargon = jargon.into_iter().map(|one| JargonTerm { term: one.term, suggestion: one.suggestion }).collect();
    let request = GetClientRequest { name: client.to_owned(), view: View::Basic.into() };
    let found = match ClientServiceClient::new(peer.clone()).get_client(request).await {
        Ok(answer) => answer.into_inner().client.unwrap_or_default(),
        Err(status) => {
            tracing::warn!(rpc.code = ?status.code(), "the registry does not tell for whom a text is written");
            registry::Client::default()
        }
    };
    let reading_level = match found.reading_level() {
        registry::ReadingLevel::Unspecified | registry::ReadingLevel::General => ReadingLevel::General,
        registry::ReadingLevel::Professional => ReadingLevel::Professional,
        registry::ReadingLevel::Expert => ReadingLevel::Expert,
    };
    Ok(Profile { reading_level, glossary: found.glossary, jargon })
}

/// The reason and the rules that are recorded: both empty where nothing blocks.
///
/// # Errors
/// `LANGUAGE_BLOCKED` with the place of each finding, without its words, where something blocks and no reason is given.
pub fn settle(text: &str, profile: &Profile, reason: &str) -> Result<(String, Vec<String>), Refusal> {
    let report = plain_language::check(text, profile);
    let blocks: Vec<_> = report.blocks().collect();
    if blocks.is_empty() {
        return Ok(Default::default());
    }
    if !reason.trim().is_empty() {
        let mut rules: Vec<String> = blocks.iter().map(|finding| finding.rule.as_str().to_owned()).collect();
        rules.sort();
        rules.dedup();
        return Ok((reason.trim().to_owned(), rules));
    }
    let message =
        "the text holds what is not written to a client; change it, or say in language_override_reason why it stays";
    let refusal = Refusal::new(Kind::State, "LANGUAGE_BLOCKED", message).with("findings", blocks.len().to_string());
    Err(blocks.iter().fold(refusal, |refusal, finding| {
        let (rule, clause) = (finding.rule.as_str(), finding.rule.clause().as_str());
        let place = format!("text[{}:{}]", finding.start, finding.end);
        refusal.and_field(place, format!("{rule} (SOP {clause}): {}", finding.suggestion))
    }))
}
