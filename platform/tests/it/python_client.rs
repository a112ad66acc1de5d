//! A client that `openapi-python-client` generates from the description of the API does what a miner and a reader do. Run
//! with `--features outside-tools`; requires `openapi-python-client` on the path.

use std::process::Command;

use platform::server::Settings;

use crate::support::{TestServer, VALIDATOR, rankings};

/// What the generated client is used for.
const PROGRAM: &str = r#"
import sys
from io import BytesIO

sys.path.insert(0, sys.argv[1])
from the_arena_client import AuthenticatedClient, Client
from the_arena_client.api.miners import exchange_token, upload_agent
from the_arena_client.api.readers import get_agent, get_health, get_rankings, get_task, list_agents, list_tasks
from the_arena_client.models import Family, ProblemType, RoundStatus, TaskKind, UploadForm, Verdict
from the_arena_client.types import File

anyone = Client(base_url=sys.argv[2])


def form(source):
    return UploadForm(file=File(payload=BytesIO(source.encode()), file_name="agent.py"), miner_id="py")


receipt = upload_agent.sync(client=anyone, body=form("x = 1\n"))
assert (receipt.miner_id, receipt.version) == ("py", 1), receipt
owner = AuthenticatedClient(base_url=sys.argv[2], token=receipt.token)
assert upload_agent.sync(client=owner, body=form("x = 2\n")).version == 2
problem = upload_agent.sync(client=anyone, body=form("x = 3\n"))
assert (problem.status, problem.type_) == (401, ProblemType.TOKEN_MISSING), problem
problem = upload_agent.sync(client=owner, body=form("import requests\n"))
assert problem.type_ == ProblemType.SOURCE_REFUSED and problem.violations[0].line == 1, problem
assert get_health.sync(client=anyone).status == "ok"

assert [agent.miner_id for agent in list_agents.sync(client=anyone)] == ["py"]
assert [version.version for version in get_agent.sync("py", client=anyone).history] == [1]
tasks = list_tasks.sync(client=anyone)
task = get_task.sync(tasks[0].id, client=anyone)
assert task == tasks[0] and task.kind in TaskKind and task.family in Family, task
rankings = get_rankings.sync(client=anyone)
assert rankings.round_.status == RoundStatus.CLOSED, rankings
first = rankings.rankings[0]
assert first.tasks["reverse_string"].verdict == Verdict.AC and first.rank == 1, first
problem = list_agents.sync(client=anyone, limit=0)
assert problem.type_ == ProblemType.PARAMETER_INVALID, problem
assert exchange_token.sync("py", client=owner).token != receipt.token
print("done")
"#;

#[tokio::test(flavor = "multi_thread")]
async fn generated_client_uploads_and_reads() {
    let settings = Settings { validator_token: Some(VALIDATOR.into()), ..Settings::default() };
    let server = TestServer::with(settings).await;
    server.client.put_rankings(&rankings("one", "py"), VALIDATOR).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let client = directory.path().join("client");
    let generated = Command::new("openapi-python-client")
        .args(["generate", "--url", &format!("{}/openapi.json", server.url), "--output-path"])
        .arg(&client)
        .output()
        .expect("openapi-python-client runs: pip install openapi-python-client");
    let text = String::from_utf8_lossy(&generated.stdout);
    // A warning means that an operation or a type was left out.
    assert!(generated.status.success() && !text.to_lowercase().contains("warning"), "{text}");
    let output = Command::new("python")
        .args(["-c", PROGRAM])
        .arg(&client)
        .arg(&server.url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"done\n");
}
