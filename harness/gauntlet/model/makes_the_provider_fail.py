# expect: WA
# never: a request that makes the provider fail is a fault of the arena
# with: model

statuses = [ask(text)[0] for text in ("fail", "endless body", "x")]
statuses.append(ask("endless events", stream=True)[0])
answer(statuses[0] == 200)
