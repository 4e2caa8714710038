//! Liaison in one process: the local default, the demo and the verifier.
//!
//! - [`cli`]: `serve`, `init`, `token`, `call`, `demo`, `verify`. [`settings`]: what it is told.
//! - [`suite`]: the services, composed. [`data_folder`]: where what they keep lies. [`outbox_page`]: what left, in a browser.
//! - [`call`]: a generic gRPC client.
//! - [`scenario`]: a firm and a story as data. [`player`]: plays it through the front door. [`references`]: how a step refers
//!   to an earlier answer. [`demo`]: all of it in one command.
//! - [`export`]: fills the evidence folder from a running suite. [`folder`]: what lies in it. [`judge`]: what it proves, one
//!   file per clause; pure. [`page`]: its `index.html`.

pub mod call;
pub mod cli;
pub mod data_folder;
pub mod demo;
pub mod export;
pub mod folder;
pub mod judge;
pub mod outbox_page;
pub mod page;
pub mod player;
pub mod references;
pub mod scenario;
pub mod settings;
pub mod suite;
