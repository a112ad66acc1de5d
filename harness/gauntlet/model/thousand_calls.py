# expect: WA
# never: a trial gets more responses than its budget has calls
# with: model

served = 0
for number in range(1000):
    status, _ = ask(f"call {number}")
    served += status == 200
    if number == 20:
        # Waiting does not bring a budget back.
        time.sleep(2)
answer(served > 8)
