# expect: WA
# never: a request gets a longer response than the host allows
# with: model

got = []
for fields in ({"max_tokens": 10**9}, {"max_completion_tokens": 10**9}, {"max_tokens": None}):
    status, body = ask("long", **fields)
    if status == 200:
        got.append(json.loads(json.loads(body)["choices"][0]["message"]["content"])["fields"]["max_tokens"])
answer(any(tokens > 100 for tokens in got))
