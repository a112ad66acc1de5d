//! Runs the commands of the README and of the guides in `docs/`, and checks their options and links.
//!
//! Commands stand in fenced blocks with the info string `console`, on lines that begin with `$ `; the other lines are
//! output, in which `...` stands for any text. The commands of one document run in order, in a temporary directory of
//! their own, against a platform that the test starts in place of the one at [`EXAMPLE_URL`]. Blocks marked
//! `console no-run` need a key, a password or another machine: of their commands, only words and options are checked.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The platform's address in the documents.
const EXAMPLE_URL: &str = "http://127.0.0.1:7878";
/// The validator's token of the platform that the test starts.
const VALIDATOR_TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The words that `cargo xtask` does not pass to `arena`.
const XTASK_WORDS: [&str; 4] = ["demo", "test", "bench", "new-task"];
/// The README is a front page: details belong into the guides.
const MAX_README_LINES: usize = 120;
/// A benchmark in EvalPlus's format with one problem.
const BENCHMARK: &str = r#"{"task_id": "HumanEval/0", "prompt": "def half(n):\n", "entry_point": "half", "canonical_solution": "    return n / 2\n", "base_input": [[1], [4]], "plus_input": [[7]], "atol": 1e-6, "contract": ""}
"#;
/// A right and a wrong sample of [`BENCHMARK`].
const SAMPLES: &str = r#"{"task_id": "HumanEval/0", "solution": "def half(n):\n    return n / 2\n"}
{"task_id": "HumanEval/0", "completion": "    return n // 2\n"}
"#;

/// A document at the root or in `docs/`.
struct Document {
    name: &'static str,
    text: String,
}

/// A command of a document, with the output that the document shows.
struct ShownCommand {
    line: String,
    output: Vec<String>,
    is_run: bool,
}

impl Document {
    fn read(name: &'static str) -> Self {
        let path = root().join(name);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        Self { name, text }
    }

    fn all() -> Vec<Self> {
        let names = [
            "README.md",
            "ARCHITECTURE.md",
            "BENCHMARKS.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "docs/benchmarks.md",
            "docs/cluster.md",
            "docs/miners.md",
            "docs/models.md",
            "docs/operators.md",
            "docs/rounds.md",
            "docs/scoring.md",
            "docs/security.md",
            "docs/task-authors.md",
            "docs/validators.md",
        ];
        names.map(Self::read).into()
    }

    /// The commands of the `console` blocks, in order.
    fn commands(&self) -> Vec<ShownCommand> {
        let mut commands: Vec<ShownCommand> = Vec::new();
        let mut block = None;
        for line in self.text.lines() {
            if let Some(info) = line.strip_prefix("```") {
                block = match (block, info.trim()) {
                    (None, "console") => Some(Block::Run),
                    (None, "console no-run") => Some(Block::NoRun),
                    (None, _) => Some(Block::Other),
                    (Some(_), _) => None,
                };
                continue;
            }
            let is_run = match block {
                Some(Block::Run) => true,
                Some(Block::NoRun) => false,
                Some(Block::Other) | None => continue,
            };
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => {
                    commands.push(ShownCommand {
                        line: command.into(),
                        output: Vec::new(),
                        is_run,
                    });
                }
                (None, Some(last)) => last.output.push(line.to_owned()),
                (None, None) => panic!("{}: output before the first command: {line}", self.name),
            }
        }
        commands
    }

    /// The code spans of the prose.
    fn code_spans(&self) -> Vec<&str> {
        let outside = self.text.split("```").step_by(2);
        outside.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
    }
}

/// A fenced block, by its info string.
#[derive(Clone, Copy)]
enum Block {
    Run,
    NoRun,
    Other,
}

/// A temporary directory, and a platform that serves the store in it until the value is dropped.
struct Workplace {
    directory: tempfile::TempDir,
    platform: Child,
    url: String,
    /// The miner's token, from the last response that contained one.
    token: String,
}

impl Workplace {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).unwrap();
        };
        file("token", VALIDATOR_TOKEN);
        file("HumanEvalPlus.jsonl.gz", BENCHMARK);
        file("samples.jsonl", SAMPLES);
        let mut platform = Command::new(env!("CARGO_BIN_EXE_arena"))
            .args(["serve", "--addr", "127.0.0.1:0", "--store", "store", "--until-stdin-closes"])
            .args(["--validator-token-file", "token"])
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("arena serve starts");
        let mut line = String::new();
        BufReader::new(platform.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
        Self { directory, platform, url, token: String::new() }
    }

    /// Runs the command as a reader's shell would, and checks its exit status and the shown output.
    fn run(&mut self, document: &str, command: &ShownCommand) {
        let line = command.line.replace(EXAMPLE_URL, &self.url);
        let line = line.replacen("curl ", "curl --silent --show-error --fail-with-body ", 1);
        // From a checkout, every word but those of xtask itself is passed to arena.
        let line = line.replacen("cargo xtask ", "arena ", 1);
        let binaries = Path::new(env!("CARGO_BIN_EXE_arena")).parent().unwrap();
        let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-c", &line])
            .current_dir(self.directory.path())
            .env("PATH", path)
            .env("XDG_CONFIG_HOME", self.directory.path().join("config"))
            .env("XDG_STATE_HOME", self.directory.path().join("state"))
            .env("TOKEN", &self.token)
            .env("VALIDATOR_TOKEN", VALIDATOR_TOKEN)
            .env("NO_COLOR", "1")
            .env_remove("ARENA_STORE")
            .env_remove("ARENA_PLATFORM")
            .stdin(Stdio::null())
            .output()
            .expect("a shell starts");
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let shown = format!("{document}: $ {}\n{stdout}{stderr}", command.line);
        assert!(output.status.success(), "{}: {shown}", output.status);
        for expected in command.output.iter().filter(|line| !line.trim().is_empty()) {
            let mut printed = stdout.lines().chain(stderr.lines());
            assert!(
                printed.any(|line| matches(expected, line)),
                "not printed: {expected}\n{shown}"
            );
        }
        if let Ok(Value::Object(response)) = serde_json::from_str(&stdout)
            && let Some(token) = response.get("token").and_then(Value::as_str)
        {
            token.clone_into(&mut self.token);
        }
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        drop(self.platform.stdin.take());
        let _ = self.platform.wait();
    }
}

/// Whether the printed line is the shown one, in which `...` stands for any text.
fn matches(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (shown.trim_end(), printed.trim_end());
    let Some((start, gaps)) = shown.split_once("...") else { return shown == printed };
    // The line ends with the last part, which may occur before its end as well.
    let (middle, end) = gaps.rsplit_once("...").unwrap_or(("", gaps));
    let Some(mut rest) = printed.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else {
        return false;
    };
    middle.split("...").all(|part| {
        let found = rest.split_once(part);
        rest = found.map_or(rest, |(_, after)| after);
        found.is_some()
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the commands of a document in order.
fn run(name: &'static str) -> Workplace {
    let mut workplace = Workplace::new();
    for command in Document::read(name).commands().iter().filter(|command| command.is_run) {
        workplace.run(name, command);
    }
    workplace
}

#[test]
fn runs_the_miners_guide() {
    run("docs/miners.md");
}

#[test]
fn runs_the_validators_guide() {
    let workplace = run("docs/validators.md");
    let rankings = std::fs::read(workplace.directory.path().join("store/rankings.json")).unwrap();
    let rankings: Value = serde_json::from_slice(&rankings).unwrap();
    assert_eq!(rankings["rankings"][0]["miner_id"], "alice");
}

#[test]
fn runs_the_operators_guide() {
    let mut workplace = Workplace::new();
    let agent = workplace.directory.path().join("agent.py");
    let stored = workplace.directory.path().join("store/agents/me.py");
    let mut uploads = 0;
    for command in Document::read("docs/operators.md").commands().iter().filter(|c| c.is_run) {
        let is_upload = command.line.contains("/upload/agent");
        if is_upload {
            // Every upload brings another version.
            std::fs::write(&agent, format!("print({uploads})\n")).unwrap();
            uploads += 1;
        }
        if command.line.contains("/rankings") {
            // Before the first round, there are no rankings.
            workplace.run(
                "the test",
                &ShownCommand {
                    line: "arena evaluate --task reverse_string --publish-partial".to_owned(),
                    output: Vec::new(),
                    is_run: true,
                },
            );
        }
        workplace.run("docs/operators.md", command);
        if is_upload {
            assert_eq!(std::fs::read(&agent).unwrap(), std::fs::read(&stored).unwrap());
        }
    }
    assert_eq!(uploads, 2);
}

#[test]
fn runs_the_guide_to_benchmarks() {
    let workplace = run("docs/benchmarks.md");
    let verdicts = workplace.directory.path().join("samples_verdicts.jsonl");
    let verdicts = std::fs::read_to_string(verdicts).unwrap();
    assert_eq!(verdicts.lines().count(), SAMPLES.lines().count());
}

/// The guide's server listens on a port that is free, and its processes end also if a command fails.
#[test]
fn runs_the_guide_to_many_machines() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut workplace = GuideProcesses(Workplace::new());
    for mut command in Document::read("docs/cluster.md").commands().into_iter().filter(|c| c.is_run)
    {
        command.line = command.line.replace("localhost:4222", &format!("localhost:{port}"));
        command.line =
            command.line.replace("localhost.conf", &format!("localhost.conf --port {port}"));
        workplace.0.run("docs/cluster.md", &command);
        if command.line.contains("nats-server") {
            while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
    let rankings = workplace.0.directory.path().join("store/rankings.json");
    assert!(!rankings.exists(), "a round over two tasks is not published");
}

/// A directory whose commands leave processes, which are noted in `NAME.pid`.
struct GuideProcesses(Workplace);

impl Drop for GuideProcesses {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.0.directory.path()).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "pid") {
                let id = std::fs::read_to_string(entry.path()).unwrap_or_default();
                let _ = Command::new("kill").arg(id.trim()).stderr(Stdio::null()).status();
            }
        }
    }
}

#[test]
fn every_command_block_states_whether_it_is_run() {
    for document in Document::all() {
        for line in document.text.lines() {
            let info = line.strip_prefix("```").unwrap_or_default();
            assert!(
                !["sh", "bash", "shell", "text"].contains(&info.trim()),
                "{}: use `console` or `console no-run` for commands",
                document.name
            );
        }
    }
}

/// The help texts of the commands, by word. Options that stand in any of them are known.
struct Help {
    texts: HashMap<(bool, String), BTreeSet<String>>,
}

impl Help {
    /// The options in the help of `arena WORD`, or those of xtask.
    fn options(&mut self, is_xtask: bool, word: &str) -> &BTreeSet<String> {
        self.texts.entry((is_xtask, word.to_owned())).or_insert_with(|| {
            if is_xtask {
                return xtask_options();
            }
            let mut command = Command::new(env!("CARGO_BIN_EXE_arena"));
            let more: &[&str] = match word {
                "nats" => &["init"],
                "round" => &["status"],
                _ => &[],
            };
            let output = command.arg(word).args(more).arg("--help").output().expect("arena starts");
            assert!(output.status.success(), "'{word}' is not a command");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            words.filter(|word| word.starts_with("--")).map(str::to_owned).collect()
        })
    }

    /// Checks that the command exists and has the options that the line gives it.
    fn check(&mut self, document: &str, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let words = words.split(|word| ["|", ">", "&&", ";", "#"].contains(word)).next().unwrap();
        let words: Vec<&str> = words
            .iter()
            .copied()
            .skip_while(|word| *word == "sudo" || word.contains('='))
            .collect();
        let (from_checkout, rest) = match words.as_slice() {
            ["arena", rest @ ..] => (false, rest),
            ["cargo", "xtask", rest @ ..] => (true, rest),
            _ => return,
        };
        let Some(word) = rest.first().filter(|word| !word.starts_with("--")) else { return };
        if word.chars().any(|c| c.is_ascii_uppercase() || c == '.') {
            return;
        }
        let is_xtask = from_checkout && XTASK_WORDS.contains(word);
        let known = self.options(is_xtask, word);
        for option in rest.iter().filter(|word| word.starts_with("--")) {
            let option = option.split(['=', '.', ',']).next().unwrap();
            assert!(known.contains(option), "{document}: '{word}' has no option {option}: {line}");
        }
    }
}

#[test]
fn every_command_and_option_exists() {
    let mut help = Help { texts: HashMap::new() };
    let mut checked = 0;
    for document in Document::all().iter().filter(|document| document.name != "CHANGELOG.md") {
        for command in document.commands() {
            help.check(document.name, &command.line);
            checked += 1;
        }
        for span in document.code_spans() {
            help.check(document.name, span);
        }
    }
    assert!(checked > 40, "only {checked} commands were found");
}

#[test]
fn every_option_named_in_the_guides_exists() {
    let mut help = Help { texts: HashMap::new() };
    let overview = Command::new(env!("CARGO_BIN_EXE_arena")).arg("--help").output().unwrap();
    let overview = String::from_utf8_lossy(&overview.stdout).into_owned();
    let commands = overview.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let words = commands.map_while(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let mut known = BTreeSet::from(["--setup".to_owned()]);
    for word in words.filter(|word| *word != "help") {
        known.extend(help.options(false, word).iter().cloned());
    }
    for document in Document::all().iter().filter(|document| document.name.starts_with("docs/")) {
        for span in document.code_spans().into_iter().filter(|span| span.starts_with("--")) {
            let option = span.split(|c: char| c == '=' || c.is_whitespace()).next().unwrap();
            assert!(known.contains(option), "{}: no command has {option}", document.name);
        }
    }
}

/// The options of xtask, from the fields of its sources: building it only for its help would take minutes.
fn xtask_options() -> BTreeSet<String> {
    let (mut options, mut directories) = (BTreeSet::new(), vec![root().join("xtask")]);
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                directories.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&entry).unwrap();
                let fields = text.lines().filter_map(|line| line.trim().split_once(": "));
                let names = fields.map(|(name, _)| name.trim_start_matches("pub "));
                options.extend(names.map(|name| format!("--{}", name.replace('_', "-"))));
            }
        }
    }
    options
}

/// The anchor that a Markdown renderer gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for document in Document::all() {
        let directory = root().join(document.name).parent().unwrap().to_path_buf();
        let targets = document.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.contains(' ')) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path: PathBuf =
                if file.is_empty() { root().join(document.name) } else { directory.join(file) };
            assert!(path.exists(), "{}: there is no {target}", document.name);
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&path).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(
                    headings.map(anchor).any(|anchor| anchor == heading),
                    "{}: {file} has no heading #{heading}",
                    document.name
                );
            }
        }
    }
}

#[test]
fn the_readme_is_short() {
    let lines = Document::read("README.md").text.lines().count();
    assert!(lines <= MAX_README_LINES, "the README has {lines} lines");
}

#[test]
fn a_shown_line_matches_with_gaps() {
    for (shown, printed, expected) in [
        ("score: 100", "score: 100", true),
        ("score: 100", "score: 1000", false),
        ("seed: ...", "seed: 17", true),
        ("... removed, ... at work", "0 removed, 2 at work", true),
        ("... removed", "removed or not", false),
        ("| RE | ... |", "| RE | 50 | it exited |", true),
        ("| RE | ... |", "| RE | 50 | it", false),
        ("one ... two ... one", "one two and one", false),
    ] {
        assert_eq!(matches(shown, printed), expected, "{shown:?} and {printed:?}");
    }
}

#[test]
fn the_architecture_names_files_and_functions_that_exist() {
    let document = Document::read("ARCHITECTURE.md");
    let directories =
        ["src/", "tests/", "tasks/", "platform/", "harness/", "cluster/", "miner/", "xtask/"];
    let mut functions = 0;
    for span in document.code_spans() {
        if !directories.iter().any(|directory| span.starts_with(directory)) {
            continue;
        }
        let (file, name) = span.split_once("::").unwrap_or((span, ""));
        let path = root().join(file);
        assert!(path.exists(), "ARCHITECTURE.md: there is no {file}");
        if !name.is_empty() {
            let text = std::fs::read_to_string(&path).unwrap();
            let keywords = ["fn", "def", "struct", "enum", "class"];
            let defined = |keyword: &&str| {
                let start = format!("{keyword} {name}");
                text.match_indices(&start).any(|(index, _)| {
                    let next = text[index + start.len()..].chars().next();
                    !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
                })
            };
            assert!(keywords.iter().any(defined), "ARCHITECTURE.md: no {name} in {file}");
            functions += 1;
        }
    }
    assert!(functions > 30, "only {functions} functions are named");
}
