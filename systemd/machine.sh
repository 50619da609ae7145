# What a machine needs besides the handset's files. install.sh and the Debian package's maintainer scripts source this,
# so that a machine is the same whichever brought it there. Needs bash; `speaker` names who says what is done.
# shellcheck shell=bash

units=(
  wecall-handset.service wecall-voice.service wecall-voice-replace.path wecall-voice-replace.service
  wecall-sync.service wecall-fetch.service wecall-store-key.service wecall-credentials.service
  wecall-firewall.service wecall-firewall.timer wecall-firewall.path wecall-firewall-changed.service
  wecall-media.socket wecall-media.service
  wecall-lan.path wecall-lan.service wecall-fetch.path wecall-stick@.service wecall-apply.socket wecall-apply.service
  wecall-upgrade.service wecall-upgrade.timer wecall-upgrade-finish.service
  wecall-update.socket wecall-update.service wecall-update-deadline.timer wecall-update-deadline.service
)
# Those that start by themselves; the others are started by these. In this order: systemctl starts one after another.
services=(
  wecall-store-key.service wecall-apply.socket wecall-apply.service wecall-update.socket wecall-update.service
  wecall-update-deadline.timer wecall-voice-replace.path wecall-lan.path wecall-fetch.path wecall-voice.service
  wecall-handset.service wecall-sync.service
)
# They do nothing but where the package comes from an operator's repository.
upgrade_units=(wecall-upgrade.timer wecall-upgrade-finish.service)
firewall_units=(wecall-firewall.service wecall-firewall.timer wecall-firewall.path wecall-media.socket wecall-media.service)

# What Debian has of what the handset needs, while it runs.
runtime_packages=(
  fonts-unifont fonts-wqy-microhei # the displays' fonts
  espeak-ng                        # says menus aloud, for holders who want that
  libopus0                         # encodes recordings of calls, and is a codec of the SIP library
  libsrtp2-1 libssl3t64            # the SIP library encrypts with them
  libspeexdsp1 libstdc++6          # the SIP library is linked with them
  nftables                         # the firewall
  alsa-utils                       # lists sound devices for `wecall doctor`'s advice
  tzdata                           # time zones, for the clock and the hours of calls
)
# What the services run besides the handset, and what they read.
programs=(boot-slot firewall.py machine.sh check-credentials.sh make-store-key.sh stick.sh upgrade.sh)
rules=(60-wecall.rules 70-wecall-stick.rules)
shared=(systemd/wecall.nft systemd/config.example.toml docs/security.md)

say() { printf '%s: %s\n' "${speaker:?}" "$*"; }
fail() {
  printf '%s: %s\n' "${speaker:?}" "$*" >&2
  exit 1
}

# Whether systemd runs here; in a root that an image is made of it does not.
is_booted() { [ -d /run/systemd/system ]; }

# Put every file but the Python packages where it belongs.
#
# $1: the source;  $2: the root to put them in, empty for this machine's;  $3: /etc for what an administrator installs,
# /usr/lib for what a package does.
place_files() {
  local file
  for file in "${programs[@]}"; do install -D -m 0755 -t "$2/opt/wecall/lib" "$1/systemd/$file"; done
  for file in "${shared[@]}"; do install -D -m 0644 -t "$2/opt/wecall/share" "$1/$file"; done
  for file in "${units[@]}"; do install -D -m 0644 -t "$2$3/systemd/system" "$1/systemd/$file"; done
  for file in "${rules[@]}"; do install -D -m 0644 -t "$2$3/udev/rules.d" "$1/systemd/$file"; done
  install -D -m 0644 "$1/systemd/wecall.sysusers" "$2$3/sysusers.d/wecall.conf"
  install -D -m 0644 "$1/systemd/wecall.tmpfiles" "$2$3/tmpfiles.d/wecall.conf"
}

# Make what wecall.sysusers and wecall.tmpfiles list.
make_users_and_folders() {
  say "making users, groups and folders"
  systemd-sysusers wecall.conf
  systemd-tmpfiles --create wecall.conf
}

# Give the devices that are there already to the groups that 60-wecall.rules names.
apply_device_rules() {
  if command -v udevadm >/dev/null && udevadm control --reload 2>/dev/null; then
    udevadm trigger --subsystem-match=gpio --subsystem-match=i2c-dev --subsystem-match=spidev --subsystem-match=sound || true
  fi
}

# Write the sample, the first argument, where there is no configuration.
write_sample_configuration() {
  [ ! -e /etc/wecall/config.toml ] || return 0
  say "writing a sample configuration to /etc/wecall/config.toml: edit it, or plug a stick in that brings one"
  install -m 0640 -o root -g wecall "$1" /etc/wecall/config.toml
}

# Make way for the Python packages where a link stands, which led to one of several environments when bundles brought
# firmware: dpkg would follow it. Until 2027-12, as is remove_environments.
remove_link_to_environment() { [ ! -L /opt/wecall/venv ] || rm /opt/wecall/venv; }

# Remove those environments, once the services no longer start from them.
remove_environments() { rm -rf /opt/wecall/environments; }

# The SIP library is linked with what this machine has.
say_whether_calls_are_possible() {
  /opt/wecall/venv/bin/python -I -c 'import pjsua2' 2>/dev/null ||
    say "the SIP library cannot be loaded: everything works but calls. \`/opt/wecall/venv/bin/python -c 'import pjsua2'\` says why"
}

# Wait until nobody talks: a restart cuts the call. What a handset that no longer runs has left there says nothing.
wait_for_end_of_call() {
  is_in_call || return 0
  say "waiting for the end of the call"
  while is_in_call; do sleep 2; done
}
is_in_call() { [ -e /run/wecall/in-call ] && systemctl --quiet is-active wecall-handset.service; }

# Enable the services, with the firewall if the first argument is "firewall" and nft is there, and start them if the
# second is "start".
enable_services() {
  local enabled=("${services[@]}")
  if [ "$1" = firewall ] && command -v nft >/dev/null; then
    enabled+=("${firewall_units[@]}")
  elif [ "$1" = firewall ]; then
    say "nft is not installed: the processes run without firewall rules"
  fi
  systemctl enable --quiet "${enabled[@]}" "${upgrade_units[@]}"
  if [ "$2" = start ]; then
    wait_for_end_of_call
    say "starting: ${enabled[*]}"
    # Voice ends with the handset that it serves, so it must not find the one of before, which waits for root's services.
    systemctl stop wecall-handset.service
    # A socket is not opened anew while its service runs.
    local socket
    for socket in "${enabled[@]}"; do
      [[ $socket != *.socket ]] || systemctl stop "$socket" "${socket%.socket}.service"
    done
    systemctl restart "${enabled[@]}" ||
      fail "a service did not start; \`journalctl -u 'wecall-*'\` says why. It is tried again and again meanwhile."
    # It may be this upgrade's own finish that runs: none of them is started anew.
    systemctl start wecall-upgrade.timer
  fi
}

stop_services() {
  local unit
  systemctl stop 'wecall-stick@*.service' 2>/dev/null || true
  for unit in "${units[@]}"; do
    systemctl disable --now --quiet "$unit" 2>/dev/null || systemctl stop "$unit" 2>/dev/null || true
  done
  rmdir /run/wecall-stick /run/wecall-apply /run/wecall-media 2>/dev/null || true
  rm -rf /run/wecall-fetch /run/wecall-update
}

remove_firewall_rules() {
  if command -v nft >/dev/null && nft list table inet wecall >/dev/null 2>&1; then
    say "removing the firewall rules"
    nft delete table inet wecall
  fi
  rm -rf /var/lib/wecall-firewall
}

# Whether somebody still has records of the holder whom nobody has told to delete them (docs/privacy.md).
#
# $1: the root to look in, empty for this machine's.
has_untold_recipients() {
  [ -e "$1/var/lib/wecall/tombstone.json" ] || {
    [ -e "$1/var/lib/wecall/last-word.json" ] && ! grep -q '"epochs":\[\]' "$1/var/lib/wecall/last-word.json"
  }
}
untold_words="recipients of call records and consents have not been told to delete them, and once this is removed nobody tells them"

# Overwrite the keys, and then what they open, where they lie: rm alone leaves on the card whatever was in them.
#
# $1: the root they are under, empty for this machine's.
shred_stored() {
  local state=$1/var/lib/wecall file
  for file in "$1"/etc/wecall/credentials/* "$state"/{,.}store.key* \
    "$state"/{tombstone,last-word}.json "$state"/store.db*; do
    # What a link leads to is somebody else's.
    [ -f "$file" ] && [ ! -L "$file" ] || continue
    shred --force --iterations=1 --remove=unlink "$file" ||
      say "$file could not be overwritten and is only deleted: whoever reads the card itself may find it"
  done
}

# Remove what is the holder's and the installer's, for good.
purge() {
  say "removing the configuration, the keys, the call log and everything else that was stored"
  # The keys go first: without them what remains of the store on the card tells nothing.
  shred_stored ''
  rm -rf /etc/wecall/credentials /run/credstore.encrypted/wecall.* /run/credstore/wecall.*
  rm -rf /etc/wecall /var/lib/wecall /var/lib/wecall-apply /var/lib/wecall-upgrade /var/cache/wecall-upgrade
  rm -f /var/lib/systemd/timers/stamp-wecall-*.timer
  # What bundles brought: networks with their passwords, time servers, the radio's country.
  rm -f /etc/NetworkManager/system-connections/wecall-*.nmconnection
  rm -f /etc/systemd/timesyncd.conf.d/wecall.conf /etc/modprobe.d/wecall-radio.conf
  userdel wecall 2>/dev/null || true
  userdel wecall-voice 2>/dev/null || true
  userdel wecall-sync 2>/dev/null || true
  userdel wecall-fetch 2>/dev/null || true
  userdel wecall-lan 2>/dev/null || true
  userdel wecall-stick 2>/dev/null || true
  groupdel wecall-admin 2>/dev/null || true
}
