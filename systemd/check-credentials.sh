#!/bin/sh
# Hand on to the services only those encrypted credentials that this machine can decrypt. The service manager would not
# start a service with one that it cannot, and a phone without its store must still be able to make an emergency call.
set -eu
from=/etc/wecall/credentials
to=/run/credstore.encrypted
mkdir -p -m 0700 "$to"
hand_on() {
  if systemd-creds decrypt --name="$1" "$from/$1" - >/dev/null; then
    install -m 0400 "$from/$1" "$to/$2"
  else
    echo "The credential $1 cannot be decrypted on this machine; the handset starts without it." >&2
  fi
}
rm -f "$to"/wecall.* "$to"/sip-password-* "$to"/turn-password
for name in store-key sip-password; do
  [ ! -e "$from/$name" ] || hand_on "$name" "wecall.$name"
done
# Those that may be any number are imported by the name that they were encrypted under.
for path in "$from"/sip-password-* "$from"/turn-password; do
  [ ! -e "$path" ] || hand_on "${path##*/}" "${path##*/}"
done
