# expect: AC
# never: an agent that asks a model fails
# with: model

status, body = ask("reverse a string")
connection = Model()
connection.request("GET", "/v1/usage")
used = json.loads(connection.getresponse().read())["used"]
answer(status == 200 and used["calls"] == 1)
