//! The unified hierarchy, with the machine's namespace and with a private one.

use super::Lab;
use crate::error::{Result, ensure};
use crate::gateway::{self, CONTAINER};
use crate::guest::Guest;

/// With the machine's namespace, as the host command asks for it: everything of the gateway is below the
/// container's own group, and nothing of the machine was moved or made at its root.
pub fn a_host_namespace_is_left_alone(lab: &mut Lab) -> Result<String> {
    let guest = &mut lab.guest;
    let mode = guest.sh(&format!("docker inspect -f '{{{{.HostConfig.CgroupnsMode}}}}' {CONTAINER}"))?;
    ensure(mode.trim() == "host", || format!("the container's cgroup namespace is {mode}"))?;
    let strangers = guest.sh("cd /sys/fs/cgroup && ls -d init kubepods k3s 2>/dev/null || true")?;
    ensure(strangers.trim().is_empty(), || format!("at the machine's root there is {strangers}"))?;
    let groups = guest.sh("cat /proc/1/cgroup /proc/$(pidof -s dockerd)/cgroup")?;
    ensure(groups == "0::/init.scope\n0::/system.slice/docker.service", || groups.clone())?;

    let (scope, first, pod) = (scope(guest)?, group_of(guest, "openshell-init")?, pod(guest)?);
    ensure(first == format!("{scope}/init"), || format!("process 1 is in {first}"))?;
    ensure(pod.starts_with(&format!("{scope}/kubepods/")), || format!("the gateway's pod is in {pod}"))?;
    Ok(format!("process 1 in {first}, the gateway's pod in {pod}"))
}

/// With a namespace of its own, process 1 empties its root group before k3s starts, whoever runs
/// programs in the container meanwhile.
pub fn a_private_namespace_is_evacuated(lab: &mut Lab) -> Result<String> {
    let guest = &mut lab.guest;
    create_container(guest, "--cgroupns=private --memory=2g --memory-swap=2g")?;
    // It is under way before there is anything to enter.
    guest.sh(&format!(
        "rm -f /var/tmp/storm; for lane in 1 2 3; do systemd-run --quiet --unit=storm-$lane bash -c \
         'while true; do docker exec {CONTAINER} openshell-init version >/dev/null && echo >>/var/tmp/storm; done'; \
         done; docker start {CONTAINER}"
    ))?;
    gateway::wait_stage(guest, "k3s")?;
    guest.wait_sh("a program has been run in it", "grep -c ^ /var/tmp/storm")?;
    let visits = guest.sh("systemctl stop 'storm-*'; grep -c ^ /var/tmp/storm")?;
    let root = format!("/sys/fs/cgroup{}", scope(guest)?);
    let first = group_of(guest, "openshell-init")?;
    ensure(first.ends_with(".scope/init"), || format!("process 1 is in {first}"))?;
    let inside = guest.sh(&format!("docker exec {CONTAINER} cat /proc/1/cgroup"))?;
    ensure(inside == "0::/init", || format!("process 1 sees itself in {inside}"))?;
    let left = guest.sh(&format!("cat {root}/cgroup.procs"))?;
    ensure(left.is_empty(), || format!("the container's own group still holds {left}"))?;
    let enabled = guest.sh(&format!("cat {root}/cgroup.subtree_control"))?;
    for controller in ["cpu", "cpuset", "io", "memory", "pids"] {
        let there = enabled.split(' ').any(|name| name == controller);
        ensure(there, || format!("{controller} is not enabled: {enabled}"))?;
    }
    Ok(format!("{} programs were run in it meanwhile; enabled: {enabled}", visits.trim()))
}

/// Ready, with the pods below the container's group, and Docker's health check finds its way in.
pub fn pods_live_below_the_container(lab: &mut Lab) -> Result<String> {
    let guest = &mut lab.guest;
    let status = gateway::wait_ready(guest)?;
    let (scope, pod) = (scope(guest)?, pod(guest)?);
    ensure(pod.starts_with(&format!("{scope}/kubepods/")), || format!("the gateway's pod is in {pod}"))?;
    guest.wait_sh(
        "Docker finds it healthy",
        &format!("docker inspect -f '{{{{.State.Health.Status}}}}' {CONTAINER} | grep -x healthy"),
    )?;
    Ok(format!("ready after {} s, the gateway's pod in {pod}", status.ready_after_ms.unwrap_or(0) / 1000))
}

/// A gateway as the host command makes it, but with Docker's own default for the namespace. Not started.
fn create_container(guest: &mut Guest, options: &str) -> Result<()> {
    guest
        .sh(&format!(
            "docker create --name {CONTAINER} --hostname openshell-openshell --privileged {options} \
         --restart unless-stopped --tmpfs /run:exec,mode=755 --volume {CONTAINER}:/var/lib/rancher/k3s \
         --publish 127.0.0.1:8080:30051 openshell/cluster:vm"
        ))
        .map(drop)
}

/// The container's control group, as the machine sees it: that of the systemd driver, Docker's default on
/// the unified hierarchy.
pub fn scope(guest: &mut Guest) -> Result<String> {
    let id = guest.sh(&format!("docker inspect -f '{{{{.Id}}}}' {CONTAINER}"))?;
    Ok(format!("/system.slice/docker-{}.scope", id.trim()))
}

/// The control group of the gateway's server.
fn pod(guest: &mut Guest) -> Result<String> {
    group_of(guest, "openshell-server")
}

/// The control group of the oldest process of a name, as the machine sees it.
fn group_of(guest: &mut Guest, name: &str) -> Result<String> {
    let group = guest.sh(&format!("cat /proc/$(pgrep -o '{}')/cgroup", &name[..name.len().min(15)]))?;
    Ok(group.trim().trim_start_matches("0::").to_owned())
}
