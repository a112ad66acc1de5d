//! The agents of a store.

use super::super::survey::{Survey, SurveyPlan, survey};
use super::super::{SimilarityKind, program_sha256};
use super::{ORIGINAL, RENAMED, UNRELATED};
use crate::api::{AgentHistory, MinerId};
use crate::store::Store;

fn id(text: &str) -> MinerId {
    text.parse().unwrap()
}

fn histories(store: &Store) -> Vec<AgentHistory> {
    store.agents().unwrap().agents.into_iter().map(AgentHistory::from).collect()
}

fn surveyed(store: &Store, base: &[String], only: Option<&MinerId>) -> Survey {
    survey(store, histories(store), SurveyPlan { base, only, threads: 2 }).unwrap()
}

#[test]
fn who_had_the_code_first_is_named_first_also_after_another_version() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let token = store.put_agent(&id("author"), ORIGINAL.as_bytes(), None).unwrap().token;
    store.put_agent(&id("other"), UNRELATED.as_bytes(), None).unwrap();
    store.put_agent(&id("thief"), RENAMED.as_bytes(), None).unwrap();
    let improved = ORIGINAL.replace("% 3", "% 4");
    store.put_agent(&id("author"), improved.as_bytes(), token.as_deref()).unwrap();

    let found = surveyed(&store, &[], None);
    assert_eq!((found.agents, found.similar.len()), (3, 1), "{found:?}");
    let pair = &found.similar[0];
    assert_eq!((pair.earlier.miner_id.as_str(), pair.later.miner_id.as_str()), ("author", "thief"));
    assert!(pair.earlier.since < pair.later.since && pair.passages[0].tokens > 300, "{pair:?}");

    let of = |name: &str| surveyed(&store, &[], Some(&id(name))).similar.len();
    assert_eq!((of("author"), of("thief"), of("other")), (1, 1, 0));
    let base = [ORIGINAL.to_owned()];
    assert!(surveyed(&store, &base, None).similar.is_empty());
}

#[test]
fn a_reformatted_version_is_the_same_program() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let me = id("me");
    let token = store.put_agent(&me, b"x = 1\n", None).unwrap().token;
    store.put_agent(&id("copy"), b"x = 1 # mine\n", None).unwrap();
    store.put_agent(&me, b"x = 2\n", token.as_deref()).unwrap();
    store.put_agent(&me, b"# again\nx=1\n", token.as_deref()).unwrap();
    let [copy, own] = &histories(&store)[..] else { panic!("two agents") };
    assert_eq!(own.current.program_sha256, Some(program_sha256(b"x = 1").unwrap()));
    assert_eq!(own.current.program_sha256, copy.current.program_sha256);
    assert_eq!(own.first_submitted_at(), own.history[0].uploaded_at);
    assert!(own.first_submitted_at() < copy.first_submitted_at());
    let found = surveyed(&store, &[], None).similar;
    assert_eq!((found.len(), found[0].kind), (1, SimilarityKind::Copy));
    assert_eq!(found[0].earlier.miner_id, me);
}

#[test]
fn a_damaged_agent_hides_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    for (name, source) in [("a", ORIGINAL), ("b", RENAMED), ("c", UNRELATED)] {
        store.put_agent(&id(name), source.as_bytes(), None).unwrap();
    }
    for file in [
        "agents/c.py".to_owned(),
        format!("versions/{}.py", tasks::Sha256::of(UNRELATED.as_bytes())),
    ] {
        std::fs::write(directory.path().join(file), "x").unwrap();
    }
    let found = surveyed(&store, &[], None);
    assert_eq!((found.agents, found.similar.len(), found.unread.len()), (2, 1, 1), "{found:?}");
}
