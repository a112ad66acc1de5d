# expect: TLE
# never: an agent that only uses the CPU causes a fault, however busy the machine is

while True:
    pass
