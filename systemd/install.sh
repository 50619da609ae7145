#!/usr/bin/env bash
# Install the handset on this machine, or bring an installed one up to this source. Run it again whenever you like.
set -euo pipefail

usage() {
  cat <<'END'
usage: sudo systemd/install.sh [options]

  --python PATH    the interpreter to run with (CPython 3.13; default: python3)
  --wheels FOLDER  take Python packages from this folder only, without a network: `python -m tools.lock fetch` fills it,
                   and the SIP library's wheel may lie beside them
  --no-apt         do not install Debian packages
  --no-firewall    do not load firewall rules
  --no-start       enable the services, but do not start them
  --bind-to-board  open the store with the Raspberry Pi's own key only: a card alone cannot be read, nor in another Pi
  --uninstall      remove what was installed; configuration, keys, call log and users stay
  --purge          with --uninstall: remove those too, for good; keys and store are overwritten. Refused where the broker has
                   got something: run `wecall factory-reset` first, so that recipients are told to delete it
  --untold         with --purge: nobody is told, or has been told already; remove everything
END
}

prefix=/opt/wecall
build_packages=(
  python3-venv python3-dev gcc pkg-config swig        # the Python packages without wheels are compiled
  libasound2-dev libsystemd-dev                       # their headers
  g++ make                                            # the SIP library is built
  libssl-dev libsrtp2-dev libopus-dev libspeexdsp-dev # what it is linked with
)

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
speaker=install
# shellcheck source=systemd/machine.sh
. "$source/systemd/machine.sh"

python='' wheels='' apt=yes firewall=yes start=yes bind='' uninstall='' purge='' untold=''
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
    --untold) untold=yes ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && fail "unknown option $1" ;;
  esac
  shift
done
[ "$(id -u)" -eq 0 ] || fail "this changes the system: run it as root, for example with sudo"
[ -z "$purge" ] || [ -n "$uninstall" ] || fail "--purge goes with --uninstall"
[ -z "$untold" ] || [ -n "$purge" ] || fail "--untold goes with --purge"
is_booted || fail "this machine was not booted with systemd, which runs the handset's services"
[ ! -e /usr/lib/systemd/system/wecall-handset.service ] ||
  fail "the handset is installed as a Debian package here, which apt upgrades and removes"

remove() {
  say "stopping and removing the services"
  stop_services
  for unit in "${units[@]}"; do rm -f "/etc/systemd/system/$unit"; done
  systemctl daemon-reload
  systemctl reset-failed 'wecall-*' 2>/dev/null || true
  remove_firewall_rules
  rm -f /etc/udev/rules.d/{60-wecall,70-wecall-stick}.rules /etc/sysusers.d/wecall.conf /etc/tmpfiles.d/wecall.conf /usr/local/bin/wecall
  rm -rf "$prefix/venv" "$prefix/environments" "$prefix/lib" "$prefix/share"
  rmdir "$prefix" 2>/dev/null || true
  if [ -n "$purge" ]; then
    purge
  else
    say "kept: /etc/wecall with the keys, /var/lib/wecall, networks that a bundle has set up, the users (--purge removes them)"
  fi
  say "done"
}

if [ -n "$uninstall" ]; then
  [ -z "$purge" ] || [ -n "$untold" ] || ! has_untold_recipients '' || fail "$untold_words. Run \`wecall factory-reset\` first, and
wait until /var/lib/wecall/tombstone.json is gone: they have confirmed then. What leaves after that tells of no holder: give
--untold beside --purge. Nothing was removed"
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
  for package in "${build_packages[@]}" "${runtime_packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || fail "this is not a Debian system; install these, then use --no-apt: ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
  fi
fi
[ -n "$python" ] || python=$(command -v python3) ||
  fail "no Python found; install python3 and python3-venv, or name one with --python"
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' ||
  fail "$python is $("$python" --version); the packages are locked for CPython 3.13, which Debian 13 has: name one with --python"
"$python" -c 'import venv, ensurepip' 2>/dev/null || fail "$python cannot make virtual environments; install its venv package"
case $(readlink -f "$python") in
  /root/* | /home/*) fail "$python lives in a home folder, which the services cannot see; use one that is elsewhere" ;;
esac
[ -z "$wheels" ] || [ -d "$wheels" ] || fail "there is no folder $wheels"

# --- users, folders, devices ---
place_files "$source" '' /etc
make_users_and_folders
apply_device_rules

# --- the program ---
# Print where the SIP library's wheel for this interpreter is: in --wheels' folder, else the one that is built here.
engine_wheel() {
  local wheel python_tag
  python_tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
  for wheel in ${wheels:+"$wheels"/wecall_pjsua2-*-"$python_tag"-*_"$(uname -m)".whl}; do
    [ ! -e "$wheel" ] || { printf '%s\n' "$wheel" && return; }
  done
  cd "$source" && PYTHONDONTWRITEBYTECODE=1 "$python" -m engine
}

engine=$(engine_wheel) || fail "the SIP library could not be built; it is said above why. Nothing was installed"

say "making wheels of wecall-handset and what it needs"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# The build writes beside the source, which need not be ours to write.
tar -C "$source" --exclude=__pycache__ -cf - \
  pyproject.toml setup.py README.md LICENSE contract firmware drivers mqtt provisioning tools requirements | tar -C "$copy" -xf -
from=()
[ -z "$wheels" ] || from=(--no-index --find-links "$wheels")
"$source/tools/locked-wheels" "$python" "$copy" "$copy/wheels" "${from[@]}" ||
  fail "the packages could not be had as requirements/*.lock names them; pip says above why. Nothing was installed"
# What the environment is made of stands in it; with another interpreter or lock it is made anew, so that nothing stays.
made_of=$("$python" -c 'import sys; print(sys.version, sys.base_prefix)'; sha256sum <"$source/requirements/handset.lock")
environment=$prefix/venv
remove_link_to_environment
if [ "$(cat "$environment/interpreter" 2>/dev/null)" != "$made_of" ]; then
  say "making $environment with $("$python" --version)"
  "$python" -m venv --clear "$environment"
fi
# The handset's own version number may stand for newer source.
pip=("$environment/bin/python" -m pip --disable-pip-version-check --quiet install --no-index --no-deps)
"${pip[@]}" "$copy"/wheels/*.whl && "${pip[@]}" --force-reinstall "$copy"/wheels/wecall_handset-*.whl ||
  fail "the wheels could not be installed into $environment; pip says above why"
printf '%s\n' "$made_of" >"$environment/interpreter"
"${pip[@]}" --force-reinstall "$engine" || fail "$engine could not be installed; pip says above why"
say_whether_calls_are_possible
ln -sfn "$prefix/venv/bin/wecall" /usr/local/bin/wecall

# --- configuration and the store's key ---
write_sample_configuration "$source/systemd/config.example.toml"
"$source/systemd/make-store-key.sh" | while read -r line; do say "$line"; done
if [ -n "$bind" ]; then
  digits=$(rpi-otp-private-key 2>/dev/null | tr -cd 0-9a-fA-F) || digits=
  [ ${#digits} -eq 64 ] && [ -n "$(printf %s "$digits" | tr -d 0)" ] ||
    fail "this board has no key of its own: write one with rpi-otp-private-key -w, once and for good, and see docs/security.md"
  say "binding the store to this board's own key"
  touch /etc/wecall/bind-to-board
fi

# --- services ---
say "enabling the services"
systemctl daemon-reload
enable_services "${firewall:+firewall}" "${start:+start}"
remove_environments
say "done; \`wecall status\` says what the handset is doing, \`wecall doctor\` what does not work and why"
