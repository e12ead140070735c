#!/bin/sh
# The phone's first and only program: mounts its disks, does the jobs, switches itself off.
# What it reports on the console begins with @ondevice; the host reads it while the phone runs.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
for module in virtio_ring virtio virtio_mmio virtio_blk; do $B insmod /modules/$module.ko; done
mode=ro
$B grep -q ondevice.prepare /proc/cmdline && mode=rw
$B mount -t ext4 -o $mode,noatime /dev/vda /mnt || echo "@ondevice no system disk"
for folder in proc sys dev; do $B mount -o bind /$folder /mnt/$folder; done
$B mount -t tmpfs tmp /mnt/tmp
$B mount -t ext4 -o noatime /dev/vdb /mnt/job || echo "@ondevice no job disk"
$B chroot /mnt /bin/sh /job/main.sh
$B umount /mnt/job
$B mount -o remount,ro /mnt
echo "@ondevice done"
$B poweroff -f
