use business_time::Timestamp;
use contracts::evidence::v1::AuditOutcome;
use database::{ConnectionTrait, DbErr, exec, micros};

/// Names in one row at most; a read of more is written as several rows, so that no block grows past a message.
const NAMES_PER_ROW: usize = 1000;

/// One thing that somebody did, was refused, or read. Carries names of resources and principals, no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// By the business clock.
    pub time: Timestamp,
    /// Who, for example `staff/anna` or `services/notification`.
    pub actor: String,
    /// What: the RPC as `package.Service/Method`, or a timer's name.
    pub action: String,
    /// The resources concerned, by name.
    pub resources: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The reason of a refusal, as in ErrorInfo; empty otherwise.
    pub reason: String,
}

/// How an audited act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something was changed.
    Done,
    /// Personal data was read.
    Read,
    /// It was refused, with a reason.
    Refused,
}

impl Outcome {
    pub(crate) fn number(self) -> i32 {
        let outcome = match self {
            Self::Done => AuditOutcome::Done,
            Self::Read => AuditOutcome::Read,
            Self::Refused => AuditOutcome::Refused,
        };
        outcome.into()
    }
}

/// Inserts the entry in the command's transaction; it is sealed within a second after the commit. An entry that names
/// more than 1000 resources becomes several rows.
///
/// # Errors
/// The database's.
pub async fn insert<C: ConnectionTrait>(tx: &C, entry: &AuditEntry) -> Result<(), DbErr> {
    if entry.resources.is_empty() {
        return insert_row(tx, entry, &[]).await;
    }
    for names in entry.resources.chunks(NAMES_PER_ROW) {
        insert_row(tx, entry, names).await?;
    }
    Ok(())
}

async fn insert_row<C: ConnectionTrait>(tx: &C, entry: &AuditEntry, names: &[String]) -> Result<(), DbErr> {
    let resources = serde_json::to_string(names).map_err(|error| DbErr::Type(format!("audit resources: {error}")))?;
    let sql = "INSERT INTO audit_row (recorded_time, actor, action, resources, outcome, reason) \
               VALUES (?, ?, ?, ?, ?, ?)";
    let values = vec![
        micros(entry.time).into(),
        entry.actor.as_str().into(),
        entry.action.as_str().into(),
        resources.into(),
        i64::from(entry.outcome.number()).into(),
        entry.reason.as_str().into(),
    ];
    exec(tx, sql, values).await.map(drop)
}
