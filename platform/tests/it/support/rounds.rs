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
