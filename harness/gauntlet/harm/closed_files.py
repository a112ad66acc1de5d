# expect: NS RE
# never: the driver waits for an agent that has closed all its files

import os
import time

os.closerange(0, 256)
time.sleep(0.5)
