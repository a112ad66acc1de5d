# expect: WA
# never: the process has a capability, can gain one, or runs without a filter

reached = []
with open("/proc/self/status") as lines:
    status = dict(line.rstrip().split(":\t", 1) for line in lines if ":\t" in line)
for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
    if int(status.get(name, "0"), 16):
        reached.append(name)
if status.get("NoNewPrivs") != "1" or status.get("Seccomp") != "2":
    reached.append("status")
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
