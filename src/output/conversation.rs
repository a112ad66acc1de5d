//! What an agent asked its model, and what it was answered.

use std::fmt::Write as _;

use harness::gateway::journal::{Exchange, ExchangeOutcome, RecordedResponse};
use serde_json::Value;

use super::text::without_controls;

/// The exchanges as text: of each request the last message, because those before it were shown already, and the
/// response.
pub fn text(exchanges: &[Exchange]) -> String {
    let mut text = String::new();
    for (index, exchange) in exchanges.iter().enumerate() {
        let usage = exchange.usage;
        let messages =
            exchange.request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let _ = writeln!(
            text,
            "request {}: {} messages, {} input and {} output tokens, {} ms",
            index + 1,
            messages.len(),
            usage.input_tokens,
            usage.output_tokens,
            usage.model_ms
        );
        if let Some(last) = messages.last() {
            add(
                &mut text,
                last["role"].as_str().unwrap_or("?"),
                last["content"].as_str().unwrap_or_default(),
            );
        }
        match &exchange.outcome {
            ExchangeOutcome::Answered(response) => {
                add(&mut text, &format!("model ({})", response.status), &said(response));
            }
            ExchangeOutcome::Failed(why) => add(&mut text, "the provider failed", why),
            ExchangeOutcome::HungUp => {
                add(&mut text, "no response", "the agent hung up, or its budget was spent");
            }
        }
        text.push('\n');
    }
    if text.is_empty() { "the agent asked no model\n".to_owned() } else { text }
}

fn add(text: &mut String, who: &str, what: &str) {
    let _ = writeln!(text, "  {}:", without_controls(who));
    for line in what.lines() {
        let _ = writeln!(text, "    {}", without_controls(line));
    }
}

/// The text of a response in either dialect, whole or as events; its body if it has none.
fn said(response: &RecordedResponse) -> String {
    let of_document = |document: &Value| {
        let choice = &document["choices"][0];
        let texts = [
            &choice["message"]["content"],
            &choice["delta"]["content"],
            &document["delta"]["text"],
        ];
        let parts = document["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let parts = parts.iter().map(|part| &part["text"]);
        texts.into_iter().chain(parts).filter_map(Value::as_str).collect::<String>()
    };
    if let Ok(document) = serde_json::from_str::<Value>(&response.body) {
        let text = of_document(&document);
        return if text.is_empty() { response.body.clone() } else { text };
    }
    let events = response.body.lines().filter_map(|line| line.strip_prefix("data:"));
    events
        .filter_map(|data| serde_json::from_str(data.trim()).ok())
        .map(|event| of_document(&event))
        .collect()
}

#[cfg(test)]
mod tests {
    use ::tasks::Sha256;
    use platform::api::ModelUsage;
    use serde_json::json;

    use super::*;

    fn exchange(outcome: ExchangeOutcome) -> Exchange {
        let request = json!({"messages": [{"role": "user", "content": "first"}, {"role": "user", "content": "last\u{1b}[2J"}]});
        Exchange {
            digest: Sha256::of(b"x"),
            ordinal: 0,
            request,
            outcome,
            usage: ModelUsage::default(),
        }
    }

    #[test]
    fn shows_the_last_message_and_the_response_of_every_form() {
        for body in [
            json!({"choices": [{"message": {"content": "one two"}}]}).to_string(),
            json!({"content": [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]}).to_string(),
            "data: {\"choices\":[{\"delta\":{\"content\":\"one \"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"two\"}}]}\n\n\
             data: [DONE]\n\n".to_owned(),
            "event: content_block_delta\ndata: {\"delta\":{\"text\":\"one two\"}}\n\n".to_owned(),
        ] {
            let response = RecordedResponse { status: 200, content_type: String::new(), body };
            let shown = text(&[exchange(ExchangeOutcome::Answered(response))]);
            assert!(shown.contains("request 1: 2 messages") && shown.contains("    one two\n"), "{shown}");
            assert!(shown.contains("last") && !shown.contains("first") && !shown.contains('\u{1b}'), "{shown}");
        }
        let failed = text(&[
            exchange(ExchangeOutcome::Failed("reset".to_owned())),
            exchange(ExchangeOutcome::HungUp),
        ]);
        assert!(failed.contains("reset") && failed.contains("request 2"), "{failed}");
        assert!(text(&[]).contains("no model"));
    }
}
