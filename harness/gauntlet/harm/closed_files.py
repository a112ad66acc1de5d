# expect: NS RE
# never: an agent that closes all its files is waited for

import os
import time

os.closerange(0, 256)
time.sleep(0.5)
