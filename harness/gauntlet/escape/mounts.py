# expect: WA
# never: a directory of the host is mounted here, apart from the three files that Docker creates

reached = []
FROM_DOCKER = {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}
with open("/proc/self/mountinfo") as lines:
    for line in lines:
        fields, _, source = line.partition(" - ")
        root, place = fields.split()[3:5]
        kind = source.split()[0]
        if kind in ("ext4", "xfs", "btrfs", "zfs", "9p", "virtiofs") and place not in FROM_DOCKER | {"/"}:
            reached.append(place)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
