//! Timers are rows: what is due later is written down, and a restart forgets nothing.
//!
//! - [`Ticker`] sleeps until the next due row of a [`Due`], or until it is woken, and never more than a second.
//! - [`claim`] is for timer rows, which are claimed, handled and rescheduled in one transaction: the aggregate's own row
//!   carries its next due time, so that one lock guards both.
//! - [`work`] is for work rows, which call out: a claim is committed, the call is made outside any transaction, and the
//!   completion is a compare-and-set.
//!
//! Due times are business time and handed to SQL as parameters; claims end by the system's clock. Cost follows what is due,
//! not what is open.
//!
//! To add a timer: put the columns that [`claim`] draws on the aggregate's table, implement [`claim::Clockwork`] in its use
//! cases, and run a [`Ticker`] over [`claim::Claims`] in `app.rs`. To add work: implement [`work::Performer`] and run a
//! [`work::Worker`].

mod backoff;
pub mod claim;
mod error;
mod ticker;
pub mod work;

pub use backoff::Backoff;
pub use error::{Error, Result};
pub use ticker::{Due, Ticker, Waker};
