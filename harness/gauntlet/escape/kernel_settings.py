# expect: WA
# never: a kernel setting can be written

import os

reached = []
NAMES = ("kernel/core_pattern", "kernel/hostname", "kernel/modprobe", "vm/overcommit_memory", "vm/drop_caches",
         "kernel/shmmax", "fs/mqueue/msg_max", "net/ipv4/ip_forward", "kernel/ns_last_pid")
for path in [f"/proc/sys/{name}" for name in NAMES] + ["/proc/sysrq-trigger", "/proc/irq/default_smp_affinity",
             "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/kernel/mm/transparent_hugepage/enabled",
             "/proc/self/loginuid", "/proc/self/attr/current", "/proc/acpi/wakeup", "/proc/scsi/scsi"]:
    try:
        os.close(os.open(path, os.O_WRONLY))
        reached.append(path)
    except OSError:
        pass
reached = [path for path in reached if not path.startswith("/proc/self/")]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
