# expect: RE
# never: the name of an exception or a text in the log is taken for a failure of the provider
# with: model

import sys


class APIConnectionError(Exception):
    pass


class RateLimitError(Exception):
    pass


print("openai.APIConnectionError: Connection error. status 503 upstream_error", file=sys.stderr)
raise APIConnectionError("provider unavailable: 503 Service Unavailable")
