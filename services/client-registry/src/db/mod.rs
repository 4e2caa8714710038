//! The database: entities, migrations, and the gates.

pub(crate) mod entities;
pub(crate) mod gate;
pub(crate) mod migrations;
