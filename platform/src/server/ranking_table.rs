//! A ranking as a table for spreadsheets: a row per agent, a column per task.

use crate::api::{Rankings, dollars};

/// The ranking as CSV, best first. The columns of tasks hold scores; a trial without a verdict is empty.
pub(super) fn csv(rankings: &Rankings) -> Vec<u8> {
    let Rankings { round, rankings, .. } = rankings;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut heading: Vec<String> = [
        "rank",
        "miner_id",
        "score",
        "interval_low",
        "interval_high",
        "group",
        "reward_tao",
        "cost_usd",
        "public_score",
        "private_score",
        "copy_of",
        "agent_sha256",
    ]
    .map(str::to_owned)
    .to_vec();
    heading.extend(round.tasks.iter().map(ToString::to_string));
    let in_memory = "a Vec takes everything";
    writer.write_record(&heading).expect(in_memory);
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    for entry in rankings {
        let mut row = vec![
            entry.rank.to_string(),
            entry.miner_id.to_string(),
            entry.score.to_string(),
            number(entry.interval.map(|interval| interval.low)),
            number(entry.interval.map(|interval| interval.high)),
            entry.group.clone(),
            entry.reward_tao.clone(),
            entry.cost_micro_usd.map(dollars).unwrap_or_default(),
            number(entry.public_score),
            number(entry.private_score),
            entry.copy_of.as_ref().map(ToString::to_string).unwrap_or_default(),
            entry.agent_sha256.to_string(),
        ];
        row.extend(
            round.tasks.iter().map(|task| number(entry.tasks.get(task).map(|score| score.score))),
        );
        writer.write_record(&row).expect(in_memory);
    }
    writer.into_inner().expect(in_memory)
}
