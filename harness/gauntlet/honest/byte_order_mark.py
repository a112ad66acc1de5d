# expect: AC
# never: an answer that begins with a byte order mark is not read, with or without a code fence

import sys

sys.stdout.buffer.write("\ufeff```python\r\ndef reverse_string(s):\r\n    return s[::-1]\r\n```\r\n".encode())
