use super::*;

fn parameters() -> ModelParameters {
    ModelParameters {
        model: "m".to_owned(),
        max_output_tokens: 1000,
        temperature: None,
        seed: Some(7),
        limit_field: "max_completion_tokens",
    }
}

fn build(dialect: Dialect, body: &str) -> Result<ModelQuery, String> {
    ModelQuery::build(dialect, body.as_bytes(), &parameters()).map_err(|error| error.to_string())
}

#[test]
fn builds_requests_of_what_is_allowed() {
    let query = build(
        Dialect::Chat,
        r#"{"model": "other", "model": "dearest", "user": "me", "seed": 1, "stream": true, "n": 1,
            "messages": [{"role": "system", "content": "Be brief."},
                         {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
            "max_tokens": 10, "max_completion_tokens": 9, "temperature": 0.5, "stop": "END"}"#,
    )
    .unwrap();
    assert_eq!(
        query.body_with(8, "opaque"),
        json!({
            "model": "m", "seed": 7, "stream": true, "stream_options": {"include_usage": true},
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "ab"}],
            "max_completion_tokens": 8, "temperature": 0.5, "stop": ["END"], "user": "opaque"
        })
    );
    assert_eq!((query.max_output_tokens, query.streams, query.wants_usage), (9, true, false));
    let query = build(
        Dialect::Messages,
        r#"{"model": "x", "max_tokens": 5000, "system": [{"type": "text", "text": "s"}], "top_k": 3,
            "messages": [{"role": "user", "content": "a"}], "metadata": {"user_id": "me"}}"#,
    )
    .unwrap();
    assert_eq!(
        query.body_with(query.max_output_tokens, "opaque"),
        json!({
            "model": "m", "max_tokens": 1000, "system": "s", "top_k": 3,
            "messages": [{"role": "user", "content": "a"}], "metadata": {"user_id": "opaque"}
        })
    );
}

#[test]
fn refuses_everything_else_and_names_it() {
    let with =
        |field: &str| format!(r#"{{"messages": [{{"role": "user", "content": "a"}}], {field}}}"#);
    for (field, named) in [
        (r#""tools": []"#, "'tools'"),
        (r#""n": 2"#, "'n'"),
        (r#""max_tokens": 0"#, "'max_tokens'"),
        (r#""max_tokens": 1.5"#, "'max_tokens'"),
        (r#""temperature": 3"#, "'temperature'"),
        (r#""temperature": "0""#, "'temperature'"),
        (r#""stream": "yes""#, "'stream'"),
        (r#""stream_options": {"include_usage": true, "x": 1}"#, "'stream_options'"),
        (r#""stop": ["1", "2", "3", "4", "5"]"#, "'stop'"),
        (r#""response_format": {"type": "json_schema"}"#, "'response_format'"),
        (r#""web_search_options": {}"#, "'web_search_options'"),
        (r#""service_tier": "priority""#, "'service_tier'"),
        (r#""logit_bias": {"1": 2}"#, "'logit_bias'"),
    ] {
        let error = build(Dialect::Chat, &with(field)).unwrap_err();
        assert!(error.contains(named), "{field}: {error}");
    }
    for (body, named) in [
        ("", "JSON"),
        ("[]", "object"),
        ("{}", "'messages'"),
        (r#"{"messages": []}"#, "'messages'"),
        (r#"{"messages": [{"role": "tool", "content": "a"}]}"#, "'messages[0].role'"),
        (r#"{"messages": [{"role": "user"}]}"#, "'messages[0].content'"),
        (r#"{"messages": [{"role": "user", "content": "a", "name": "x"}]}"#, "'messages[0].name'"),
        (
            r#"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}"#,
            "'messages[0].content[0].type'",
        ),
        (
            r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "", "cache_control": {}}]}]}"#,
            "'messages[0].content[0].cache_control'",
        ),
    ] {
        let error = build(Dialect::Chat, body).unwrap_err();
        assert!(error.contains(named), "{body}: {error}");
    }
    let system = r#"{"messages": [{"role": "system", "content": "a"}], "max_tokens": 1}"#;
    assert!(build(Dialect::Messages, system).unwrap_err().contains("'messages[0].role'"));
}

#[test]
fn the_digest_covers_what_the_model_gets_and_nothing_else() {
    let digest = |body: &str| build(Dialect::Chat, body).unwrap().digest;
    let one = digest(r#"{"messages": [{"role": "user", "content": "a"}], "user": "x"}"#);
    let same = digest(
        r#"{"model": "y", "messages": [{"content": [{"type": "text", "text": "a"}], "role": "user"}]}"#,
    );
    assert_eq!(one, same);
    for other in [
        r#"{"messages": [{"role": "user", "content": "b"}]}"#,
        r#"{"messages": [{"role": "user", "content": "a"}], "temperature": 1}"#,
        r#"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 5}"#,
        r#"{"messages": [{"role": "user", "content": "a"}], "stream": true}"#,
    ] {
        assert_ne!(digest(other), one, "{other}");
    }
}

#[test]
fn the_host_decides_the_temperature_if_it_states_one() {
    let parameters = ModelParameters { temperature: Some(0.0), ..parameters() };
    let body = br#"{"messages": [{"role": "user", "content": "a"}], "temperature": 2}"#;
    let query = ModelQuery::build(Dialect::Chat, body, &parameters).unwrap();
    assert_eq!(query.body_with(1, "x")["temperature"], json!(0.0));
}

#[test]
fn the_bound_of_tokens_counts_normalised_text() {
    let tokens = |text: &str| {
        let body = json!({"messages": [{"role": "user", "content": text}]}).to_string();
        build(Dialect::Chat, &body).unwrap().input_tokens
    };
    assert_eq!(tokens("abc"), 3 + 2 * MESSAGE_TOKENS);
    // One character of three bytes that NFKC turns into eighteen characters.
    let long = "\u{fdfa}";
    assert_eq!(
        tokens(long),
        long.nfkc().map(char::len_utf8).sum::<usize>() as u64 + 2 * MESSAGE_TOKENS
    );
    assert!(tokens(long) > 2 * MESSAGE_TOKENS + 30);
}
