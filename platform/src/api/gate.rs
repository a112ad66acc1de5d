//! Why the holder of the first place earns the pool, with the payout `gated`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tasks::TaskId;

use super::miner_id::MinerId;
#[cfg(feature = "server")]
use super::schema;

/// Who earns the pool of a round in which the first place changes hands only by evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Gate {
    /// Who held the first place before this round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incumbent: Option<MinerId>,
    /// Who holds it now and earns the pool; none if no agent may earn anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<MinerId>,
    /// The agents that lead the incumbent, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub challengers: Vec<Challenger>,
    /// The scores of incumbent and challengers in earlier rounds that count too, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierScores>,
}

/// An agent that leads the incumbent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Challenger {
    /// The agent's owner.
    pub miner_id: MinerId,
    /// How many points its score is ahead, on average over the rounds.
    pub lead: f64,
    /// The probability of such a lead between equally good agents, times the number of challengers.
    pub p: f64,
    /// Rounds in which both took part with their present versions, this one included.
    pub rounds: u32,
}

/// Scores of an earlier round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct EarlierScores {
    /// The id of the round.
    pub round: String,
    /// Of agents that took part in it with the version of this round: the score on each task, 0 to 100.
    #[cfg_attr(feature = "server", schema(value_type = BTreeMap<String, BTreeMap<schema::TaskIdSchema, f64>>))]
    pub agents: BTreeMap<MinerId, BTreeMap<TaskId, f64>>,
}

impl Gate {
    /// Explains the decision in sentences, for people. `alpha` is the level below which a p is evidence.
    pub fn explanation(&self, alpha: f64) -> Vec<String> {
        let Self { incumbent, holder, challengers, .. } = self;
        let lead = |Challenger { miner_id, lead, p, rounds }: &Challenger| {
            let rounds =
                if *rounds == 1 { "this round".to_owned() } else { format!("{rounds} rounds") };
            format!("{miner_id} leads by {lead} points over {rounds}, p {p:.4}")
        };
        let mut sentences: Vec<_> = challengers.iter().map(lead).collect();
        sentences.push(match (incumbent, holder) {
            (_, None) => "no agent holds the first place".to_owned(),
            (None, Some(holder)) => format!("{holder} takes the first place, which was vacant"),
            (Some(incumbent), Some(holder)) if incumbent == holder && challengers.is_empty() => {
                format!("{holder} keeps the first place: no agent leads it")
            }
            (Some(incumbent), Some(holder)) if incumbent == holder => {
                format!("{holder} keeps the first place: no p is below {alpha}")
            }
            (Some(incumbent), Some(holder)) if challengers.is_empty() => {
                format!("{holder} takes the first place: {incumbent} is not ranked or may not earn")
            }
            (Some(incumbent), Some(holder)) => {
                format!("{holder} takes the first place from {incumbent}: its p is below {alpha}")
            }
        });
        sentences
    }
}
