//! A plan in the words of the engine's API.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    MountVolumeOptions, MountVolumeOptionsDriverConfig, ResourcesUlimits,
};

use super::leftovers::Owner;
use crate::plan::{Plan, RootMode};

/// The setting that keeps IPv6 off the loopback interface.
const LOOPBACK_IPV6: &str = "net.ipv6.conf.lo.disable_ipv6";
/// The instance's host name.
pub(super) const HOSTNAME: &str = "scf-conform";

/// The container of a plan, from an image that the engine has.
pub(super) fn container(plan: &Plan, image: &str, owner: &Owner) -> ContainerCreateBody {
    let env = plan.env.iter().map(|(name, value)| format!("{name}={value}"));
    ContainerCreateBody {
        image: Some(image.to_owned()),
        hostname: Some(HOSTNAME.to_owned()),
        // The command is all in one place, so that nothing of the image's own is added to it.
        entrypoint: Some(plan.argv.clone()),
        cmd: Some(Vec::new()),
        env: Some(env.collect()),
        working_dir: Some(plan.working_dir.clone()),
        user: Some(format!("{}:{}", plan.user.uid, plan.user.gid)),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        labels: Some(owner.labels()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        host_config: Some(host(plan)),
        ..ContainerCreateBody::default()
    }
}

fn host(plan: &Plan) -> HostConfig {
    let groups = plan.user.groups.iter().map(ToString::to_string);
    // A file that is larger than both of its possible places finds no room in either. Only
    // this keeps one that grows without end from filling the machine's disk.
    let largest = number(plan.writable.max(plan.tmp));
    HostConfig {
        memory: Some(number(plan.memory)),
        // Swap included: there is none.
        memory_swap: Some(number(plan.memory)),
        nano_cpus: Some(i64::from(plan.cpu_millis) * 1_000_000),
        pids_limit: Some(number(plan.processes)),
        ulimits: Some(vec![limit("nofile", number(plan.descriptors)), limit("fsize", largest)]),
        // Without the one that has a device controller behind it elsewhere: see the embedded
        // engine's list.
        cap_drop: Some(vec!["MKNOD".to_owned()]),
        group_add: Some(groups.collect()),
        readonly_rootfs: Some(plan.root == RootMode::ReadOnly),
        mounts: Some(vec![tmp(plan, None)]),
        log_config: Some(unlogged()),
        network_mode: Some("bridge".to_owned()),
        sysctls: Some(sysctls()),
        ..HostConfig::default()
    }
}

/// What is written is read as it comes; the engine need not keep it as well.
pub(super) fn unlogged() -> HostConfigLogConfig {
    HostConfigLogConfig { typ: Some("none".to_owned()), config: None }
}

/// Engines switch IPv6 off where their network has none; the platform's loopback has it.
pub(super) fn sysctls() -> HashMap<String, String> {
    HashMap::from([(LOOPBACK_IPV6.to_owned(), "0".to_owned())])
}

/// A volume that begins empty, whatever the image has there.
pub(super) fn uncopied() -> Mount {
    let options = MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() };
    Mount { volume_options: Some(options), ..Mount::default() }
}

/// A tmpfs for `/tmp`. As a volume of its own: the runtime gives what `--tmpfs` mounts the mode
/// of the image's directory, and the platform's is open whatever the image has there. One that
/// others can mount has a name, and says whose it is.
pub(super) fn tmp(plan: &Plan, named: Option<(&str, &Owner)>) -> Mount {
    let options = [
        ("type", "tmpfs".to_owned()),
        ("device", "tmpfs".to_owned()),
        ("o", format!("nosuid,nodev,mode=1777,nr_inodes=1000000,size={}", plan.tmp)),
    ];
    let options = options.map(|(name, value)| (name.to_owned(), value));
    Mount {
        target: Some("/tmp".to_owned()),
        source: named.map(|(name, _)| name.to_owned()),
        typ: Some(MountType::VOLUME),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: named.map(|(_, owner)| owner.labels()),
            driver_config: Some(MountVolumeOptionsDriverConfig {
                name: Some("local".to_owned()),
                options: Some(HashMap::from(options)),
            }),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

pub(super) fn limit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(value), hard: Some(value) }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
