//! Ctrl-C, SIGTERM and a terminal that goes: the first asks for the end, the second does not wait for it.

use std::{io, thread};

use scf_conform::run::Cancel;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use super::term;

/// From here on, the first signal sets `cancel`. Returns when signals are caught.
pub(super) fn watch(cancel: &Cancel) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Caught from here, not from whenever the thread gets to run.
    let mut signals = runtime.block_on(async {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let signals: io::Result<Vec<Signal>> = kinds.into_iter().map(signal).collect();
        signals
    })?;
    let cancel = cancel.clone();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || runtime.block_on(heed(&mut signals, cancel)))?;
    Ok(())
}

async fn heed(signals: &mut [Signal], cancel: Cancel) {
    any(signals).await;
    cancel.cancel();
    term::note("stopping what runs; once more to leave at once");
    any(signals).await;
    #[expect(clippy::exit, reason = "the user asks twice: what runs is not waited for")]
    std::process::exit(Exit::Interrupted.number().into());
}

async fn any(signals: &mut [Signal]) {
    let each = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures_util::future::select_all(each).await;
}
