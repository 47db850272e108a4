//! What the engine tells of a container without being asked again: its start, its address,
//! its end.

use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::WaitContainerOptionsBuilder;
use futures_util::StreamExt as _;

use super::client::Client;
use crate::endpoint::told;
use crate::evidence::Ending;

/// The life of one container, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Life(Arc<(Mutex<Known>, Condvar)>);

#[derive(Debug, Default)]
pub(super) struct Known {
    /// The answer to the request to start it: an error is the engine's text.
    pub(super) started: Option<Result<(), String>>,
    pub(super) address: Option<IpAddr>,
    /// The directory of the writable layer, where the engine has one.
    pub(super) upper: Option<String>,
    pub(super) end: Option<End>,
    /// Why nothing more is heard of it.
    pub(super) lost: Option<String>,
}

/// The end as the engine tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    code: i64,
    pub(super) out_of_memory: bool,
}

impl End {
    /// In the words of the evidence. `starved`: whether anybody saw memory run out.
    pub(super) fn ending(self, starved: bool) -> Ending {
        const KILL: i32 = 9;
        let code = i32::try_from(self.code).unwrap_or(i32::MAX);
        match code {
            // 128 and the signal's number, of which there are 64.
            129..=192 => {
                let signal = code - 128;
                let out_of_memory = signal == KILL && (self.out_of_memory || starved);
                Ending::Signalled { signal, out_of_memory }
            }
            code => Ending::Exited(code),
        }
    }
}

impl Life {
    /// Starts a container and follows it to its end.
    pub(super) fn begin(client: &Client, id: &str) -> Life {
        let life = Life::default();
        let (told, id) = (life.clone(), id.to_owned());
        drop(client.begin(|docker| async move {
            follow(docker, &id, &told).await;
            Ok(())
        }));
        life
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, tell: impl FnOnce(&mut Known)) {
        tell(&mut self.known());
        self.0.1.notify_all();
    }

    /// Waits until something is known, or for the limit.
    pub(super) fn wait_for<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&Known) -> Option<T>,
    ) -> Option<T> {
        let waited = self.0.1.wait_timeout_while(self.known(), limit, |known| {
            look(known).is_none() && known.lost.is_none()
        });
        look(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

async fn follow(docker: Docker, id: &str, life: &Life) {
    if let Err(error) = docker.start_container(id, None).await {
        let text = match error {
            Error::DockerResponseServerError { message, .. } => message,
            error => told(&error),
        };
        life.tell(|known| known.started = Some(Err(text)));
        return;
    }
    life.tell(|known| known.started = Some(Ok(())));
    match docker.inspect_container(id, None).await {
        Ok(found) => life.tell(|known| {
            known.address = address(&found);
            known.upper =
                found.graph_driver.and_then(|driver| driver.data.get("UpperDir").cloned());
        }),
        Err(error) => return life.tell(|known| known.lost = Some(told(&error))),
    }
    let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
    let code = match Box::pin(docker.wait_container(id, Some(options))).next().await {
        Some(Ok(answer)) => answer.status_code,
        Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
        Some(Err(error)) => return life.tell(|known| known.lost = Some(told(&error))),
        None => return life.tell(|known| known.lost = Some("the engine hung up".to_owned())),
    };
    let state = docker.inspect_container(id, None).await.ok().and_then(|found| found.state);
    let out_of_memory = state.and_then(|state| state.oom_killed).unwrap_or(false);
    life.tell(|known| known.end = Some(End { code, out_of_memory }));
}

fn address(found: &ContainerInspectResponse) -> Option<IpAddr> {
    let networks = found.network_settings.as_ref()?.networks.as_ref()?;
    networks.values().find_map(|network| network.ip_address.as_ref()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_endings() {
        let ending = |code, out_of_memory, starved| End { code, out_of_memory }.ending(starved);
        let signalled = |signal, out_of_memory| Ending::Signalled { signal, out_of_memory };
        assert_eq!(ending(0, false, false), Ending::Exited(0));
        assert_eq!(ending(255, false, false), Ending::Exited(255));
        assert_eq!(ending(139, false, false), signalled(11, false));
        assert_eq!(ending(139, true, true), signalled(11, false));
        assert_eq!(ending(137, true, false), signalled(9, true));
        assert_eq!(ending(137, false, true), signalled(9, true));
    }
}
