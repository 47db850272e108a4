//! Ctrl-C and SIGTERM: the first asks for the end, the second does not wait for it.

use std::{io, thread};

use scf_conform::run::Cancel;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use super::term;

/// From here on, the first signal sets `cancel`. Returns when signals are caught.
pub(super) fn watch(cancel: &Cancel) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Caught from here, not from whenever the thread gets to run.
    let (interrupt, terminate) = runtime.block_on(async {
        io::Result::Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    })?;
    let cancel = cancel.clone();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || runtime.block_on(heed(interrupt, terminate, cancel)))?;
    Ok(())
}

async fn heed(mut interrupt: Signal, mut terminate: Signal, cancel: Cancel) {
    either(&mut interrupt, &mut terminate).await;
    cancel.cancel();
    term::note("stopping what runs; once more to leave at once");
    either(&mut interrupt, &mut terminate).await;
    #[expect(clippy::exit, reason = "the user asks twice: what runs is not waited for")]
    std::process::exit(Exit::Interrupted.number().into());
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
