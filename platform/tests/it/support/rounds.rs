//! Rounds to display: several miners, every verdict, rising and falling histories, and hostile text in every
//! text field.

use platform::api::Rankings;
use platform::store::Store;

/// Markup and script, as an attacker would try them.
pub const HOSTILE: &str = "\"'><script>document.title='owned'</script><img src=x onerror=alert(1)>";

/// The tasks of these rounds, too many for a phone.
pub const TASKS: [&str; 8] = [
    "reverse_string",
    "fizz_buzz",
    "two_sum",
    "factorial",
    "to_base",
    "flatten",
    "tokenize",
    "prime_factors",
];

/// Puts three rounds into the store. In the last, `good` leads, `climber` has risen, `faller` has fallen, and
/// `fresh` is new.
pub fn put(store: &Store) {
    put_with(store, HOSTILE);
}

/// Like [`put`], with this text in place of the hostile one.
pub fn put_with(store: &Store, text: &str) {
    let before: &[(&str, [u32; 4])] =
        &[("faller", [8, 8, 8, 4]), ("good", [8, 8, 4, 4]), ("climber", [2, 0, 0, 0])];
    let last: &[(&str, [u32; 4])] = &[
        ("good", [8, 8, 8, 8]),
        ("climber", [8, 7, 8, 5]),
        ("fresh", [8, 0, 3, 4]),
        ("faller", [0, 0, 0, 0]),
        ("copy-cat", [0, 0, 0, 0]),
    ];
    for (day, agents) in [(1, before), (2, before), (3, last)] {
        let mut rankings = round(day, agents, text);
        rankings.round.previous = store.latest_closed(None).unwrap();
        store.put_rankings(&rankings).unwrap();
    }
}

fn round(day: u32, agents: &[(&str, [u32; 4])], text: &str) -> Rankings {
    let codes = ["WA", "RE", "TLE", "MLE", "OLE", "NS"];
    let rankings: Vec<_> = agents
        .iter()
        .enumerate()
        .map(|(place, (miner_id, passed))| {
            let tasks: serde_json::Map<_, _> = TASKS
                .iter()
                .zip(passed.iter().cycle())
                .enumerate()
                // One trial was a fault and has no verdict.
                .filter(|(column, _)| (*miner_id, *column) != ("copy-cat", 3))
                .map(|(column, (task, passed))| {
                    let worst = codes[(place + column) % codes.len()];
                    let verdict = if *passed == 8 { "AC" } else { worst };
                    let score = f64::from(*passed) * 12.5;
                    let score = serde_json::json!({
                        "verdict": verdict, "score": score, "passed": passed, "total": 8,
                    });
                    ((*task).to_owned(), score)
                })
                .collect();
            serde_json::json!({
                "rank": place + 1, "group": "a", "p_above": (place > 0).then_some(0.5),
                "interval": {"low": 0.0, "high": 100.0}, "miner_id": miner_id, "agent_sha256": "0".repeat(64),
                "score": f64::from(passed.iter().sum::<u32>()) * 3.125, "reward_tao": text, "reward_rao": 0,
                "tasks": tasks,
                "uploaded_at": "2026-01-01T00:00:00Z", "first_submitted_at": "2026-01-01T00:00:00Z",
                "copy_of": (*miner_id == "copy-cat").then_some("faller"),
            })
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "round": {
            "id": format!("2026010{day}T000000Z-00000001"), "status": if day == 2 { "closed" } else { "open" },
            "seed": (day == 2).then_some(1), "salt": (day == 2).then_some(text), "commitment": "0".repeat(64),
            "opened_at": format!("2026-01-0{day}T00:00:00Z"),
            "listed_at": format!("2026-01-0{day}T00:00:30Z"),
            "finished_at": format!("2026-01-0{day}T00:01:00Z"), "tasks": TASKS,
            "image": text, "isolation": text, "pool_tao": text, "payout": text, "alpha": 0.05,
            "trials": 20,
            "faults": [{"miner_id": "copy-cat", "task": "factorial", "fault": text}],
        },
        "rankings": rankings,
    }))
    .unwrap()
}

/// Puts a round of so many agents on all built-in tasks but two, after an earlier one. The first agents pass everything, the
/// last ones nothing, and in between every verdict occurs.
pub fn put_large(store: &Store, agents: u32) {
    for day in [1, 2] {
        store.put_rankings(&large(day, agents)).unwrap();
    }
}

/// A round of so many agents on 60 tasks.
pub fn large(day: u32, agents: u32) -> Rankings {
    let codes = ["WA", "WA", "RE", "TLE", "NS", "WA", "MLE", "OLE"];
    let all = tasks::all();
    let tasks = &all[..60];
    let rankings: Vec<_> = (0..agents)
        .map(|place| {
            let scores: serde_json::Map<_, _> = (0_u32..)
                .zip(tasks)
                .map(|(column, task)| {
                    // Spread as if at random, and the same each time.
                    let chance = (place * 7_919 + column * 104_729 + day * 31) % 997;
                    let accepted = chance * agents >= place * 997;
                    let passed = if accepted { 20 } else { chance % 20 };
                    let verdict = if accepted { "AC" } else { codes[(chance % 8) as usize] };
                    let score = f64::from(passed) * 5.0;
                    let score = serde_json::json!({
                        "verdict": verdict, "score": score, "passed": passed, "total": 20,
                    });
                    (task.id.to_string(), score)
                })
                .collect();
            let score = 100.0 - f64::from(place) * 100.0 / f64::from(agents);
            let score = (score * 100.0).round() / 100.0;
            let families = serde_json::json!({"strings": score, "numbers": 100.0 - score, "security": 50.0});
            serde_json::json!({
                "rank": place + 1, "group": "a-c", "p_above": (place > 0).then_some(0.5),
                "interval": {"low": (score - 8.25).max(0.0), "high": (score + 8.25).min(100.0)},
                "miner_id": format!("miner-{:04}", (place * (day * 2 + 1)) % agents),
                "agent_sha256": format!("{place:064x}"), "score": score,
                "reward_tao": "0.2", "reward_rao": 200_000_000, "tasks": scores, "families": families,
                "uploaded_at": "2026-01-01T00:00:00Z", "first_submitted_at": "2026-01-01T00:00:00Z",
                "copy_of": null,
            })
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "round": {
            "id": format!("2026010{day}T000000Z-00000001"), "status": "open", "commitment": "0".repeat(64),
            "opened_at": format!("2026-01-0{day}T00:00:00Z"),
            "listed_at": format!("2026-01-0{day}T00:00:30Z"),
            "finished_at": format!("2026-01-0{day}T00:01:00Z"),
            "tasks": tasks.iter().map(|task| task.id.to_string()).collect::<Vec<_>>(),
            "image": "python@sha256:0", "isolation": "agent", "pool_tao": "100", "payout": "proportional",
            "alpha": 0.05, "resolution": 12.5, "trials": u64::from(agents) * 60, "faults": [],
        },
        "rankings": rankings,
    }))
    .unwrap()
}
