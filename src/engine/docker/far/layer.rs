//! Watches how full the writable layer is: nothing bounds it on the engine's disk, and what goes
//! far beyond the limit is ended before it fills that.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::super::client::Client;
use super::super::written;

/// Between two looks.
const TICK: Duration = Duration::from_secs(1);

/// The watch over one layer, until it is dropped.
#[derive(Debug)]
pub(super) struct Layer {
    quit: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Layer {
    /// Starts to watch that of a container; `limit` is what it may hold.
    pub(super) fn watch(client: &Arc<Client>, id: &str, limit: u64) -> std::io::Result<Layer> {
        let (client, id) = (Arc::clone(client), id.to_owned());
        let (quit, end) = channel();
        let thread = std::thread::Builder::new().name("layer".to_owned()).spawn(move || {
            while end.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                if written::used(&client, &id).unwrap_or(0) > 2 * limit {
                    let id = id.clone();
                    let _ =
                        client.ask(|docker| async move { docker.kill_container(&id, None).await });
                }
            }
        })?;
        Ok(Layer { quit: Some(quit), thread: Some(thread) })
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        self.quit = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic; were it so, there would be nothing to save.
            let _ = thread.join();
        }
    }
}
