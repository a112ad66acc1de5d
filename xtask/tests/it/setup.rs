//! Set-up of a machine, one test for each kind of machine.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use xtask::setup::access::Rerun;
use xtask::setup::{Consent, Needs, Readiness, prepare};

use crate::fakes::{FakeMachine, denied};

/// Runs set-up without `--setup`, which must fail and call nothing. Returns the error.
fn listed(fake: &FakeMachine, needs: &Needs) -> String {
    let error = prepare(&fake.machine, &Consent { setup: false }, needs).unwrap_err();
    assert_eq!(fake.calls(), "");
    format!("{error:#}")
}

fn set_up(fake: &FakeMachine) -> anyhow::Result<Readiness> {
    prepare(&fake.machine, &Consent { setup: true }, &Needs::default())
}

fn set_up_error(fake: &FakeMachine) -> String {
    format!("{:#}", set_up(fake).unwrap_err())
}

#[track_caller]
fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

fn rerun(readiness: Readiness) -> Rerun {
    match readiness {
        Readiness::NeedsRerun(rerun) => rerun,
        Readiness::Ready => panic!("expected a rerun"),
    }
}

/// Runs the command of a rerun, whose program prints its arguments, and returns its output.
fn output(rerun: &Rerun) -> String {
    let output = Command::new(&rerun.command[0]).args(&rerun.command[1..]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn without_setup_everything_missing_is_listed_at_once() {
    let fake = FakeMachine::new();
    let needs = Needs {
        packages: vec!["curl".into(), "faketime".into()],
        others: vec!["tools from PyPI: schemathesis".into()],
    };
    let error = listed(&fake, &needs);
    let parts = ["apt-get install curl faketime docker.io", "schemathesis", "image", "--setup"];
    assert_contains(&error, &parts);
    assert_contains(&error, &["Docker: it is not installed"]);
    assert!(!error.contains("systemctl"), "{error}");
}

#[test]
fn without_setup_a_missing_image_is_listed() {
    let fake = FakeMachine::new();
    fake.listen_at_once(false);
    let error = listed(&fake, &Needs::default());
    assert_contains(&error, &["image: 'cargo xtask image'"]);
    assert!(!error.contains("Docker:"), "{error}");
}

#[test]
fn without_setup_a_complete_machine_is_ready() {
    let fake = FakeMachine::new();
    fake.listen_at_once(true);
    let readiness = prepare(&fake.machine, &Consent { setup: false }, &Needs::default());
    assert!(matches!(readiness, Ok(Readiness::Ready)));
    assert_eq!(fake.calls(), "");
}

#[test]
fn installed_daemon_that_does_not_run_is_listed_with_its_start() {
    let fake = FakeMachine::new();
    fake.add("dockerd", "");
    let error = listed(&fake, &Needs::default());
    assert_contains(&error, &["is installed", "systemctl start docker"]);
    assert!(!error.contains("apt-get"), "{error}");
}

#[test]
fn denied_permission_is_listed_as_such() {
    let mut fake = FakeMachine::new();
    fake.listen_at_once(true);
    fake.machine.connect = denied;
    let error = listed(&fake, &Needs::default());
    assert_contains(&error, &["no permission", "usermod"]);
    assert!(!error.contains("systemctl"), "{error}");
}

#[test]
fn root_installs_and_starts_docker() {
    let mut fake = FakeMachine::new();
    fake.machine.account.uid = 0;
    fake.listen(true);
    assert!(matches!(set_up(&fake).unwrap(), Readiness::Ready));
    let calls = fake.calls();
    assert_contains(&calls, &["apt-get update", "apt-get install", "docker.io", "dockerd"]);
    assert!(!calls.contains("sudo"), "{calls}");
}

#[test]
fn dockerd_is_found_in_sbin_although_sudo_resets_the_path() {
    let fake = FakeMachine::new();
    fake.add(
        "sudo",
        &format!("shift; PATH=/nowhere exec {}/bin/env \"$@\"", fake.path("").display()),
    );
    fake.listen(true);
    assert!(matches!(set_up(&fake).unwrap(), Readiness::Ready));
    assert_contains(&fake.calls(), &["dockerd"]);
}

#[test]
fn user_outside_the_group_goes_on_through_sudo() {
    let mut fake = FakeMachine::new();
    fake.machine.connect = denied;
    fake.listen(true);
    fake.machine.command[0] = fake.path("bin/print").into_os_string();
    fake.add("print", "for word; do echo \"<$word>\"; done; echo \"$XTASK_RERUN\"");
    let rerun = rerun(set_up(&fake).unwrap());
    assert_contains(&rerun.reason, &["sudo", "not in the group", "ada"]);
    fake.add("setpriv", "while case $1 in --*) ;; *) false;; esac; do shift; done; exec \"$@\"");
    assert_eq!(output(&rerun), "<demo>\n<it's here>\n1\n");
    let calls = fake.calls();
    let groups = format!("--groups=27,1000,{}", fake.socket_gid());
    let sorted = format!("--groups={},27,1000", fake.socket_gid());
    assert_contains(&calls, &["setpriv --reuid=1000 --regid=1000"]);
    assert!(calls.contains(&groups) || calls.contains(&sorted), "{calls}");
}

#[test]
fn member_of_the_group_goes_on_through_sg() {
    let mut fake = FakeMachine::new();
    fake.machine.connect = denied;
    fake.listen_at_once(true);
    let gid = fake.socket_gid();
    fake.add("id", &format!("echo 1000 27 {gid}"));
    fake.add("getent", &format!("echo docker:x:{gid}:ada"));
    fake.add("sg", "shift 2; exec sh -c \"$1\"");
    fake.machine.command[0] = fake.path("bin/print").into_os_string();
    fake.add("print", "for word; do echo \"<$word>\"; done; echo \"$XTASK_RERUN\"");
    let rerun = rerun(set_up(&fake).unwrap());
    assert_contains(&rerun.reason, &["sg docker", "ada", "login"]);
    assert_eq!(output(&rerun), "<demo>\n<it's here>\n1\n");
    assert_contains(&fake.calls(), &["sg docker -c exec env XTASK_RERUN=1"]);
}

#[test]
fn second_run_that_is_denied_again_fails() {
    let mut fake = FakeMachine::new();
    fake.machine.connect = denied;
    fake.machine.is_rerun = true;
    fake.listen_at_once(true);
    assert_contains(&set_up_error(&fake), &["still denied"]);
}

#[test]
fn permission_error_never_starts_a_second_daemon() {
    let mut fake = FakeMachine::new();
    fake.machine.connect = denied;
    fake.add("dockerd", "");
    fake.listen_at_once(true);
    fs::write(&fake.machine.daemon_log, "the log of the running daemon\n").unwrap();
    rerun(set_up(&fake).unwrap());
    assert_eq!(fake.calls(), "id -G ada\n");
    let log = fs::read_to_string(&fake.machine.daemon_log).unwrap();
    assert_eq!(log, "the log of the running daemon\n");
}

#[test]
fn running_daemon_is_not_touched() {
    let fake = FakeMachine::new();
    fake.add("dockerd", "");
    fake.listen_at_once(true);
    assert!(matches!(set_up(&fake).unwrap(), Readiness::Ready));
    assert_eq!(fake.calls(), "");
}

#[test]
fn daemon_that_runs_but_does_not_answer_is_not_touched() {
    let mut fake = FakeMachine::new();
    fake.machine.daemon_start = Duration::from_millis(300);
    fake.add("dockerd", "exec 2>&1; while :; do sleep 0.1; done");
    let mut daemon =
        Command::new(fake.path("sbin/dockerd")).env("PATH", fake.path("bin")).spawn().unwrap();
    fs::write(&fake.machine.pid_files[0], daemon.id().to_string()).unwrap();
    // Until the script has started, the process is still a copy of this one.
    while !fake.calls().contains("dockerd") {
        std::thread::yield_now();
    }
    let error = set_up_error(&fake);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_contains(&error, &["left alone", &daemon.id().to_string(), "DOCKER_HOST"]);
    assert_eq!(fake.calls(), "dockerd \n");
    assert!(!fake.machine.daemon_log.exists());
}

#[test]
fn dockerd_that_ends_at_once_is_reported_with_its_log() {
    let fake = FakeMachine::new();
    fake.add("dockerd", "echo 'failed to mount cgroups' >&2; exit 1");
    fs::write(&fake.machine.daemon_log, "an earlier daemon\n").unwrap();
    let started = Instant::now();
    let error = set_up_error(&fake);
    assert!(started.elapsed() < fake.machine.daemon_start / 2, "it waited");
    assert_contains(&error, &["ended right after its start", "failed to mount cgroups"]);
    let log = fs::read_to_string(&fake.machine.daemon_log).unwrap();
    assert_contains(&log, &["an earlier daemon", "failed to mount cgroups"]);
}

#[test]
fn dockerd_that_never_answers_is_reported_with_its_log() {
    let mut fake = FakeMachine::new();
    fake.machine.daemon_start = Duration::from_millis(300);
    fake.add("dockerd", "echo 'waiting for the network'; exec sleep 3");
    assert_contains(&set_up_error(&fake), &["does not answer", "waiting for the network"]);
}

#[test]
fn docker_host_is_named_and_nothing_is_installed() {
    for host in ["tcp://127.0.0.1:1", "unix:///nowhere/docker.sock", "ssh://host"] {
        let mut fake = FakeMachine::new();
        fake.machine.docker_host = Some(host.into());
        assert_contains(&set_up_error(&fake), &[&format!("DOCKER_HOST={host}"), "nothing was"]);
        assert_eq!(fake.calls(), "");
        assert_contains(&listed(&fake, &Needs::default()), &[host]);
    }
}

#[test]
fn docker_host_that_answers_is_used() {
    let mut fake = FakeMachine::new();
    fake.listen(true);
    fake.machine.docker_host = Some(format!("unix://{}", fake.path("listener").display()));
    assert!(matches!(set_up(&fake).unwrap(), Readiness::Ready));
    assert_eq!(fake.calls(), "");
}

#[test]
fn without_sudo_installing_is_a_clear_error() {
    let fake = FakeMachine::new();
    fake.remove("sudo");
    let error = set_up_error(&fake);
    assert_contains(&error, &["apt-get install docker.io", "needs root", "sudo is not installed"]);
    assert_eq!(fake.calls(), "");
}

#[test]
fn without_sudo_denied_permission_is_a_clear_error() {
    let mut fake = FakeMachine::new();
    fake.machine.connect = denied;
    fake.listen_at_once(true);
    fake.remove("sudo");
    assert_contains(&set_up_error(&fake), &["denied to 'ada'", "sudo is not installed", "usermod"]);
}

#[test]
fn without_apt_get_the_packages_are_named() {
    let fake = FakeMachine::new();
    fake.remove("apt-get");
    assert_contains(&set_up_error(&fake), &["docker.io", "no apt-get"]);
}

#[test]
fn failed_installation_is_reported() {
    let fake = FakeMachine::new();
    fake.add("apt-get", "exit 100");
    assert_contains(&set_up_error(&fake), &["could not install docker.io"]);
}

#[test]
fn systemd_starts_the_daemon_where_it_is_the_init_system() {
    let fake = FakeMachine::new();
    fs::create_dir(&fake.machine.systemd_dir).unwrap();
    fake.add("dockerd", "");
    fake.add("systemctl", &fake.working_dockerd().replace("exec sleep 2", ""));
    fake.listen(true);
    assert!(matches!(set_up(&fake).unwrap(), Readiness::Ready));
    let calls = fake.calls();
    assert_contains(&calls, &["systemctl start docker"]);
    assert!(!calls.contains("dockerd"), "{calls}");
}

#[test]
fn failure_of_systemd_is_reported_with_the_journal() {
    let fake = FakeMachine::new();
    fs::create_dir(&fake.machine.systemd_dir).unwrap();
    fake.add("dockerd", "");
    fake.add("systemctl", "exit 1");
    fake.add("journalctl", "echo 'docker.service: no space left'");
    let error = set_up_error(&fake);
    assert_contains(&error, &["systemctl start docker", "no space left"]);
}
