#!/usr/bin/env bash
# Puts a small Debian in $FLIP_CACHE/machine, to be booted by QEMU: disk.img, vmlinuz, initrd. For tests of the units of
# sticks on a kernel that has FAT and exFAT, by hand: tests/scenarios/bundles/plugged.rs.
#
# It comes from Debian packages alone, as apt on this machine verifies them. What it runs is on a second disk, a tar whose
# file `start` is run once everything else is up.
source "$(dirname "${BASH_SOURCE[0]}")/lock.sh"

TARGET="$FLIP_CACHE/machine"
PACKAGES=systemd,systemd-sysv,udev,dbus,kmod,linux-image-amd64,initramfs-tools,util-linux,fdisk,dosfstools,exfatprogs,libstdc++6
MADE_BY="$(sha256sum <"${BASH_SOURCE[0]}")"

good() { [ "$(cat "$TARGET/made-by" 2>/dev/null)" = "$MADE_BY" ]; }

"$(dirname "${BASH_SOURCE[0]}")/debian.sh" qemu-system-x86 mmdebstrap e2fsprogs
if good; then exit 0; fi
if [ "$(id -u)" -ne 0 ]; then fail 1 'this must be run as root: it makes a file system'; fi

take_turn
if good; then exit 0; fi
scratch
mkdir "$SCRATCH/ready" "$SCRATCH/hooks"

# Before the kernel is installed: an initial RAM disk of what this machine needs to find its disk.
cat >"$SCRATCH/hooks/before" <<'HOOK'
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
echo MODULES=list >"$1/etc/initramfs-tools/conf.d/small"
printf '%s\n' virtio_pci virtio_blk ext4 >"$1/usr/share/initramfs-tools/modules.d/small"
HOOK

cat >"$SCRATCH/hooks/after" <<'HOOK'
set -eu
echo appliance >"$1/etc/hostname"
cat >"$1/etc/systemd/system/start.service" <<'UNIT'
[Service]
Type=idle
ExecStart=/bin/bash -c 'mkdir /start && tar -C /start -xf /dev/vdb && exec /bin/bash /start/start'
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
[Install]
WantedBy=multi-user.target
UNIT
systemctl --root="$1" --quiet enable start.service
systemctl --root="$1" --quiet set-default multi-user.target
systemctl --root="$1" --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service e2scrub_all.timer \
    fstrim.timer dpkg-db-backup.timer getty@tty1.service serial-getty@ttyS0.service systemd-networkd.service
HOOK

say 'making a small Debian with mmdebstrap'
if ! again 2 mmdebstrap --quiet --variant=minbase --include="$PACKAGES" \
    --essential-hook="sh $SCRATCH/hooks/before \"\$1\"" --customize-hook="sh $SCRATCH/hooks/after \"\$1\"" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm "$SCRATCH/root.tar" >&2; then
    fail 1 'mmdebstrap could not make it (its own message is above)'
fi
mkdir "$SCRATCH/root"
tar -C "$SCRATCH/root" -xf "$SCRATCH/root.tar"
cp "$SCRATCH"/root/boot/vmlinuz-* "$SCRATCH/ready/vmlinuz"
cp "$SCRATCH"/root/boot/initrd.img-* "$SCRATCH/ready/initrd"
mke2fs -q -t ext4 -d "$SCRATCH/root" "$SCRATCH/ready/disk.img" 2G >&2
printf '%s\n' "$MADE_BY" >"$SCRATCH/ready/made-by"
replace "$SCRATCH/ready" "$TARGET"
say "it is ready in $TARGET"
