//! A firm and a story as data.
//!
//! A scenario is a folder:
//!
//! ```text
//! scenario.toml     title, when it starts (in the firm's zone) and ends, the one management person that exists at the start
//! firm.toml         steps that set the firm up: calendars, staff, clients, contacts, the policy
//! story.toml        steps of the story
//! mails/*.eml       mails that arrive
//! ```
//!
//! A step happens at a business time and is one of: an RPC by somebody (`call`), a mail from the firm's mail server
//! (`mail`), a stream that somebody opens (`watch`) and closes again (`unwatch`), or an event that must happen by a time
//! (`event`). What a call answered is kept under `save` and referred to later as `${name.path.to.field}`, in requests and
//! in mails. What is expected is an answer, a refusal with its reason, or fields of the answer.
//!
//! Everything that can be wrong with the files is found by [`read`] before anything is started: an unknown RPC or
//! field, a reference to what was not saved, a time that runs backwards, a mail that is not there.

mod read;
mod step;

pub use read::{ScenarioFault, read};
pub use step::{Action, Expect, Manager, Place, Scenario, Step};
