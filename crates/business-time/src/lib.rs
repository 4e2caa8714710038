//! Business time: what the time is, when a firm is open, and when something is due (SOP 4.2).
//!
//! | module | what it answers |
//! |---|---|
//! | [`clock`] | what time is it: [`BusinessClock`] for due and recorded times, [`SystemClock`] for tokens and leases |
//! | [`calendar`] | is the firm open: [`CalendarSpec`] as it came in, [`Calendar`] once it has been checked |
//! | [`due`] | when is one business day over: [`Calendar::business_days_after`] |
//! | [`recurrence`] | when does what was agreed come again: [`Calendar::next_occurrence`] |
//! | [`holidays`] | which days are public holidays in a region, from a committed table |
//! | [`zone`] | what does the wall clock show: [`Zone`], from the zone database compiled into the binary |
//! | [`local_time`] | [`LocalTime`], a wall time with its zone: how future local obligations are stored |
//!
//! Nothing here reads a file, an environment variable or the machine's zone database. So a due time depends on the
//! calendar and on two versions alone, which [`Calendar::provenance`] names, and a verifier with the same versions
//! finds the same due time on any machine.
//!
//! # Another region
//!
//! Add its code to `REGIONS` in `generate/holidays_table.py`, run the command in that file's header, and commit the
//! table. `generate/reference.py` writes the expected due times that `tests/it/reference.rs` compares; give it a calendar
//! in the new region too. A new release of the Python package is the same two commands.

pub mod calendar;
pub mod clock;
pub mod due;
pub mod holidays;
pub mod local_time;
pub mod recurrence;
pub mod zone;

pub use calendar::{Calendar, CalendarError, CalendarSpec, Closure, Opening, Provenance, WeekHours, Weekday};
pub use clock::{BusinessClock, Clock, ClockChanges, ManualClock, SystemClock, WallClock};
pub use due::Due;
pub use holidays::holidays_version;
pub use jiff::{Timestamp, civil};
pub use local_time::{LocalTime, LocalTimeError};
pub use recurrence::{Frequency, Occurrence};
pub use zone::{UnknownZone, Zone, tzdb_version};
