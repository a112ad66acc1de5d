# expect: WA
# never: an abstract socket of the host or of another container can be reached

import socket

reached = False
with open("/proc/net/unix") as lines:
    names = [line.split()[7] for line in lines if len(line.split()) > 7]
for name in [*names, "@/containerd-shim/moby", "@/tmp/.X11-unix/X0", "@/com/ubuntu/upstart", "@snapd", "@ISCSIADM"]:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(name.replace("@", chr(0), 1))
            reached = True
    except OSError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
