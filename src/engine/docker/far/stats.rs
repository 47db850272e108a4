//! What an instance uses, asked of the engine: for observers that are not shown it.

use std::time::Duration;

use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt as _;

use super::super::client::Client;

/// CPU time, and memory that is neither cache nor file system; `None` where it does not run.
pub(super) fn used(client: &Client, id: &str) -> Option<(Duration, u64)> {
    let id = id.to_owned();
    let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
    let found = client.ask(|docker| async move {
        Box::pin(docker.stats(&id, Some(options))).next().await.transpose()
    });
    let found = found.ok()??;
    let cpu = Duration::from_nanos(found.cpu_stats?.cpu_usage?.total_usage?);
    let memory = found.memory_stats?.stats?;
    // By the version of control groups.
    let resident = memory.get("total_rss").or_else(|| memory.get("anon"))?;
    Some((cpu, *resident))
}
