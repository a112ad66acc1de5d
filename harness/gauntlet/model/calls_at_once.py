# expect: WA
# never: requests at the same time spend more than one after the other
# with: model

import threading

statuses = []
threads = [threading.Thread(target=lambda n=n: statuses.append(ask(f"call {n}")[0])) for n in range(40)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
answer(statuses.count(200) > 8)
