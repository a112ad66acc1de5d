//! Rounds to show: several miners, every verdict, histories that rise and fall, and hostile words in
//! every field that can hold any.

use platform::rankings::Rankings;
use platform::store::Store;

/// Markup and script, as somebody would try them.
pub const HOSTILE: &str = "\"'><script>document.title='owned'</script><img src=x onerror=alert(1)>";

/// The tasks of these rounds.
pub const TASKS: [&str; 4] = ["reverse_string", "fizz_buzz", "two_sum", "factorial"];

/// Puts three rounds into the store. In the last, `good` leads, `climber` has come up, `faller` has gone
/// down, and `fresh` is new.
pub fn put(store: &Store) {
    let before: &[(&str, [f64; 4])] = &[
        ("faller", [100.0, 100.0, 100.0, 50.0]),
        ("good", [100.0, 100.0, 50.0, 50.0]),
        ("climber", [25.0, 0.0, 0.0, 0.0]),
    ];
    let last: &[(&str, [f64; 4])] = &[
        ("good", [100.0, 100.0, 100.0, 100.0]),
        ("climber", [100.0, 87.5, 100.0, 62.5]),
        ("fresh", [100.0, 0.0, 37.5, 50.0]),
        ("faller", [0.0, 0.0, 0.0, 0.0]),
        ("copy-cat", [0.0, 0.0, 0.0, 0.0]),
    ];
    for (day, agents) in [(1, before), (2, before), (3, last)] {
        store.put_rankings(&round(day, agents)).unwrap();
    }
}

fn round(day: u32, agents: &[(&str, [f64; 4])]) -> Rankings {
    let codes = ["WA", "RE", "TLE", "MLE", "OLE", "NS"];
    let rankings: Vec<_> = agents
        .iter()
        .enumerate()
        .map(|(place, (miner_id, scores))| {
            let tasks: serde_json::Map<_, _> = TASKS
                .iter()
                .zip(scores)
                .enumerate()
                // One trial was a fault and has no verdict.
                .filter(|(column, _)| (*miner_id, *column) != ("copy-cat", 3))
                .map(|(column, (task, score))| {
                    let worst = codes[(place + column) % codes.len()];
                    let verdict = if *score == 100.0 { "AC" } else { worst };
                    let passed = score * 0.08;
                    let score = serde_json::json!({
                        "verdict": verdict, "score": score, "passed": passed.trunc() as u32, "total": 8,
                    });
                    ((*task).to_owned(), score)
                })
                .collect();
            serde_json::json!({
                "rank": place + 1, "miner_id": miner_id, "agent_sha256": "0".repeat(64),
                "score": scores.iter().sum::<f64>() / 4.0, "reward_tao": HOSTILE, "reward_rao": 0,
                "tasks": tasks,
                "copy_of": (*miner_id == "copy-cat").then_some("faller"),
            })
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "round": {
            "id": format!("{HOSTILE}{day}"), "seed": 1, "started_at": format!("2026-01-0{day}T00:00:00Z"),
            "finished_at": format!("2026-01-0{day}T00:01:00Z"), "tasks": TASKS,
            "image": HOSTILE, "isolation": HOSTILE, "pool_tao": HOSTILE, "payout": HOSTILE,
            "trials": 20, "cached": 0,
            "faults": [{"miner_id": "copy-cat", "task": "factorial", "fault": HOSTILE}],
        },
        "rankings": rankings,
    }))
    .unwrap()
}
