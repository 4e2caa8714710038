use std::{panic::Location, time::Duration};

use tokio::time::Instant;

/// Waits until the condition holds, looking again at short and growing intervals.
///
/// # Panics
/// Where it does not hold within the time.
#[track_caller]
pub fn eventually(within: Duration, mut condition: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let asked = Location::caller();
    async move {
        watch(within, asked, async || condition().await.then_some(())).await;
    }
}

/// As [`eventually`], for something that is there at last.
///
/// # Panics
/// Where it is not there within the time.
#[track_caller]
pub fn eventually_some<T>(within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    let asked = Location::caller();
    async move { watch(within, asked, async || look().await).await }
}

async fn watch<T>(within: Duration, asked: &Location<'_>, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + within;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "what {asked} waits for did not happen within {within:?}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
