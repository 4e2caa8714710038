//! What the registry tells. It reads nobody's events.

pub(crate) mod publish;
