//! The code that the arena publishes itself: two agents that both contain it have not copied from each other.

use crate::assembly::{AgentHeader, AgentPart, assemble};
use crate::model::sample::SampleModel;
use crate::submit::agent_file::{MODEL_STARTER_AGENT, STARTER_AGENT};

/// Returns the agents to start from, and an agent of each sample: it has the code that `arena mine` adds to answers, and
/// for the good sample the reference answers.
pub fn published_code() -> Vec<String> {
    let tasks = tasks::all();
    let agents = SampleModel::ALL.into_iter().filter_map(|sample| {
        let part = |task: &tasks::Task| {
            let (task, note) = (task.view(), String::new());
            let answer = sample.answer_to(&task)?;
            Some(AgentPart { task, answer, note })
        };
        let parts: Vec<_> = tasks.iter().filter_map(part).collect();
        assemble(&parts, &AgentHeader::default()).ok()
    });
    let starters = [STARTER_AGENT, MODEL_STARTER_AGENT].map(str::to_owned);
    starters.into_iter().chain(agents).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_starter_and_sample_is_published() {
        assert_eq!(published_code().len(), 2 + SampleModel::ALL.len());
    }
}
