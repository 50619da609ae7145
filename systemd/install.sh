#!/usr/bin/env bash
# Install the handset on this machine, or bring an installed one up to this source. Run it again whenever you like.
set -euo pipefail

usage() {
  cat <<'END'
usage: sudo systemd/install.sh [options]

  --python PATH    the interpreter to run with (CPython 3.11 or later; default: the newest that has pjsua2, or python3)
  --wheels FOLDER  take Python packages from this folder only, without a network
  --no-apt         do not install Debian packages
  --no-firewall    do not load firewall rules
  --no-start       enable the services, but do not start them
  --bind-to-board  open the store with the Raspberry Pi's own key only: a card alone cannot be read, nor in another Pi
  --uninstall      remove what was installed; configuration, keys, call log and users stay
  --purge          with --uninstall: remove those too, for good
END
}

say() { printf 'install: %s\n' "$*"; }
fail() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}

prefix=/opt/wecall
units=(
  wecall-handset.service wecall-sync.service wecall-credentials.service
  wecall-firewall.service wecall-firewall.timer wecall-firewall.path wecall-firewall-changed.service
)
debian_packages=(
  python3-venv python3-dev gcc pkg-config # the Python packages without wheels are compiled
  libasound2-dev libsystemd-dev           # their headers
  fonts-unifont fonts-wqy-microhei        # the displays' fonts
  espeak-ng                               # says menus aloud, for holders who want that
  libopus0                                # encodes recordings of calls
  nftables                                # the firewall
  alsa-utils                              # lists sound devices for `wecall doctor`'s advice
)

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python='' wheels='' apt=yes firewall=yes start=yes bind='' uninstall='' purge=''
while [ $# -gt 0 ]; do
  case $1 in
    --python) python=${2:?--python needs a path} && shift ;;
    --wheels) wheels=${2:?--wheels needs a folder} && shift ;;
    --no-apt) apt='' ;;
    --no-firewall) firewall='' ;;
    --no-start) start='' ;;
    --bind-to-board) bind=yes ;;
    --uninstall) uninstall=yes ;;
    --purge) purge=yes ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && fail "unknown option $1" ;;
  esac
  shift
done
[ "$(id -u)" -eq 0 ] || fail "this changes the system: run it as root, for example with sudo"
[ -z "$purge" ] || [ -n "$uninstall" ] || fail "--purge goes with --uninstall"
[ -d /run/systemd/system ] || fail "this machine was not booted with systemd, which runs the handset's services"

remove() {
  say "stopping and removing the services"
  for unit in "${units[@]}"; do
    systemctl disable --now --quiet "$unit" 2>/dev/null || systemctl stop "$unit" 2>/dev/null || true
    rm -f "/etc/systemd/system/$unit"
  done
  systemctl daemon-reload
  systemctl reset-failed 'wecall-*' 2>/dev/null || true
  if command -v nft >/dev/null && nft list table inet wecall >/dev/null 2>&1; then
    say "removing the firewall rules"
    nft delete table inet wecall
  fi
  rm -f /etc/udev/rules.d/60-wecall.rules /etc/sysusers.d/wecall.conf /etc/tmpfiles.d/wecall.conf /usr/local/bin/wecall
  rm -rf "$prefix/venv" "$prefix/lib" "$prefix/share" /var/lib/wecall-firewall
  rmdir "$prefix" 2>/dev/null || true
  if [ -n "$purge" ]; then
    say "removing the configuration, the keys, the call log and everything else that was stored"
    # The key goes first: without it what remains of the store on the card tells nothing.
    rm -rf /etc/wecall/credentials /run/credstore.encrypted/wecall.* /run/credstore/wecall.*
    rm -rf /etc/wecall /var/lib/wecall
    userdel wecall 2>/dev/null || true
    userdel wecall-sync 2>/dev/null || true
    groupdel wecall-admin 2>/dev/null || true
  else
    say "kept: /etc/wecall with the keys, /var/lib/wecall, the users (--purge removes them)"
  fi
  say "done"
}

if [ -n "$uninstall" ]; then
  remove
  exit
fi

# --- what this machine is ---
case $(uname -m) in
  aarch64 | x86_64) ;;
  *) fail "no packages exist for $(uname -m). On a Raspberry Pi 3 or later install the 64-bit Raspberry Pi OS." ;;
esac
if [ -n "$apt" ]; then
  missing=()
  for package in "${debian_packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || fail "this is not a Debian system; install these, then use --no-apt: ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
  fi
fi
if [ -z "$python" ]; then
  for candidate in python3.12 python3.11 python3; do
    if command -v "$candidate" >/dev/null; then
      python=$(command -v "$candidate")
      break
    fi
  done
fi
[ -n "$python" ] || fail "no Python found; install python3 and python3-venv, or name one with --python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$python is $("$python" --version); the handset needs CPython 3.11 or later: name one with --python"
"$python" -c 'import venv, ensurepip' 2>/dev/null || fail "$python cannot make virtual environments; install its venv package"
case $(readlink -f "$python") in
  /root/* | /home/*) fail "$python lives in a home folder, which the services cannot see; use one that is elsewhere" ;;
esac
[ -z "$wheels" ] || [ -d "$wheels" ] || fail "there is no folder $wheels"

# --- users, folders, devices ---
say "making users, groups and folders"
install -D -m 0644 "$source/systemd/wecall.sysusers" /etc/sysusers.d/wecall.conf
install -D -m 0644 "$source/systemd/wecall.tmpfiles" /etc/tmpfiles.d/wecall.conf
systemd-sysusers wecall.conf
systemd-tmpfiles --create wecall.conf
install -D -m 0644 "$source/systemd/60-wecall.rules" /etc/udev/rules.d/60-wecall.rules
if command -v udevadm >/dev/null && udevadm control --reload 2>/dev/null; then
  udevadm trigger --subsystem-match=gpio --subsystem-match=i2c-dev --subsystem-match=spidev --subsystem-match=sound || true
fi

# --- the program ---
interpreter=$("$python" -c 'import sys; print(sys.version, sys.base_prefix)')
if [ "$(cat "$prefix/venv/interpreter" 2>/dev/null)" != "$interpreter" ]; then
  say "making $prefix/venv with $("$python" --version)"
  "$python" -m venv --clear "$prefix/venv"
  printf '%s\n' "$interpreter" >"$prefix/venv/interpreter"
fi
say "installing wecall-handset and what it needs"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# The build writes beside the source, which need not be ours to write.
tar -C "$source" --exclude=__pycache__ -cf - pyproject.toml setup.py README.md LICENSE firmware drivers provisioning tools | tar -C "$copy" -xf -
pip=("$prefix/venv/bin/python" -m pip --disable-pip-version-check --quiet)
from=()
[ -z "$wheels" ] || from=(--no-index --find-links "$wheels")
"${pip[@]}" install "${from[@]}" "$copy[handset,pi,sync]" ||
  fail "the packages could not be installed; pip says above why"
# The same version number may stand for newer source.
"${pip[@]}" install "${from[@]}" --force-reinstall --no-deps "$copy"
if ! "$prefix/venv/bin/python" -c 'import pjsua2' 2>/dev/null; then
  fail "the SIP stack is missing: pjsua2-python has no wheel for $("$prefix/venv/bin/python" --version) on $(uname -m).
Build pjproject with its Python bindings once, into this environment, then run this again:
  ./configure --enable-shared CFLAGS='-O2 -fPIC' && make dep && make && make install && ldconfig
  cd pjsip-apps/src/swig && make python && cd python && $prefix/venv/bin/python -m pip install .
(https://docs.pjsip.org/en/latest/pjsua2/building.html has the details)"
fi
install -D -m 0644 -t "$prefix/lib" "$source/systemd/firewall.py"
install -D -m 0755 -t "$prefix/lib" "$source/systemd/check-credentials.sh"
install -D -m 0644 -t "$prefix/share" "$source/systemd/wecall.nft" "$source/systemd/config.example.toml" "$source/docs/security.md"
ln -sfn "$prefix/venv/bin/wecall" /usr/local/bin/wecall

# --- configuration and the store's key ---
if [ ! -e /etc/wecall/config.toml ]; then
  say "writing a sample configuration to /etc/wecall/config.toml: edit it"
  install -m 0640 -o root -g wecall "$source/systemd/config.example.toml" /etc/wecall/config.toml
fi
key=/etc/wecall/credentials/store-key
if [ ! -e "$key" ]; then
  if [ -e /var/lib/wecall/store.db ]; then
    say "the store's key is gone but a store is there: restore $key, or remove the store to begin anew"
  else
    systemd-creds setup >/dev/null
    make_key() { head -c 32 /dev/urandom | (umask 077 && systemd-creds encrypt "$@" --name=store-key - "$key.new"); }
    # Bound to the chip and to nothing that an update of the system changes. A systemd that was built without support for
    # chips encrypts for one all the same, to what nobody decrypts.
    if systemd-creds has-tpm2 --quiet >/dev/null 2>&1 && make_key --with-key=host+tpm2 --tpm2-pcrs= 2>/dev/null &&
      systemd-creds decrypt --name=store-key "$key.new" - >/dev/null 2>&1; then
      say "making the store's key, encrypted to this machine and its security chip"
    else
      say "making the store's key, encrypted to this machine; there is no security chip (TPM)"
      rm -f "$key.new"
      make_key --with-key=host
    fi
    mv "$key.new" "$key"
  fi
fi
if [ -n "$bind" ]; then
  digits=$(rpi-otp-private-key 2>/dev/null | tr -cd 0-9a-fA-F) || digits=
  [ ${#digits} -eq 64 ] && [ -n "$(printf %s "$digits" | tr -d 0)" ] ||
    fail "this board has no key of its own: write one with rpi-otp-private-key -w, once and for good, and see docs/security.md"
  say "binding the store to this board's own key"
  touch /etc/wecall/bind-to-board
fi

# --- services ---
say "installing the services"
for unit in "${units[@]}"; do install -D -m 0644 -t /etc/systemd/system "$source/systemd/$unit"; done
systemctl daemon-reload
enabled=(wecall-handset.service wecall-sync.service)
if [ -n "$firewall" ] && command -v nft >/dev/null; then
  enabled+=(wecall-firewall.service wecall-firewall.timer wecall-firewall.path)
elif [ -n "$firewall" ]; then
  say "nft is not installed: the processes run without firewall rules"
fi
systemctl enable --quiet "${enabled[@]}"
if [ -n "$start" ]; then
  say "starting: ${enabled[*]}"
  systemctl restart "${enabled[@]}" ||
    fail "a service did not start; \`journalctl -u 'wecall-*'\` says why. It is tried again and again meanwhile."
fi
say "done; \`wecall status\` says what the handset is doing, \`wecall doctor\` what does not work and why"
