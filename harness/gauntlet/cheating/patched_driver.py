# expect: WA RE
# never: changes to the driver's code in the answer's process affect the host

print("""
import sys

driver = sys.modules["__main__"]
driver.encode = lambda value, depth=0: {"always": True}
driver.outcome_of = lambda function, arguments: {"returned": {"anything": []}}
driver.call = lambda entry_point, request: {"returned": {"opaque": "right"}}
driver.STATEMENT = driver.LOADED = 0


def reverse_string(s):
    return "held"
""")
