//! Public benchmarks: judging a model's samples, and using the problems as tasks. The files in `benchmarks/` were
//! written for these tests, in the format of the published ones.

use std::io::Write as _;
use std::path::Path;

use crate::support::{arena, command, json, store};
use serde_json::{Value, json};

const PLUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benchmarks/small_plus.jsonl");
const ORIGINAL: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benchmarks/small_original.jsonl");

/// Judges samples and returns the report and the verdicts.
fn judge(
    directory: &Path,
    benchmark: &str,
    samples: &[Value],
    more: &[&str],
) -> (Value, Vec<Value>) {
    let file = directory.join("samples.jsonl");
    let lines: Vec<_> = samples.iter().map(ToString::to_string).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let store = directory.join("store");
    let arguments =
        ["samples", "--benchmark", benchmark, "--samples", file.to_str().unwrap(), "--json"];
    let output = arena(&[&arguments[..], &["--store", store.to_str().unwrap()], more].concat());
    assert!(output.status.success(), "{output:?}");
    let verdicts = std::fs::read_to_string(directory.join("samples_verdicts.jsonl")).unwrap();
    let verdicts = verdicts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (json(&output), verdicts)
}

fn completion(problem: &str, completion: &str) -> Value {
    json!({ "task_id": problem, "completion": completion })
}

#[test]
fn samples_are_judged_by_the_canonical_solution() {
    let directory = tempfile::tempdir().unwrap();
    // Problem, completion, verdict on the base cases, verdict on all cases.
    let samples = [
        ("HumanEval/900", "    return n + n\n", "AC", "AC"),
        ("HumanEval/900", "    return abs(n) * 2\n", "AC", "WA"),
        ("HumanEval/900", "    return n if n else 1 / n\n", "WA", "WA"),
        ("HumanEval/900", "    return (\n", "NS", "NS"),
        // Large lists cross as digests, which are equal for equal numbers of different types.
        ("HumanEval/901", "    return [float(i) for i in range(n)]\n", "AC", "AC"),
        ("HumanEval/901", "    return tuple(range(n))\n", "WA", "WA"),
        (
            "HumanEval/901",
            "    return list(range(n))[::-1] if n == 100000 else list(range(n))\n",
            "WA",
            "WA",
        ),
        ("HumanEval/901", "    return list(range(n)) if n != 5000 else [0.5] * n\n", "AC", "WA"),
        ("HumanEval/901", "    while n == 5000: pass\n    return list(range(n))\n", "AC", "TLE"),
        ("HumanEval/902", "    return x * (1 / 3)\n", "AC", "AC"),
        ("HumanEval/902", "    return x / 3 + 1e-4\n", "WA", "WA"),
        (
            "Mbpp/2",
            "\ndef similar_elements(a, b):\n    return [i for i in b if i in a] * 2\n",
            "AC",
            "AC",
        ),
        ("Mbpp/2", "\ndef similar_elements(a, b):\n    return a + b\n", "WA", "WA"),
    ];
    let lines: Vec<_> = samples.iter().map(|(name, code, ..)| completion(name, code)).collect();
    let benchmark = format!("evalplus:{PLUS}");
    let (report, verdicts) = judge(directory.path(), &benchmark, &lines, &[]);
    assert_eq!(verdicts.len(), samples.len());
    for (verdict, (name, code, base, plus)) in verdicts.iter().zip(samples) {
        assert_eq!(
            (&verdict["task_id"], &verdict["base"], &verdict["plus"]),
            (&name.into(), &base.into(), &plus.into()),
            "{code}: {verdict}"
        );
        assert_eq!(verdict.get("failing").is_some(), plus != "AC", "{verdict}");
    }
    assert_eq!(verdicts[1]["failing"]["case"], "plus_1");
    assert_eq!(verdicts[1]["failing"]["input"], "double(-7)");
    assert_eq!(verdicts[1]["failing"]["detail"], "double(-7) returned 14, expected -14");
    assert_eq!((&report["advisory"], &report["problems"]), (&false.into(), &4.into()));
    // One of four, four of five, one of two, one of two.
    let estimate = |which: &str| report["pass_at"][which][0]["estimate"].as_f64().unwrap();
    assert!((estimate("base") - (0.5 + 0.6 + 0.5 + 0.5) / 4.0).abs() < 1e-9, "{report}");
    assert!((estimate("plus") - (0.25 + 0.2 + 0.5 + 0.5) / 4.0).abs() < 1e-9, "{report}");

    let (report, verdicts) =
        judge(directory.path(), &benchmark, &lines, &["--base-only", "--first-failure"]);
    assert!(report["pass_at"].get("plus").is_none(), "{report}");
    for (verdict, (_, code, base, _)) in verdicts.iter().zip(samples) {
        assert_eq!(verdict["base"], base, "{code}");
        assert!(verdict.get("plus").is_none(), "{verdict}");
    }
}

#[test]
fn original_assertions_are_advisory() {
    let directory = tempfile::tempdir().unwrap();
    let samples = [
        completion("HumanEval/950", "    return n // 2\n"),
        completion("HumanEval/950", "    return n / 2\n"),
        json!({ "task_id": "HumanEval/950", "solution": "def other(): pass\n" }),
    ];
    let (report, verdicts) =
        judge(directory.path(), &format!("humaneval:{ORIGINAL}"), &samples, &[]);
    assert_eq!(report["advisory"], true);
    let verdicts: Vec<_> = verdicts.iter().map(|verdict| &verdict["base"]).collect();
    assert_eq!(verdicts, ["AC", "WA", "RE"]);

    // A round over it says so and publishes no ranking.
    let root = directory.path().join("round");
    store(&root, &[("alice", "pass\n")]);
    let benchmark = format!("humaneval:{ORIGINAL}");
    for command in ["evaluate", "rank"] {
        let output =
            arena(&[command, "--benchmark", &benchmark, "--store", root.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("advisory"), "{output:?}");
        assert!(!root.join("rankings.json").exists(), "{command}");
    }
}

#[test]
fn reads_gzip_and_names_bad_input() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&std::fs::read(PLUS).unwrap()).unwrap();
    std::fs::write(path("plus.jsonl.gz"), packed.finish().unwrap()).unwrap();
    let right = completion("HumanEval/900", "    return n + n\n");
    let benchmark = format!("evalplus:{}", path("plus.jsonl.gz"));
    let (_, verdicts) = judge(directory.path(), &benchmark, &[right], &[]);
    assert_eq!(verdicts[0]["plus"], "AC");

    std::fs::write(path("broken.jsonl"), "{\"task_id\": \"HumanEval/1\"\n").unwrap();
    std::fs::write(path("empty.jsonl"), "\n").unwrap();
    std::fs::write(path("unknown.jsonl"), "{\"task_id\": \"HumanEval/1\", \"solution\": \"\"}\n")
        .unwrap();
    std::fs::write(path("bare.jsonl"), "{\"task_id\": \"HumanEval/900\"}\n").unwrap();
    let plus = format!("evalplus:{PLUS}");
    let samples = path("samples.jsonl");
    for (benchmark, samples, sentence) in [
        (
            "apps:x".to_owned(),
            &samples,
            "'apps:x' is not a benchmark; expected 'evalplus:FILE', 'humaneval:FILE' or 'mbpp:FILE'",
        ),
        (format!("evalplus:{}", path("none")), &samples, "none: No such file or directory"),
        (
            format!("evalplus:{}", path("broken.jsonl")),
            &samples,
            "broken.jsonl, line 1: invalid JSON at byte",
        ),
        (
            format!("humaneval:{PLUS}"),
            &samples,
            "small_plus.jsonl, line 1: `test` must be a string",
        ),
        (format!("evalplus:{}", path("empty.jsonl")), &samples, "empty.jsonl contains no problems"),
        (
            plus.clone(),
            &path("unknown.jsonl"),
            "unknown.jsonl, line 1: the benchmark has no problem 'HumanEval/1'",
        ),
        (
            plus.clone(),
            &path("bare.jsonl"),
            "bare.jsonl, line 1: `solution` or `completion` must be a string",
        ),
        (plus.clone(), &path("empty.jsonl"), "empty.jsonl contains no samples"),
    ] {
        let output = arena(&["samples", "--benchmark", &benchmark, "--samples", samples]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(sentence), "{said}");
    }
}

#[test]
fn problems_can_be_tasks_of_a_round() {
    let directory = tempfile::tempdir().unwrap();
    let knows = "import sys\nprompt = sys.argv[-1]\nif 'double' in prompt:\n    print('def double(n): return n + n')\n";
    store(directory.path(), &[("alice", knows), ("bob", "pass\n")]);
    let path = directory.path().to_str().unwrap();
    let benchmark = format!("evalplus:{PLUS}");
    let output =
        arena(&["evaluate", "--store", path, "--benchmark", &benchmark, "--seed", "1", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let document = json(&output);
    assert_eq!(document["round"]["tasks"].as_array().unwrap().len(), 4);
    let [alice, bob] = &document["rankings"].as_array().unwrap()[..] else { panic!("{document}") };
    assert_eq!(
        (&alice["miner_id"], &alice["score"], &bob["score"]),
        (&"alice".into(), &25.0.into(), &0.0.into())
    );
    let ranked = arena(&["rank", "--store", path, "--benchmark", &benchmark]);
    assert!(
        String::from_utf8_lossy(&ranked.stdout).contains("alice: 25 (reward: 100 'TAO')"),
        "{ranked:?}"
    );

    let cache = json(&arena(&["cache", "--store", path, "--benchmark", &benchmark, "--json"]));
    // Two agents and two controls on four tasks.
    assert_eq!((&cache["results"], &cache["hits"]), (&16.into(), &16.into()));
    let other = arena(&["evaluate", "--store", path, "--seed", "1", "--task", "reverse_string"]);
    assert!(other.status.success(), "{other:?}");
    let cache = json(&arena(&["cache", "--store", path, "--prune", "--json"]));
    assert_eq!((&cache["results"], &cache["hits"]), (&20.into(), &4.into()));
    let cache = json(&arena(&["cache", "--store", path, "--json"]));
    assert_eq!(
        (&cache["results"], &cache["hits"], &cache["stale_bytes"]),
        (&4.into(), &4.into(), &0.into())
    );
}

#[test]
fn unwritable_output_is_reported_before_judging() {
    let directory = tempfile::tempdir().unwrap();
    let samples = directory.path().join("samples.jsonl");
    let line = completion("HumanEval/900", "    return n + n\n").to_string();
    std::fs::write(&samples, &line).unwrap();
    let samples = samples.to_str().unwrap();
    let nowhere = directory.path().join("missing/verdicts.jsonl");
    for output in [samples, nowhere.to_str().unwrap()] {
        let benchmark = format!("evalplus:{PLUS}");
        let arguments =
            ["samples", "--benchmark", &benchmark, "--samples", samples, "--output", output];
        let refused = command(&arguments).env("DOCKER_HOST", "unix:///nowhere").output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert_eq!(std::fs::read_to_string(samples).unwrap(), line);
    }
}

/// Writes a benchmark of one problem, whose function is given as a whole.
fn benchmark(directory: &Path, problem: &str, name: &str, solution: &str, base: &Value) -> String {
    let line = json!({
        "task_id": problem, "prompt": "", "entry_point": name, "canonical_solution": solution,
        "base_input": base, "plus_input": [], "atol": 0
    });
    let file = directory.join("benchmark.jsonl");
    std::fs::write(&file, line.to_string()).unwrap();
    format!("evalplus:{}", file.display())
}

#[test]
fn large_results_follow_the_rules_of_small_ones() {
    for (problem, name, canonical, sample) in [
        ("Mbpp/3", "similar_elements", "return tuple(range(n))", "return list(range(n))[::-1]"),
        (
            "Mbpp/4",
            "halves",
            "return [i * 1.0 for i in range(n)]",
            "return [i + 1e-9 for i in range(n)]",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let whole = |body: &str| format!("def {name}(n):\n    {body}\n");
        let benchmark =
            benchmark(directory.path(), problem, name, &whole(canonical), &json!([[3000]]));
        let samples = [canonical, sample, "return [0.5] * n"]
            .map(|body| json!({ "task_id": problem, "solution": whole(body) }));
        let (_, verdicts) = judge(directory.path(), &benchmark, &samples, &[]);
        let verdicts: Vec<_> = verdicts.iter().map(|line| line["base"].as_str().unwrap()).collect();
        assert_eq!(verdicts, ["AC", "AC", "WA"], "{name}");
    }
}

#[test]
fn problem_without_an_input_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let source = "def f(n):\n    return n\n";
    let benchmark = benchmark(directory.path(), "Mbpp/5", "f", source, &json!([]));
    let samples = directory.path().join("samples.jsonl");
    std::fs::write(&samples, json!({ "task_id": "Mbpp/5", "solution": source }).to_string())
        .unwrap();
    let (samples, store) = (samples.to_str().unwrap(), directory.path().to_str().unwrap());
    let output =
        arena(&["samples", "--benchmark", &benchmark, "--samples", samples, "--store", store]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`base_input` of Mbpp/5 is empty"), "{said}");
}

/// A problem of MBPP+ with one base input.
fn problem(name: &str, function: &str, canonical: &str, input: &Value) -> Value {
    json!({
        "task_id": name, "prompt": "", "entry_point": function, "canonical_solution": canonical,
        "base_input": [input], "plus_input": [], "atol": 0
    })
}

/// Writes a benchmark of these problems.
fn benchmark_of(directory: &Path, problems: &[Value]) -> String {
    let file = directory.join("problems.jsonl");
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    format!("evalplus:{}", file.display())
}

#[test]
fn problems_that_cannot_judge_are_left_out_and_the_others_are_judged() {
    let directory = tempfile::tempdir().unwrap();
    let object = "def f(n):\n    return object()\n";
    let raises = "def g(n):\n    return 1 / n\n";
    let right = "def h(n):\n    return n\n";
    let benchmark = benchmark_of(
        directory.path(),
        &[
            problem("Mbpp/5", "f", object, &json!([1])),
            problem("Mbpp/6", "g", raises, &json!([0])),
            problem("Mbpp/7", "h", right, &json!([7])),
        ],
    );
    let samples = directory.path().join("samples.jsonl");
    let lines = [("Mbpp/5", object), ("Mbpp/6", raises), ("Mbpp/7", right)]
        .map(|(name, code)| completion(name, code).to_string());
    std::fs::write(&samples, lines.join("\n")).unwrap();
    let (samples, root) = (samples.to_str().unwrap(), directory.path().join("store"));
    let root = root.to_str().unwrap();
    let of_samples = ["--samples", samples, "--store", root, "--json"];
    let output = arena(&[&["samples", "--benchmark", &benchmark], &of_samples[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = json(&output);
    assert_eq!((&report["problems"], &report["samples"]), (&1.into(), &1.into()), "{report}");
    assert_eq!(report["pass_at"]["plus"][0]["estimate"], 1.0, "{report}");
    let left_out: Vec<_> = report["left_out"].as_array().unwrap().iter().collect();
    assert_eq!(
        left_out.iter().map(|problem| &problem["task_id"]).collect::<Vec<_>>(),
        ["Mbpp/5", "Mbpp/6"]
    );
    let said = String::from_utf8_lossy(&output.stderr);
    for sentence in [
        "Mbpp/5 is left out: its canonical solution cannot be used: its own result of base_1 would fail\n",
        "Mbpp/6 is left out: its canonical solution cannot be used: its call for base_1 failed: \
         raised ZeroDivisionError in line 2: division by zero\n",
        "\n1 of 1 samples (100 %)\n",
        "2 problems left out: ",
    ] {
        assert!(said.contains(sentence), "{sentence}: {said}");
    }
    assert!(!said.contains("have a sample"), "{said}");

    // A round is run over the other problems.
    store(Path::new(root), &[("alice", "print('def h(n): return n')\n")]);
    let output = arena(&["evaluate", "--store", root, "--benchmark", &benchmark, "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(json(&output)["round"]["tasks"], json!(["mbpp_7"]), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Mbpp/5 is left out") && said.contains("Mbpp/6 is left out"), "{said}");
}

#[test]
fn sample_with_a_lone_surrogate_fails_and_the_others_count() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("samples.jsonl");
    let right = completion("HumanEval/900", "    return n + n\n");
    let lone = r#"{"task_id": "HumanEval/900", "solution": "x = '\ud83d'"}"#;
    std::fs::write(&file, format!("{lone}\n{right}\n{lone}\n")).unwrap();
    let benchmark = format!("evalplus:{PLUS}");
    let (samples, root) = (file.to_str().unwrap(), directory.path().join("store"));
    let root = root.to_str().unwrap();
    let output = arena(&[
        "samples",
        "--benchmark",
        &benchmark,
        "--samples",
        samples,
        "--store",
        root,
        "--json",
    ]);
    assert!(output.status.success(), "{output:?}");
    let estimate = json(&output)["pass_at"]["plus"][0]["estimate"].as_f64().unwrap();
    assert!((estimate - 1.0 / 3.0).abs() < 1e-9, "{output:?}");
    let verdicts =
        std::fs::read_to_string(directory.path().join("samples_verdicts.jsonl")).unwrap();
    let verdicts: Vec<Value> =
        verdicts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdict = |index: usize| (&verdicts[index]["base"], &verdicts[index]["plus"]);
    assert_eq!(verdict(0), (&"NS".into(), &"NS".into()));
    assert_eq!(verdict(1), (&"AC".into(), &"AC".into()));
    assert_eq!(verdict(2), (&"NS".into(), &"NS".into()));
    let why = verdicts[0]["failing"]["detail"].as_str().unwrap();
    assert!(why.contains("lone surrogate"), "{why}");
}

#[test]
fn benchmarks_have_a_memory_limit_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let large = "def f(n):\n    return len(bytearray(n << 20))\n";
    let benchmark = benchmark_of(directory.path(), &[problem("Mbpp/5", "f", large, &json!([400]))]);
    let sample = completion("Mbpp/5", large);
    // The canonical solution is trusted and has a limit of its own.
    for (more, verdict) in [(&["--memory", "128M"][..], "MLE"), (&[], "AC")] {
        let (_, verdicts) =
            judge(directory.path(), &benchmark, std::slice::from_ref(&sample), more);
        assert_eq!(verdicts[0]["base"], verdict, "{more:?}");
    }
}

#[test]
fn packages_of_the_image_are_visible_on_request_only() {
    let directory = tempfile::tempdir().unwrap();
    // Mounts hide the packages. The canonical solution sees what the samples see.
    let listed = "import os\n\ndef f(n):\n    return n if HIDDEN else 0\n".replace(
        "HIDDEN",
        "any(os.path.ismount(p) for p in ('/usr/lib/python3/dist-packages', \
         '/usr/local/lib/python3.11/site-packages'))",
    );
    let canonical = "def f(n):\n    return n\n";
    let benchmark =
        benchmark_of(directory.path(), &[problem("Mbpp/5", "f", canonical, &json!([400]))]);
    let sample = completion("Mbpp/5", &listed);
    for (more, verdict) in [(&["--site-packages"][..], "WA"), (&[], "AC")] {
        let (_, verdicts) =
            judge(directory.path(), &benchmark, std::slice::from_ref(&sample), more);
        assert_eq!(verdicts[0]["base"], verdict, "{more:?}");
    }
    let refused = arena(&["check", "agent.py", "--site-packages"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("--benchmark"), "{said}");
}

#[test]
fn results_are_compared_as_python_compares_them() {
    let cases = [
        ("__import__('fractions').Fraction(n, 3)", "__import__('fractions').Fraction(2 * n, 6)"),
        ("__import__('decimal').Decimal('0.5') * n", "n / 2"),
        ("{n: 1}.keys()", "{n}"),
        ("{n: 1}.items()", "{(n, 1)}"),
        ("bytearray([n])", "bytes([n])"),
        ("__import__('types').MappingProxyType({n: 1})", "{n: 1}"),
        ("__import__('collections').ChainMap({n: 1})", "{n: 1}"),
        ("__import__('enum').IntEnum('E', 'A B C').C", "n"),
    ];
    let name = |index: usize| format!("Mbpp/{}", 9000 + index);
    let source = |body: &str| format!("def f(n):\n    return {body}\n");
    let problems: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(index, (canonical, _))| problem(&name(index), "f", &source(canonical), &json!([3])))
        .collect();
    let samples: Vec<_> = cases
        .iter()
        .enumerate()
        .flat_map(|(index, (canonical, equal))| {
            [canonical, equal, &"[n]"].map(|body| completion(&name(index), &source(body)))
        })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let benchmark = benchmark_of(directory.path(), &problems);
    let (_, verdicts) = judge(directory.path(), &benchmark, &samples, &[]);
    for (verdicts, case) in verdicts.chunks(3).zip(cases) {
        let verdicts: Vec<_> = verdicts.iter().map(|line| line["base"].as_str().unwrap()).collect();
        assert_eq!(verdicts, ["AC", "AC", "WA"], "{case:?}");
    }
}

#[test]
fn releases_in_the_original_formats_are_judged_by_their_assertions() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    // MBPP+ in the format of MBPP has its assertions in `test`, MBPP itself in `test_list`.
    let released = json!({
        "task_id": 3, "prompt": "Write a function to double a number.",
        "code": "def double(n):\n    return 2 * n\n", "test_imports": [],
        "test_list": ["assert double(2) == 4"], "test": "assert double(2) == 4\nassert double(-1) == -2\n",
    });
    let original = json!({
        "task_id": 4, "text": "Write a function to double a number.",
        "code": "def double(n):\r\n    return 2 * n", "test_setup_code": "",
        "test_list": ["assert double(2) == 4"], "challenge_test_list": [],
    });
    std::fs::write(path("mbpp.jsonl"), format!("{released}\n{original}\n")).unwrap();
    let square = "def double(n):\n    return n * n\n";
    let samples = [
        json!({ "task_id": "Mbpp/3", "solution": "def double(n):\n    return n + n\n" }),
        json!({ "task_id": 3, "solution": square }),
        json!({ "task_id": 4, "solution": square }),
    ];
    let benchmark = format!("mbpp:{}", path("mbpp.jsonl"));
    let (report, verdicts) = judge(directory.path(), &benchmark, &samples, &[]);
    let verdicts: Vec<_> = verdicts.iter().map(|line| line["base"].as_str().unwrap()).collect();
    assert_eq!((verdicts, &report["advisory"]), (vec!["AC", "WA", "AC"], &true.into()));

    // The wrong format is named.
    for (file, right) in
        [(path("mbpp.jsonl"), "'mbpp:FILE'"), (ORIGINAL.to_owned(), "'humaneval:FILE'")]
    {
        let benchmark = format!("evalplus:{file}");
        let output =
            arena(&["samples", "--benchmark", &benchmark, "--samples", &path("samples.jsonl")]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("this is the original format") && said.contains(right), "{said}");
    }
}

#[test]
fn release_without_extreme_inputs_is_read() {
    // An object in place of a list, and problems without additional inputs.
    let directory = tempfile::tempdir().unwrap();
    let source = "def f(n):\n    return n\n";
    let mut problems = [
        problem("Mbpp/793", "f", source, &json!([1])),
        problem("Mbpp/794", "f", source, &json!([1])),
    ];
    problems[0]["plus_input"] = json!({});
    let benchmark = benchmark_of(directory.path(), &problems);
    let samples = ["Mbpp/793", "Mbpp/794"].map(|name| completion(name, source));
    let (report, verdicts) = judge(directory.path(), &benchmark, &samples, &[]);
    assert_eq!(report["pass_at"]["plus"][0]["estimate"], 1.0, "{report}");
    assert_eq!((&verdicts[0]["total"], &verdicts[1]["plus"]), (&1.into(), &"AC".into()));
}
