//! What the owner of an agent may do with it: withdraw it, and say who it is.

use platform::api::{AgentHistory, DisplayName, ProfileEdit, ProfileEdits, ProfileUrl};
use platform::client::AgentForm;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{TestServer, VALIDATOR, check_problem, rankings};

async fn withdraw(server: &TestServer, path: &str, token: Option<&str>) -> Response {
    let request = server.request(Method::DELETE, path);
    let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
    request.send().await.unwrap()
}

#[tokio::test]
async fn withdrawn_agent_is_no_longer_listed_and_keeps_its_id_and_its_past() {
    let server = TestServer::start().await;
    let (me, you) = ("me".parse().unwrap(), "you".parse().unwrap());
    let first = server.client.upload(&me, "print(1)\n", None).await.unwrap();
    let token = first.token.unwrap();
    let other = server.client.upload(&you, "print(2)\n", None).await.unwrap().token.unwrap();
    server.store.put_rankings(&rankings("one", "me")).unwrap();
    let path = "/agents/me";
    check_problem(withdraw(&server, path, None).await, 401, "requires the token of 'me'").await;
    check_problem(withdraw(&server, path, Some(&other)).await, 401, "neither the token of 'me'")
        .await;
    check_problem(withdraw(&server, "/agents/no", Some(&token)).await, 404, "no agent is stored")
        .await;
    assert_eq!(server.client.agents().await.unwrap().agents.len(), 2);

    server.client.withdraw(&me, &token).await.unwrap();
    let withdrawn_at = server.client.agent(&me).await.unwrap().current.withdrawn_at;
    assert!(withdrawn_at.is_some());
    // Doing it again changes nothing.
    assert_eq!(withdraw(&server, path, Some(VALIDATOR)).await.status(), 204);
    assert_eq!(server.client.agent(&me).await.unwrap().current.withdrawn_at, withdrawn_at);
    let listed = server.client.agents().await.unwrap().agents;
    assert_eq!(listed.iter().map(|agent| agent.miner_id.as_str()).collect::<Vec<_>>(), ["you"]);
    let stored = server.store.agents().unwrap();
    assert_eq!((stored.agents.len(), stored.damaged), (1, Vec::<String>::new()));
    assert_eq!(server.store.fsck().unwrap(), []);
    let status = server.client.status(&me).await.unwrap();
    assert_eq!((status.withdrawn_at, status.queued_since), (withdrawn_at, None));
    // Its place in the past stays, and so does its source for the validator.
    assert_eq!(server.client.rankings().await.unwrap().unwrap().rankings[0].miner_id, me);
    let view = server.client.agent(&me).await.unwrap().current;
    assert_eq!(server.client.source(&view, VALIDATOR).await.unwrap(), "print(1)\n");

    // The id stays reserved, and its owner may come back, with the same file or another one.
    check_problem(server.upload("me", "print(3)\n").send().await.unwrap(), 401, "is taken").await;
    let again = server.client.upload(&me, "print(1)\n", Some(&token)).await.unwrap();
    assert_eq!((again.version, again.unchanged), (1, true));
    assert_eq!(server.client.agents().await.unwrap().agents.len(), 2);
    server.client.withdraw(&me, &token).await.unwrap();
    let next = server.client.upload(&me, "print(3)\n", Some(&token)).await.unwrap();
    assert_eq!(next.version, 2);
    assert_eq!(server.client.agent(&me).await.unwrap().current.withdrawn_at, None);
}

#[tokio::test]
async fn profile_is_set_kept_and_removed_by_uploads() {
    let server = TestServer::start().await;
    let me = "me".parse().unwrap();
    let token = server.client.upload(&me, "print(1)\n", None).await.unwrap().token.unwrap();
    let upload = async |source: &str, display_name: &str, url: &str| {
        let profile = &ProfileEdits {
            display_name: display_name.parse::<ProfileEdit<DisplayName>>().unwrap(),
            url: url.parse::<ProfileEdit<ProfileUrl>>().unwrap(),
        };
        let form = AgentForm { miner_id: &me, source: source.into(), profile };
        server.client.upload_with(form, Some(&token)).await.unwrap()
    };
    let shown = async || {
        let AgentHistory { current, history } = server.client.agent(&me).await.unwrap();
        let text = |name: Option<String>| name.unwrap_or_default();
        (
            text(current.display_name.map(|name| name.to_string())),
            text(current.url.map(|url| url.to_string())),
            history.len(),
        )
    };
    let expected = |name: &str, url: &str, versions| (name.to_owned(), url.to_owned(), versions);
    assert_eq!(shown().await, expected("", "", 0));
    // The same file with another name is the same version.
    let receipt = upload("print(1)\n", " <b>Ålice</b> ", "https://alice.example").await;
    assert!(receipt.unchanged);
    let url = "https://alice.example/";
    assert_eq!(shown().await, expected("<b>Ålice</b>", url, 0));
    server.client.upload(&me, "print(2)\n", Some(&token)).await.unwrap();
    assert_eq!(shown().await, expected("<b>Ålice</b>", url, 1));
    assert_eq!(server.client.agents().await.unwrap().agents[0].url.as_ref().unwrap().as_ref(), url);
    upload("print(2)\n", "", "https://bob.example").await;
    assert_eq!(shown().await, expected("", "https://bob.example/", 1));
    let document: Value = server.get("/agents/me").await.json().await.unwrap();
    assert_eq!(document.get("display_name"), None);
    assert_eq!(document["url"], json!("https://bob.example/"));
}

#[tokio::test]
async fn hostile_profiles_are_refused_with_the_reason() {
    let server = TestServer::start().await;
    let check = async |name: &'static str, text: String, reason: &str| {
        let file = Part::bytes(b"print(1)\n".to_vec()).file_name("agent.py");
        let form = Form::new().part("file", file).text("miner_id", "me").text(name, text);
        let request = server.request(Method::POST, "/upload/agent").multipart(form);
        check_problem(request.send().await.unwrap(), 422, reason).await;
    };
    check("display_name", "x".repeat(65), "1 to 64 characters, and this has 65").await;
    check("display_name", "a\u{202e}b".to_owned(), "\\u{202e}").await;
    check("display_name", "a\nb".to_owned(), "without control characters").await;
    check("url", "javascript:alert(1)".to_owned(), "it is not http or https").await;
    check("url", format!("https://a.example/{}", "x".repeat(200)), "longer than 200 bytes").await;
    check(
        "homepage",
        "x".to_owned(),
        "send only 'file', 'miner_id', 'token', 'display_name' and 'url'",
    )
    .await;
    assert_eq!(server.client.agents().await.unwrap().agents, []);
}
