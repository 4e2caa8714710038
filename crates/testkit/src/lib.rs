//! What tests need and none should build itself. For `[dev-dependencies]` only.
//!
//! - [`TestDatabase`]: a migrated database of its own for each test, SQLite or PostgreSQL; [`both_databases!`] runs a test
//!   over both. PostgreSQL must be installed: such a test fails where it is not, it never skips.
//! - [`TestRedis`]: a private Redis for each test, which can be emptied, stopped, and set back to an earlier state.
//! - [`Tokens`]: tokens in anybody's name, and the verifier that takes them.
//! - [`Roster`]: who may what, as a test says.
//! - [`example_env`] and [`keys_of`]: hold a service's `example.env` against its settings.
//! - [`eventually`]: waits for what happens elsewhere, no longer than it takes.
//!
//! Nothing here outlives the tests: databases are dropped, servers end with the last process that uses them, also where
//! it was killed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database_under_test;
mod eventually;
mod example_env;
mod identity;
mod postgres;
mod redis_under_test;

pub use database::MigrationSet;
pub use database_under_test::{Backup, TestDatabase};
pub use eventually::{eventually, eventually_some};
pub use example_env::{example_env, keys_of};
pub use identity::{Roster, Tokens, tokens};
pub use redis_under_test::{RedisDump, TestRedis};

/// Runs an async test body on a runtime of its own.
pub fn run<T>(body: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(body)
}

/// Makes two tests of each async function: one over SQLite, one over PostgreSQL, each on a database with the tables of
/// the given sets.
///
/// ```ignore
/// both_databases!(&[escalation::MIGRATIONS]; a_case_is_kept, a_case_is_found_by_its_name);
///
/// async fn a_case_is_kept(db: TestDatabase) { … }
/// async fn a_case_is_found_by_its_name(db: TestDatabase) { … }
/// ```
#[macro_export]
macro_rules! both_databases {
    ($sets:expr; $($test:ident),+ $(,)?) => {
        fn sets_under_test() -> Vec<$crate::MigrationSet> {
            ($sets).to_vec()
        }

        mod on_sqlite {
            $(
                #[test]
                fn $test() {
                    $crate::run(async { super::$test($crate::TestDatabase::sqlite(&super::sets_under_test()).await).await });
                }
            )+
        }

        mod on_postgres {
            $(
                #[test]
                fn $test() {
                    $crate::run(async { super::$test($crate::TestDatabase::postgres(&super::sets_under_test()).await).await });
                }
            )+
        }
    };
}
