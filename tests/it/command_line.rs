//! The command line itself: help, completions, manual pages, and exit statuses.

use clap_complete::Shell;
use harness::gateway::provider::ProviderKind;

use crate::support::{arena, command, json, stderr};

/// The widest line that help may have.
const COLUMNS: usize = 100;

fn stdout(arguments: &[&str]) -> String {
    let output = arena(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("help is text")
}

/// The commands that `arena --help` lists.
fn words() -> Vec<String> {
    let help = stdout(&["--help"]);
    let listed = help.split("Commands:\n").nth(1).expect("a list of commands");
    let listed = listed.split("\n\n").next().expect("a paragraph");
    // A description that needs a second line is indented further.
    let first_lines = listed.lines().filter(|line| !line.starts_with("   "));
    first_lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

/// A model server and a platform with their default addresses can run on one machine.
#[test]
fn no_local_provider_has_the_port_of_the_platform() {
    let help = |command| {
        let words = stdout(&[command, "--help"]);
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let serve = help("serve");
    let port = serve.split("[default: 127.0.0.1:").nth(1).and_then(|rest| rest.split(']').next());
    let port = port.expect("serve has a default address");
    assert!(help("mine").contains(&format!("[default: http://127.0.0.1:{port}]")));
    for kind in ProviderKind::ALL {
        assert!(!kind.base_url().contains(&format!(":{port}/")), "{kind} is at port {port}");
    }
}

#[test]
fn help_lists_the_documented_commands() {
    let documented = "mine check upload status withdraw init evaluate rank regrade payout-sim show verify export tasks samples gate gauntlet \
                      merge work round nats cache serve agents token fsck image doctor clean completions man help";
    assert_eq!(words(), documented.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn help_fits_and_every_command_has_an_example() {
    let mut pages =
        vec![("arena".to_owned(), stdout(&["--help"])), ("-h".to_owned(), stdout(&["-h"]))];
    for word in words().into_iter().filter(|word| word != "help") {
        let help = stdout(&[&word, "--help"]);
        assert!(help.contains("Example"), "{word} has no example:\n{help}");
        assert!(
            help.contains(&format!("  arena {word}")),
            "the example of {word} is of another:\n{help}"
        );
        pages.push((word, help));
    }
    for (page, help) in &pages {
        let wide = help.lines().find(|line| line.chars().count() > COLUMNS);
        assert_eq!(wide, None, "{page}");
    }
}

/// Services and containers are set up by their environment. What ends with the parent process is not a setting.
#[test]
fn every_setting_of_the_server_is_an_environment_variable() {
    let help = stdout(&["serve", "--help"]);
    let options = help.split("Options:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let options = options.expect("a list of options").replace('\n', " ");
    let mut checked = 0;
    for option in options.split("    --").skip(1) {
        let name = option.split_whitespace().next().expect("an option has a name");
        if ["help", "until-stdin-closes"].contains(&name) {
            continue;
        }
        let option = option.split_whitespace().collect::<Vec<_>>().join(" ");
        let variable = format!("ARENA_{}", name.to_uppercase().replace('-', "_"));
        assert!(option.contains(&format!("[env: {variable}")), "{variable}: {option}");
        checked += 1;
    }
    assert!(checked > 15, "{options}");
}

#[test]
fn help_lists_the_choices_of_an_argument() {
    let help = stdout(&["evaluate", "--help"]);
    for choices in ["[possible values: agent, trial]", "[possible values: none, public, all]"] {
        assert!(help.contains(choices), "{help}");
    }
    assert!(help.contains("winner-takes-all"), "{help}");
}

#[test]
fn every_command_that_runs_trials_has_jobs() {
    for word in ["check", "evaluate", "samples", "gate", "gauntlet", "verify"] {
        assert!(stdout(&[word, "--help"]).contains("--jobs <N>"), "{word}");
    }
}

#[test]
fn tasks_are_chosen_by_pattern_and_family() {
    let count = |arguments: &[&str]| {
        let table = stdout(&[&["tasks"], arguments].concat());
        let last = table.lines().last().expect("a count").to_owned();
        last.split_whitespace()
            .next()
            .and_then(|count| count.parse::<usize>().ok())
            .expect("a count")
    };
    let parsing = tasks::all().iter().filter(|task| task.family == tasks::Family::Parsing).count();
    assert_eq!(count(&["--family", "parsing"]), parsing);
    assert_eq!(count(&["--task", "two_sum", "--family", "parsing"]), parsing + 1);
    assert!((2..parsing).contains(&count(&["--task", "parse_*"])));
}

#[test]
fn a_task_is_shown_as_text() {
    let shown = stdout(&["tasks", "reverse_string"]);
    for part in [
        "Reverse a string (reverse_string)\n",
        "The score is 100 x passed cases / cases.\n",
        "agent: 10 s; each call: 2000 ms of CPU; memory: 256 MiB\n",
        "\nImplement a function reverse_string(s: str) -> str\n",
        "examples:\n  reverse_string('hello') -> 'olleh'\n",
    ] {
        assert!(shown.contains(part), "{part:?}: {shown}");
    }
}

#[test]
fn completions_name_every_command() {
    let words = words();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
        let script = stdout(&["completions", &shell.to_string()]);
        for word in &words {
            assert!(script.contains(word.as_str()), "{shell}: {word}");
        }
    }
    // Where bash is installed, it must accept its script.
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("arena.bash");
    std::fs::write(&script, stdout(&["completions", "bash"])).unwrap();
    if let Ok(checked) = std::process::Command::new("bash").arg("-n").arg(&script).output() {
        assert!(checked.status.success(), "{checked:?}");
    }
}

#[test]
fn man_writes_a_page_for_every_command() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    assert!(arena(&["man", pages.to_str().unwrap()]).status.success());
    let read = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(read("arena.1").contains(".TH arena 1"));
    for word in words().into_iter().filter(|word| word != "help") {
        assert!(read(&format!("arena-{word}.1")).contains(&word), "{word}");
    }
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = arena(&["man", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

#[test]
fn exit_status_separates_usage_from_faults() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().to_str().unwrap();
    let check = |arguments: &[&str], status: i32| {
        let output = arena(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", stderr(&output));
    };
    check(&["--version"], 0);
    check(&["tasks"], 0);
    check(&[], 2);
    check(&["no-such-word"], 2);
    check(&["evaluate", "--no-such-argument"], 2);
    check(&["evaluate", "--isolation", "none"], 2);
    check(&["check", "no/such/file.py"], 2);
    check(&["verify", "no/such/report.json"], 2);
    check(&["rank", "--store", store], 2);
    check(&["upload", "no/such/file.py", "--miner", "me"], 2);
    let no_daemon =
        command(&["clean"]).env("DOCKER_HOST", "unix:///no/such/socket").output().unwrap();
    assert_eq!(no_daemon.status.code(), Some(1), "{no_daemon:?}");
    let diagnosed = command(&["doctor", "--store", store])
        .env("DOCKER_HOST", "unix:///no/such/socket")
        .output()
        .unwrap();
    assert_eq!(diagnosed.status.code(), Some(1), "{diagnosed:?}");
}

#[test]
fn misspelled_words_get_a_suggestion() {
    let said = |arguments: &[&str]| stderr(&arena(arguments));
    assert!(said(&["evalute"]).contains("'evaluate'"), "{}", said(&["evalute"]));
    let said = said(&["evaluate", "--partiton", "1/2"]);
    assert!(said.contains("'--partition'"), "{said}");
    for (arguments, name) in [
        (&["tasks", "two_sun"][..], "did you mean 'two_sum'?"),
        (&["tasks", "--task", "revers_string"], "did you mean 'reverse_string'?"),
        (&["tasks", "--family", "parsin"], "'parsing'"),
        (&["check", "agent.py", "--format", "marcdown"], "'markdown'"),
        (&["gauntlet", "fork_bom_"], "did you mean 'fork_bomb'?"),
    ] {
        let output = arena(arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn json_is_one_document_and_no_color_is_obeyed() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().to_str().unwrap();
    platform::store::Store::open(directory.path()).unwrap();
    for arguments in [
        &["tasks", "--json"][..],
        &["agents", "--json", "--store", store],
        &["fsck", "--json", "--store", store],
    ] {
        let output = arena(arguments);
        assert!(output.status.success(), "{output:?}");
        assert!(json(&output).is_array(), "{arguments:?}");
        assert_eq!(stderr(&output), "", "{arguments:?}");
    }
    let mut plain = command(&["no-such-word"]);
    plain.env("CLICOLOR_FORCE", "1");
    assert!(!stderr(&plain.output().unwrap()).contains('\u{1b}'));
    plain.env_remove("NO_COLOR");
    assert!(stderr(&plain.output().unwrap()).contains('\u{1b}'));
}

#[test]
fn works_in_an_empty_directory_without_the_source_tree() {
    let directory = tempfile::tempdir().unwrap();
    let installed = directory.path().join("arena");
    // Another process copies it: one that another test starts meanwhile would hold a file open that this one wrote, and a
    // file open for writing cannot be run.
    let copy =
        std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_arena")).arg(&installed).status();
    assert!(copy.unwrap().success());
    let work = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut arena = std::process::Command::new(&installed);
        arena.args(arguments).current_dir(work.path()).env("HOME", work.path());
        let output = arena.env_remove("ARENA_STORE").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["init"]);
    let checked = run(&["check", "agent.py", "--task", "reverse_string"]);
    assert!(checked.contains("score: 100"), "{checked}");
}
