# expect: WA
# never: a request that the provider does not answer is a fault of the arena, or lasts for ever
# with: model

status, _ = ask("hang")
answer(status == 200)
