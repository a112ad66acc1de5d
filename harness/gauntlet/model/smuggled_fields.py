# expect: WA
# never: a field, a second model or another path crosses to the provider
# with: model

broke = []
connection = Model()
body = '{"model": "granted", "model": "dearest", "user": "me", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}'
connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json", "X-Model": "dearest"})
got = json.loads(json.loads(connection.getresponse().read())["choices"][0]["message"]["content"])
broke.append(got["model"] != "granted" or got["user"] == "me")
for name, value in [("tools", []), ("web_search_options", {}), ("service_tier", "priority"), ("n", 50), ("logprobs", True)]:
    broke.append(ask("x", **{name: value})[0] != 400)
for path in ("/v1/../v1/embeddings", "/v1/chat/completions/../../files", "//v1/chat/completions", "/v1/files", "/api/chat"):
    broke.append(ask("x", path=path)[0] == 200)
answer(any(broke))
