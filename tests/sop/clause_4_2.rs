//! SOP 4.2: a client's inquiry is answered within one business day of the client's calendar.
//!
//! - `counting`: from when it counts and when it is due. `answering`: what ends it. `conversation`: what belongs to it.
//! - `late`: what follows when nobody answered. `triage`: mail of which nobody knows whose word it is.
//! - `bad_mail`: what is not taken. `calendars`: what happens when a calendar changes, and which are none.

mod answering;
mod bad_mail;
mod calendars;
mod conversation;
mod counting;
mod late;
mod triage;
