# expect: AC
# never: decimal, fractions, statistics, random, zoneinfo, datetime or locale does not work

WORK = """
import datetime
import decimal
import fractions
import hashlib
import locale
import random
import secrets
import statistics
import time
import uuid
import zoneinfo

decimal.getcontext().prec = 50
assert str(decimal.Decimal(2).sqrt()).startswith("1.41421356")
assert fractions.Fraction("0.125") == fractions.Fraction(1, 8)
assert statistics.median([1, 2, 3]) == 2 and random.Random(1).random() < 1
assert len(secrets.token_bytes(8)) == 8 and uuid.uuid4().version == 4 and uuid.uuid1().version == 1
assert hashlib.sha256(b"").hexdigest().startswith("e3b0")
noon = datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.timezone.utc)
try:
    assert noon.astimezone(zoneinfo.ZoneInfo("Europe/Berlin")).hour == 14
except zoneinfo.ZoneInfoNotFoundError:
    pass  # an image without time zones
locale.setlocale(locale.LC_ALL, "C.UTF-8")
time.sleep(0.001)
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
