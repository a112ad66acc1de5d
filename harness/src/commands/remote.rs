//! A round of a platform elsewhere: its tasks, and for its validator also its agents and its rankings.

use std::sync::Arc;

use ::tasks::Task;
use harness::Fault;
use harness::console::Console;
use harness::round::run::Agent;
use platform::client::Client;
use platform::rankings::Rankings;

use super::Failure;
use crate::cli::Evaluate;

/// A platform, as anybody sees it.
pub struct Remote {
    url: String,
    client: Client,
    token: Option<Arc<str>>,
}

/// A platform, as its validator sees it.
pub struct Validator<'a> {
    /// Where it is
    pub url: &'a str,
    client: &'a Client,
    token: &'a Arc<str>,
}

impl Remote {
    /// The platform that was named, if one was.
    pub fn of(args: &Evaluate) -> Result<Option<Self>, Failure> {
        let Some(url) = args.platform.clone() else { return Ok(None) };
        let client = Client::new(&url).map_err(|error| Failure::Input(error.to_string()))?;
        let token = match &args.validator_token_file {
            None => None,
            Some(path) => {
                let wrong = |what: &str| {
                    Failure::Input(format!(
                        "cannot use {} as the validator's token: {what}",
                        path.display()
                    ))
                };
                let text =
                    std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
                match text.trim() {
                    "" => return Err(wrong("it is empty")),
                    token => Some(Arc::from(token)),
                }
            }
        };
        Ok(Some(Self { url, client, token }))
    }

    /// What the validator of this platform may do, if we are it.
    pub fn as_validator(&self) -> Option<Validator<'_>> {
        let token = self.token.as_ref()?;
        Some(Validator { url: &self.url, client: &self.client, token })
    }

    /// Those of `tasks` that the platform serves, in its order. The suites here and the tasks there must
    /// be the same, or an agent would be judged by what it was never asked.
    pub async fn tasks(&self, mut tasks: Vec<Task>) -> Result<Vec<Task>, Failure> {
        let url = &self.url;
        let mut chosen = Vec::new();
        for view in self.client.tasks().await.map_err(Fault::from)? {
            let Some(place) = tasks.iter().position(|task| task.id == view.id) else { continue };
            let task = tasks.remove(place);
            if task.view() != view {
                return Err(Failure::Input(format!(
                    "{url} serves another version of task '{}' than this harness judges; build both \
                     from the same source",
                    view.id
                )));
            }
            chosen.push(task);
        }
        if chosen.is_empty() {
            return Err(Failure::Input(format!(
                "{url} serves none of the tasks that were asked for"
            )));
        }
        Ok(chosen)
    }
}

impl Validator<'_> {
    /// The platform's agents. Their sources are pulled when their turn comes.
    pub async fn agents(&self, console: &Console) -> Result<Vec<Agent>, Failure> {
        let mut agents = Vec::new();
        let list = self.client.agents().await.map_err(Fault::from)?;
        if list.damaged > 0 {
            console.say(&format!(
                "warning: {} of the platform's agents cannot be evaluated, for their metadata is damaged; its \
                 operator is told which",
                list.damaged
            ));
        }
        for view in list.agents {
            let agent = self.client.agent(&view.miner_id).await.map_err(Fault::from)?;
            agents.push(Agent::served(self.client, agent, self.token));
        }
        Ok(agents)
    }

    /// Makes these the platform's rankings.
    pub async fn publish(&self, rankings: &Rankings) -> Result<(), Failure> {
        Ok(self.client.put_rankings(rankings, self.token).await.map_err(Fault::from)?)
    }
}
