#!/bin/bash
# What needs root when a stick is plugged in. Its contents are never looked at here: that is done by a user who may do
# nothing else, between these steps.
set -euo pipefail
# The unit's sandbox gives root, too, mounts that nobody else sees.
[ /proc/self/ns/mnt -ef /proc/1/ns/mnt ] || exec nsenter --target 1 --mount -- "$0" "$@"

step=$1 device=/dev/$2 folder=/run/wecall-stick/$2 turn=/run/wecall-stick/turn
case $2 in '' | *[!a-z0-9]*) exit 255 ;; esac

# FAT and exFAT have no links, no owners and no set-user-id; other file systems, whose code in the kernel is larger, are
# not even tried.
types=vfat,exfat
owner=uid=$(id -u wecall-stick),gid=$(id -g wecall-stick),fmask=0177,dmask=0077
safe=nosuid,nodev,noexec,nosymfollow,noatime

case $step in
  attach)
    # The disk that the system itself runs from may be on USB, too: to systemd, what ends with 1 is to be left alone.
    disk=$(lsblk -ndo PKNAME "$device")
    used=$(lsblk -nlo MOUNTPOINTS "/dev/${disk:-$2}" | grep -v -e '^$' -e '^/run/wecall-stick/' || true)
    [ -z "$used" ] || exit 1
    mkdir -p "$folder"
    # One at a time, and of a stick one partition: each would tell on the display how the other has ended.
    until ln -sT "$2" "$turn" 2>/dev/null || [ "$(readlink "$turn")" = "$2" ]; do sleep 0.5; done
    # FAT on Raspberry Pi OS reads no names but ASCII's unless it is told to, and a file with a Chinese one does not open.
    mount -t "$types" -o "ro,$safe,$owner,utf8" "$device" "$folder" 2>/dev/null ||
      mount -t "$types" -o "ro,$safe,$owner" "$device" "$folder" || exit 255
    ;;
  let-write)
    # The owner again: some kernels take what is left out for a change, which they refuse.
    mount -o "remount,rw,$safe,$owner" "$device" "$folder"
    ;;
  detach)
    # Of a stick that was pulled out nothing can be written any more, and whoever holds a file of it open is gone.
    ! mountpoint -q "$folder" || umount "$folder" || umount --lazy "$folder"
    rmdir "$folder" 2>/dev/null || true
    ;;
  next)
    [ "$(readlink "$turn" || true)" != "$2" ] || rm "$turn"
    ;;
  *) exit 255 ;;
esac
