//! SIGTERM and SIGINT become a token; a second signal ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that the first SIGTERM or SIGINT cancels. On the second, whatever is under way, the process ends with exit
/// code 130 (what a shell gives for an interrupted program).
///
/// # Errors
/// Where the handlers cannot be installed.
pub fn on_signals() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("shutting down; a second signal ends at once");
        cancelled.cancel();
        either(&mut terminate, &mut interrupt).await;
        tracing::warn!("ended by a second signal");
        std::process::exit(130);
    });
    Ok(token)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
