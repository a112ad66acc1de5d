//! The operator's commands `serve`, `agents`, `fsck` and `token`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use platform::store::Store;

use crate::support::command;

/// How long an answer may take on a busy machine: less than the server's timeout for idle connections, whose end
/// would unblock the others.
const LONGEST: Duration = Duration::from_secs(10);

/// A file that accepts no byte, like one on a full disk.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

/// Starts a server and returns it with its address.
fn serve(args: &[&str]) -> (Child, String) {
    listening(command(&["serve", "--addr", "127.0.0.1:0"]).args(args))
}

fn listening(command: &mut Command) -> (Child, String) {
    listening_with(command.stderr(Stdio::piped()))
}

/// The same, with stderr as it is.
fn listening_with(command: &mut Command) -> (Child, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://").unwrap().to_owned();
    (child, address)
}

/// Sends a request and returns the answer; the server closes the connection.
fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Uploads an agent and returns the status.
fn upload(address: &str, miner_id: &str) -> String {
    upload_source(address, miner_id, "x = 1")
}

fn upload_source(address: &str, miner_id: &str, source: &str) -> String {
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"miner_id\"\r\n\r\n{miner_id}\r\n--b\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"agent.py\"\r\n\r\n{source}\r\n--b--\r\n"
    );
    let header = "Content-Type: multipart/form-data; boundary=b\r\nConnection: close";
    let length = body.len();
    let answer = exchange(
        address,
        &format!(
            "POST /upload/agent HTTP/1.1\r\nHost: x\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    );
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Waits for the end and returns the rest of the output.
fn finish(mut child: Child) -> (Option<i32>, String) {
    let status = child.wait().unwrap();
    let mut rest = String::new();
    child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut rest).unwrap();
    (status.code(), rest)
}

#[test]
fn serve_prints_its_address_and_stops_when_stdin_closes() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().to_str().unwrap();
    let (mut child, address) = serve(&["--store", store, "--until-stdin-closes"]);
    assert!(!address.ends_with(":0"), "{address}");
    std::net::TcpStream::connect(&address).unwrap();
    drop(child.stdin.take());
    assert_eq!(finish(child), (Some(0), format!("created store {store}\n")));
}

#[test]
fn serve_stops_on_a_signal() {
    let directory = tempfile::tempdir().unwrap();
    Store::open(directory.path()).unwrap();
    for signal in ["-INT", "-TERM"] {
        let (child, _) = serve(&["--store", directory.path().to_str().unwrap()]);
        let kill = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert_eq!(finish(child), (Some(0), String::new()), "{signal}");
    }
}

#[test]
fn bad_arguments_are_named_on_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    Store::open(&store).unwrap();
    let store = store.to_str().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();

    let check = |args: &[&str], status: i32, parts: &[&str]| {
        let output = run(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
        assert_eq!(output.stdout, b"", "{args:?}");
        for part in parts {
            assert!(stderr.contains(part), "{args:?}: {part:?} is not in {stderr}");
        }
    };
    check(&["serve", "--store", store, "--addr", &taken], 2, &[&taken, "in use", "--addr"]);
    check(&["serve", "--store", store, "--addr", "nonsense"], 2, &["nonsense", "--addr"]);
    check(&["serve", "--store", file], 2, &["file/agents", "--store"]);
    check(&["agents", "--store", file], 2, &["file/agents", "--store"]);
    let token_file = |file| ["serve", "--store", store, "--validator-token-file", file];
    check(&token_file("/nowhere"), 2, &["/nowhere"]);
    check(&token_file(file), 2, &["is empty", "token"]);
    assert_eq!(run(&["serve", "--nonsense"]).status.code(), Some(2));
}

#[test]
fn quotas_follow_the_command_line() {
    let check = |args: &[&str], allowed: usize| {
        let directory = tempfile::tempdir().unwrap();
        let store = ["--store", directory.path().to_str().unwrap()];
        let (mut child, address) = serve(&[args, &store].concat());
        let statuses: Vec<_> = (0..3).map(|n| upload(&address, &format!("m{n}"))).collect();
        let expected: Vec<_> = (0..3).map(|n| if n < allowed { "201" } else { "429" }).collect();
        assert_eq!(statuses, expected, "{args:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    };
    check(&[], 3);
    check(&["--uploads-per-hour", "2"], 2);
    check(&["--new-ids-per-hour", "1"], 1);
    check(&["--versions-per-hour", "1"], 3);
    check(&["--no-quotas"], 3);
    assert_eq!(run(&["serve", "--uploads-per-hour", "0"]).status.code(), Some(2));
    assert_eq!(run(&["serve", "--uploads-per-hour", "1", "--no-quotas"]).status.code(), Some(2));
}

#[test]
fn connections_leave_file_descriptors_for_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().to_str().unwrap();
    // A hard limit of 100 and a soft one of 60.
    let limits = "ulimit -Sn 60 && ulimit -Hn 100 && exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limits, "sh", env!("CARGO_BIN_EXE_arena")]);
    command.args(["serve", "--addr", "127.0.0.1:0", "--store", store]);
    let (mut child, address) = listening(&mut command);
    // 49 of the 50 connections are idle, and the last one is used.
    let idle: Vec<_> = (0..49).map(|_| TcpStream::connect(&address).unwrap()).collect();
    assert_eq!(upload(&address, "me"), "201");
    drop(idle);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn upload_that_cannot_be_checked_gets_503() {
    let directory = tempfile::tempdir().unwrap();
    let (mut child, address) = serve(&["--store", directory.path().to_str().unwrap()]);
    assert_eq!(upload(&address, "first"), "201");
    // Leaves less memory than the parser's thread reserves for the deepest nesting.
    let size = std::fs::read_to_string(format!("/proc/{}/statm", child.id())).unwrap();
    let pages: u64 = size.split(' ').next().unwrap().parse().unwrap();
    let most = Some(pages * rustix::param::page_size() as u64 + (16 << 20));
    let pid = rustix::process::Pid::from_child(&child);
    let limit = rustix::process::Rlimit { current: most, maximum: most };
    rustix::process::prlimit(Some(pid), rustix::process::Resource::As, limit).unwrap();
    let deep = format!("x = {}1", "1+".repeat(1_990));
    assert_eq!(upload_source(&address, "deep", &deep), "503");
    assert_eq!(upload(&address, "shallow"), "201");
    child.kill().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("an upload could not be checked"), "{said}");
    child.wait().unwrap();
}

#[test]
fn validator_token_is_read_from_environment_or_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "from the file\n").unwrap();
    let store = directory.path().join("store");
    let start = |with_file: bool| {
        let mut command = command(&["serve", "--addr", "127.0.0.1:0", "--store"]);
        command.arg(&store).env("ARENA_VALIDATOR_TOKEN", "from the environment");
        if with_file {
            command.arg("--validator-token-file").arg(&file);
        }
        listening(&mut command)
    };
    for (with_file, right, wrong) in [
        (false, "from the environment", "from the file"),
        (true, "from the file", "from the environment"),
    ] {
        let (mut child, address) = start(with_file);
        let ask = |token: &str| {
            let header = format!("Connection: close\r\nAuthorization: Bearer {token}");
            let request =
                format!("GET /agents/me/agent.py HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n");
            exchange(&address, &request)[9..12].to_owned()
        };
        // No such agent is stored, which only the validator learns.
        assert_eq!((ask(right), ask(wrong)), ("404".into(), "401".into()), "{with_file}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn serve_reports_damaged_agents_at_start() {
    let directory = tempfile::tempdir().unwrap();
    Store::open(directory.path()).unwrap();
    std::fs::write(directory.path().join("agents/you.json"), "{").unwrap();
    let (mut child, _) = serve(&["--store", directory.path().to_str().unwrap()]);
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, said) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    let line = said.recv_timeout(LONGEST).expect("a warning");
    assert!(line.contains("you.json is damaged"), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn log_and_metrics_follow_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    Store::open(&store).unwrap();
    let file = directory.path().join("access.log");
    let mut command = command(&["serve", "--addr", "127.0.0.1:0", "--log-file"]);
    command.arg(&file).env("ARENA_LOG", "json").env("ARENA_METRICS_ADDR", "127.0.0.1:0");
    let (mut child, address) = listening(command.arg("--store").arg(&store));
    let mut said = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    let metrics = said.trim().strip_prefix("metrics: http://").unwrap();
    assert_eq!(upload(&address, "me"), "201");
    let (host, path) = metrics.split_once('/').unwrap();
    let figures = exchange(host, &format!("GET /{path} HTTP/1.0\r\n\r\n"));
    assert!(figures.contains("\narena_uploads_total 1\n"), "{figures}");
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    child.wait().unwrap();
    // The end of the server waits for its log.
    let log = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["upload", "request"]);
    assert_eq!((&lines[1]["status"], &lines[1]["miner"]), (&201.into(), &"me".into()));

    let output = run(&["serve", "--log", "csv"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["serve", "--store", store.to_str().unwrap(), "--log-file", "/nowhere/log"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("/nowhere/log") && stderr.contains("--log-file"), "{stderr}");
    let root = store.to_str().unwrap();
    let output = run(&[
        "serve",
        "--store",
        root,
        "--addr",
        "127.0.0.1:0",
        "--metrics-addr",
        &address.replace(':', "-"),
    ]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("another address with --metrics-addr"), "{stderr}");
}

#[test]
fn unwritable_stderr_does_not_stop_commands() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.put_agent(&"me".parse().unwrap(), b"x = 1", None).unwrap();
    std::fs::write(directory.path().join("agents/you.json"), "{").unwrap();
    std::fs::write(directory.path().join("rankings.json"), "{").unwrap();
    let root = directory.path().to_str().unwrap();

    let output = command(&["agents", "--store", root]).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("me "));

    let mut command = command(&["serve", "--addr", "127.0.0.1:0", "--store", root]);
    let (mut child, address) = listening_with(command.stderr(full()));
    let answer = exchange(&address, "GET /rankings HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 503"), "{answer:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn closed_pipe_ends_a_command_quietly() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.put_agent(&"me".parse().unwrap(), b"x = 1", None).unwrap();
    let check = |word: &str, status: i32, said: &str| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let args = [word, "--store", directory.path().to_str().unwrap()];
        let args = if word == "token" { [&args[..], &["me"]].concat() } else { args.to_vec() };
        let output = command(&args).stdout(writer).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{word}: {stderr}");
        assert!(stderr.contains(said) && stderr.is_empty() == said.is_empty(), "{stderr}");
    };
    check("agents", 0, "");
    check("fsck", 0, "");
    // The old token is void and the new one was not read.
    check("token", 1, "for another");
    std::fs::write(directory.path().join("agents/me.py"), "x = 2").unwrap();
    check("fsck", 1, "1 file is not in order");

    let root = directory.path().to_str().unwrap();
    let output = command(&["agents", "--store", root]).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("cannot write to stdout: No space left"), "{stderr}");
}

#[test]
fn agents_are_listed_as_text_and_json() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.put_agent(&"me".parse().unwrap(), b"x = 1", None).unwrap();
    std::fs::write(directory.path().join("agents/you.json"), "{").unwrap();
    let root = directory.path().to_str().unwrap();

    let output = run(&["agents", "--store", root]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("me "));
    assert!(String::from_utf8(output.stderr).unwrap().contains("you.json is damaged"));

    let output = run(&["agents", "--json", "--store", root]);
    let agents: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((agents[0]["miner_id"].as_str(), agents.as_array().unwrap().len()), (Some("me"), 1));
    assert_eq!(agents[0].get("token_sha256"), None);
}

#[test]
fn fsck_reports_and_repairs() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.put_agent(&"me".parse().unwrap(), b"x = 1", None).unwrap();
    let root = directory.path().to_str().unwrap();
    let check = |args: &[&str], status: i32, part: &str| {
        let output = run(&[args, &["--store", root]].concat());
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(status), "{args:?}: {stdout}");
        assert!(stdout.contains(part), "{args:?}: {stdout}");
    };
    check(&["fsck"], 0, "is in order");
    std::fs::write(directory.path().join("agents/me.py"), "x = 2").unwrap();
    check(
        &["fsck"],
        1,
        "me.py: it is not the current version; with --repair: restore it from versions/",
    );
    check(&["fsck", "--json"], 1, "\"with_repair\"");
    check(&["fsck", "--repair"], 0, "done: restore it");
    check(&["fsck"], 0, "is in order");
}

#[test]
fn commands_do_not_create_a_missing_store() {
    let directory = tempfile::tempdir().unwrap();
    let typo = directory.path().join("typo");
    let root = typo.to_str().unwrap();
    for args in [
        &["fsck"][..],
        &["fsck", "--repair"],
        &["agents"],
        &["token", "me"],
        &["evaluate"],
        &["evaluate", "--open"],
        &["rank"],
        &["cache"],
        &["cache", "--prune"],
    ] {
        let output = run(&[args, &["--store", root]].concat());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains("typo/agents does not exist"), "{args:?}: {stderr}");
        assert_eq!((stderr.lines().count(), output.stdout), (1, Vec::new()), "{args:?}");
        assert!(!typo.exists(), "{args:?}");
    }
    let doctor = run(&["doctor", "--store", root]);
    let stdout = String::from_utf8_lossy(&doctor.stdout);
    assert_eq!(doctor.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("wrong store: no store at"), "{stdout}");
    assert!(!typo.exists());
}

#[test]
fn token_replaces_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let me = "me".parse().unwrap();
    let old = store.put_agent(&me, b"x = 1", None).unwrap().token;
    let root = directory.path().to_str().unwrap();
    let output = run(&["token", "me", "--store", root]);
    let new = String::from_utf8(output.stdout).unwrap();
    assert!(store.put_agent(&me, b"x = 2", old.as_deref()).is_err());
    store.put_agent(&me, b"x = 2", Some(new.trim())).unwrap();
    assert_eq!(run(&["token", "you", "--store", root]).status.code(), Some(1));
    assert_eq!(run(&["token", "../me", "--store", root]).status.code(), Some(2));
}
