//! Pages of the list of agents. Reading a hundred files for each reader would take longer than sending them.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

use super::body::ReadyBody;
use crate::api::{AgentView, MinerId};
use crate::store::{FileStamp, Store, StoreError};

/// The number of pages that are kept. One of 1,000 agents takes about 300 KiB.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// Which part of the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ListPart {
    /// Only agents after this one.
    pub(super) after: Option<MinerId>,
    /// The maximum number of agents.
    pub(super) limit: usize,
}

/// A page of the list.
#[derive(Clone, Debug)]
pub(super) struct AgentListPage {
    /// The agents as JSON.
    pub(super) body: ReadyBody,
    /// One sentence for each agent that was left out because its metadata is damaged.
    pub(super) damaged: Vec<String>,
    /// The last agent of the page, if there are more.
    pub(super) next: Option<MinerId>,
}

/// The pages that were read last, each with the state of the store that it shows.
#[derive(Debug)]
pub(super) struct AgentLists(Mutex<LruCache<ListPart, (FileStamp, AgentListPage)>>);

impl Default for AgentLists {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl AgentLists {
    /// Returns a page of the list, unless it has to be read.
    pub(super) fn known(&self, store: &Store, part: &ListPart) -> Option<AgentListPage> {
        let stamp = store.agents_stamp().ok()??;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(part).filter(|(of, _)| *of == stamp).map(|(_, page)| page.clone())
    }

    /// Returns a page of the list.
    pub(super) fn page(&self, store: &Store, part: ListPart) -> Result<AgentListPage, StoreError> {
        if let Some(page) = self.known(store, &part) {
            return Ok(page);
        }
        let stamp = store.agents_stamp()?;
        let page = read(store, &part)?;
        if let Some(stamp) = stamp {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.put(part, (stamp, page.clone()));
        }
        Ok(page)
    }
}

fn read(store: &Store, ListPart { after, limit }: &ListPart) -> Result<AgentListPage, StoreError> {
    let ids = store.agent_ids()?;
    let start = after.as_ref().map_or(0, |after| ids.partition_point(|id| id <= after));
    let ids_here = &ids[start..ids.len().min(start + limit)];
    let (mut agents, mut damaged) = (Vec::with_capacity(ids_here.len()), Vec::new());
    for miner_id in ids_here {
        match store.agent(miner_id) {
            Ok(meta) => {
                let listed = meta.filter(|meta| meta.withdrawn_at.is_none());
                agents.extend(listed.map(AgentView::from));
            }
            // A damaged agent hides no other.
            Err(error @ StoreError::Damaged { .. }) => damaged.push(error.to_string()),
            // Leaving out agents that the disk could not read just now would cost them a round.
            Err(error) => return Err(error),
        }
    }
    let next = if start + limit < ids.len() { ids_here.last().cloned() } else { None };
    let body = ReadyBody::json(serde_json::to_vec(&agents).expect("a list is plain data"));
    Ok(AgentListPage { body, damaged, next })
}
