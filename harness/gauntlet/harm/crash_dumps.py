# expect: RE
# never: a crash leaves a core dump

import os
import resource

try:
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
except (OSError, ValueError):
    os.abort()
print("def reverse_string(s):\n    return s[::-1]")
