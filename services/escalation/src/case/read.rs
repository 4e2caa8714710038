//! What is asked of cases and changes nothing.

use access::Caller;
use command::Fault;
use database::ConnectionTrait;
use refusal::Refusal;

use super::{
    Cases, PREVIEWED, Stored, Wanted, Words,
    entity::Previewed,
    id_of, reach,
    repo::{self, Filter},
};

impl Cases {
    /// One case, if the caller may see it.
    ///
    /// # Errors
    /// NOT_FOUND where it is not there or not the caller's to see; PERMISSION_DENIED where it may be seen, but not so.
    pub async fn get(&self, caller: &Caller, permission: &str, name: &str) -> Result<Stored, Fault> {
        let stored = self.find(self.inner.commands.db().reader(), id_of(name), false).await?;
        let stored = stored.ok_or_else(|| Refusal::not_found(name))?;
        reach(caller, permission, &stored.case)?;
        Ok(stored)
    }

    /// A case for those who watch, whose scope was looked at before.
    ///
    /// # Errors
    /// The database's.
    pub async fn for_watchers(&self, name: &str) -> Result<Option<Stored>, Fault> {
        self.find(self.inner.commands.db().reader(), id_of(name), false).await
    }

    /// A page of the caller's cases, the newest first, with the token of the next.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self, caller: &Caller, list: &str, wanted: &Wanted) -> Result<(Vec<Stored>, String), Fault> {
        let clients = match caller.scope("cases.read") {
            access::Scope::All => (!wanted.client.is_empty()).then(|| vec![wanted.client.clone()]),
            access::Scope::Clients(mine) if wanted.client.is_empty() => Some(mine.into_iter().collect()),
            access::Scope::Clients(mine) => Some(mine.into_iter().filter(|one| *one == wanted.client).collect()),
        };
        let after = match &wanted.page.after {
            Some(key) => Some(read_key(key).ok_or_else(bad_token)?),
            None => None,
        };
        let mail = (!wanted.mail.is_empty()).then(|| wanted.mail.clone());
        let filter = Filter { clients, state: wanted.state, mail, after, limit: wanted.page.limit() };
        let reader = self.inner.commands.db().reader();
        let mut found = Vec::new();
        for row in repo::list(reader, &filter).await? {
            let policy = self.inner.terms.policy(reader, row.policy_version()).await?;
            found.push(row.read(policy)?);
        }
        let next = wanted.page.cut(list, &mut found, Stored::key);
        Ok((found, next))
    }

    /// What would happen to a case by itself.
    pub fn preview(&self, stored: &Stored) -> Vec<Previewed> {
        stored.case.preview(self.inner.commands.now(), PREVIEWED)
    }

    /// The words of a case.
    ///
    /// # Errors
    /// The database's, and where stored bytes do not open.
    pub async fn words<C: ConnectionTrait>(&self, conn: &C, stored: &Stored) -> Result<Words, Fault> {
        repo::words(conn, self.inner.commands.keyring(), stored).await
    }

    /// A stretch of a case's timeline, in order; all of it without a limit.
    ///
    /// # Errors
    /// The database's, and where stored bytes do not open.
    pub async fn timeline(
        &self,
        stored: &Stored,
        after: u64,
        limit: Option<i64>,
    ) -> Result<Vec<repo::TimelineRow>, Fault> {
        let commands = &self.inner.commands;
        repo::timeline(commands.db().reader(), commands.keyring(), stored, after, limit).await
    }
}

fn read_key(key: &str) -> Option<(i64, String)> {
    let (time, id) = key.split_once('/')?;
    Some((time.parse().ok()?, id.to_owned()))
}

fn bad_token() -> Refusal {
    Refusal::field("BAD_PAGE_TOKEN", "page_token", "is not a token of this list; begin without one")
}
