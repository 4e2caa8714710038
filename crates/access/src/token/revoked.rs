//! The list of revoked tokens: a text file with one `jti` per line; `#` begins a comment.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use business_time::SystemClock;

use super::keys::{Stamp, stamp};

/// How long a change of the file may go unnoticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

pub(crate) struct Revoked {
    file: PathBuf,
    clock: Arc<dyn SystemClock>,
    state: Mutex<State>,
}

struct State {
    ids: HashSet<String>,
    stamp: Option<Stamp>,
    looked: Instant,
}

impl Revoked {
    pub(crate) fn open(file: PathBuf, clock: Arc<dyn SystemClock>) -> std::io::Result<Self> {
        let looked = clock.monotonic();
        let stamp = Some(stamp(&file)?);
        let ids = parse(&std::fs::read_to_string(&file)?);
        Ok(Self { file, clock, state: Mutex::new(State { ids, stamp, looked }) })
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        let now = self.clock.monotonic();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(state.looked) >= NOTICED_WITHIN {
            state.looked = now;
            self.look(&mut state);
        }
        state.ids.contains(id)
    }

    /// Reads the file again where it changed. One that cannot be read takes nothing back: the last list holds.
    fn look(&self, state: &mut State) {
        let seen = match stamp(&self.file) {
            Ok(seen) if state.stamp == Some(seen) => return,
            seen => seen,
        };
        match seen.and_then(|seen| Ok((seen, std::fs::read_to_string(&self.file)?))) {
            Ok((seen, text)) => {
                state.ids = parse(&text);
                state.stamp = Some(seen);
            }
            Err(error) => tracing::error!(%error, "the list of revoked tokens cannot be read; the last one holds"),
        }
    }
}

fn parse(text: &str) -> HashSet<String> {
    let entry = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    text.lines().map(entry).filter(|id| !id.is_empty()).collect()
}
