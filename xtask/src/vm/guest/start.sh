#!/bin/bash
# Runs the machine's command and tells the host how it ended; the host reads the three ports.
stdout=/dev/vport0p1 stderr=/dev/vport0p2 host=/dev/vport0p3

if [ $$ = 1 ]; then
    mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
    mount -t securityfs securityfs /sys/kernel/security
    mount -t debugfs debugfs /sys/kernel/debug
    mount -t tracefs tracefs /sys/kernel/tracing
    mount -t bpf bpf /sys/fs/bpf
    mkdir -p /dev/pts /dev/shm
    mount -t devpts devpts /dev/pts
    mount -t tmpfs -o mode=1777 shm /dev/shm
    ln -sf /proc/self/fd /dev/fd
    for stream in 0:stdin 1:stdout 2:stderr; do ln -sf "/proc/self/fd/${stream%%:*}" "/dev/${stream##*:}"; done
    hostname gov-vm
    ip link set lo up
fi

modprobe -q -a virtio_pci virtio_console
# A port's node is there a moment before it can be opened.
until [ -c $host ] && exec {report}>$host; do sleep 0.05; done 2>/dev/null
echo up >&$report

mapfile -d '' -t command </run/vm/command
mapfile -d '' -t environment </run/vm/environment

run() {
    cd "$(cat /run/vm/folder)" 2>/dev/null || cd /root || exit
    exec {report}>&-
    for name in $(compgen -e); do unset "$name"; done
    export "${environment[@]}"
    exec "${command[@]}"
}

if [ -e /run/vm/terminal ]; then
    export -f run
    setsid --ctty --wait "$BASH" -c "$(declare -p command environment); report=$report
        stty \$(</run/vm/terminal); run" <>/dev/hvc0 >&0 2>&0
    status=$?
else
    # Pipes between command and ports: a port can be opened only once, and `/dev/stderr` opens again.
    mkfifo /run/vm/stdout /run/vm/stderr
    until [ -c $stdout ] && exec {out}>$stdout; do sleep 0.05; done 2>/dev/null
    until [ -c $stderr ] && exec {err}>$stderr; do sleep 0.05; done 2>/dev/null
    cat /run/vm/stdout >&$out & copies=$!
    cat /run/vm/stderr >&$err & copies+=" $!"
    exec {out}>&- {err}>&-
    (run) </dev/null >/run/vm/stdout 2>/run/vm/stderr
    status=$?
    # A process that the command left behind may hold the pipes for ever.
    for ((tries = 0; tries < 20; tries++)); do
        kill -0 $copies 2>/dev/null || break
        sleep 0.1
    done
fi

echo "exit $status" >&$report
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
