//! A second observer, among the instance's own processes: where an engine shows the first one
//! no others. It is started after the instance, and still knows when that began.

use std::sync::Arc;

use bollard::models::HostConfig;
use bollard::query_parameters::CreateContainerOptionsBuilder;

use super::super::client::{Client, doing};
use super::super::instance::Container;
use super::super::leftovers::Owner;
use super::companion::{Observer, quiet};
use super::line::{ANSWER, Excess, Line};
use crate::engine::EngineError;

/// A running one. What it hears of is watched, and not limited.
#[derive(Debug)]
pub(super) struct Inside {
    // Dropped first: where the instance is gone, so is what ran in here.
    pub(super) line: Line,
    pub(super) container: Container,
}

impl Inside {
    /// Starts one beside a container that runs, and ends that one where it uses more memory.
    /// Gives the moment, on the observers' clock, at which the first process there was made.
    pub(super) fn start(
        client: &Arc<Client>,
        owner: &Owner,
        observer: &Observer,
        id: &str,
        memory: u64,
    ) -> Result<(Inside, u64), EngineError> {
        let body = quiet(
            observer,
            owner,
            HostConfig {
                network_mode: Some("none".to_owned()),
                pid_mode: Some(format!("container:{id}")),
                ..HostConfig::default()
            },
        );
        let options = CreateContainerOptionsBuilder::default().platform("").build();
        let created = client
            .ask(|docker| async move { docker.create_container(Some(options), body).await })
            .map_err(doing("create the second observer's container"))?;
        let container = Container::new(client, created.id);
        let line = Line::attach(client, &container.id, Excess::Ended(id.to_owned()))?;
        let own = container.id.clone();
        client
            .ask(|docker| async move { docker.start_container(&own, None).await })
            .map_err(doing("start the second observer's container"))?;
        line.command(&format!("inside {memory}"));
        let born = line.wait_for(ANSWER, |heard| heard.executed);
        let born = born.ok_or_else(|| EngineError::Lost(line.why_silent().to_string()))?;
        Ok((Inside { line, container }, born))
    }
}
