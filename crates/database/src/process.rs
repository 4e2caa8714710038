use std::sync::OnceLock;

use uuid::Uuid;

/// Names this process, made up anew at each start, so that a claim or a lease left by a killed one is told from a living
/// neighbour's.
pub fn process() -> &'static str {
    static PROCESS: OnceLock<String> = OnceLock::new();
    PROCESS.get_or_init(|| Uuid::new_v4().to_string())
}
