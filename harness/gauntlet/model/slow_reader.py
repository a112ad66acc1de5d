# expect: WA
# never: an agent that does not read its responses holds anything up
# with: model

held = []
for number in range(40):
    connection = Model(timeout=1)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(
            {"messages": [{"role": "user", "content": "endless events"}], "stream": True, "max_tokens": 5}
        ), {"Content-Type": "application/json"})
    except OSError:
        pass
    held.append(connection)
time.sleep(2)
answer(False)
