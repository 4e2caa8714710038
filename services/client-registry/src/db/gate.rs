//! Rows that are only ever locked.

use database::{ConnectionTrait, DatabaseTransaction, DbErr, for_share, for_update, query_one};

/// What a gate guards.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gate {
    /// The row of policy versions.
    Policy,
    /// Roles, deputies, absences and leaving: who stands in for whom.
    Staff,
}

impl Gate {
    fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Staff => "staff",
        }
    }

    /// Keeps what it guards as it is until the commit.
    pub(crate) async fn hold(self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        self.lock(tx, for_share(tx.get_database_backend())).await
    }

    /// Lets nobody else change what it guards, or rest on it, until the commit.
    pub(crate) async fn close(self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        self.lock(tx, for_update(tx.get_database_backend())).await
    }

    async fn lock(self, tx: &DatabaseTransaction, clause: &str) -> Result<(), DbErr> {
        let sql = format!("SELECT name FROM gate WHERE name = ?{clause}");
        query_one(tx, &sql, vec![self.name().into()]).await.map(drop)
    }
}
