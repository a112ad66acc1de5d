# expect: NS
# never: an answer in the format of a report counts as an answer

import json
import sys

print(json.dumps({"trials": [{"verdict": "AC", "score": 100.0, "passed": 41, "total": 41}], "score": 100.0}))
print("score: 100", file=sys.stderr)
