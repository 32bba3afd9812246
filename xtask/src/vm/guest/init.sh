#!/bin/busybox sh
# The machine's first program: finds the file systems by their labels, mounts them and starts the real system.
# QEMU's drives come up in no certain order, hence the labels.
PATH=/bin:/sbin
/bin/busybox --install -s /bin

mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys

mount_labelled() { # LABEL FOLDER
    tries=0
    until device=$(findfs "LABEL=$1" 2>/dev/null); do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || { echo "vm: no file system labelled $1"; poweroff -f; }
        usleep 20000
    done
    mkdir -p "$2"
    mount -t ext4 -o noatime "$device" "$2" || { echo "vm: cannot mount $1"; poweroff -f; }
}

mount_labelled root /new
mount_labelled modules /new/lib/modules
for share in /vm/shares/*; do
    [ -e "$share" ] || continue
    mount_labelled "${share##*/}" "/new$(cat "$share")"
    rmdir "/new$(cat "$share")/lost+found"
done

mount -t tmpfs -o mode=755 run /new/run
cp -a /vm /new/run/vm
cp -a /vm/bin/. /new/usr/local/bin/
for folder in dev proc sys; do mount --move "/$folder" "/new/$folder"; done

if [ -e /vm/systemd/wanted ]; then
    units=/new/run/systemd/system
    mkdir -p "$units/multi-user.target.wants"
    cp /vm/systemd/gov-vm.service "$units"
    ln -s ../gov-vm.service "$units/multi-user.target.wants/"
    exec switch_root /new /lib/systemd/systemd
fi
exec switch_root /new /run/vm/start
