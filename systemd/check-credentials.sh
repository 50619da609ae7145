#!/bin/sh
# Hand on to the services only those encrypted credentials that this machine can decrypt. The service manager would not
# start a service with one that it cannot, and a phone without its store must still be able to make an emergency call.
set -eu
from=/etc/wecall/credentials
to=/run/credstore.encrypted
mkdir -p -m 0700 "$to"
for name in store-key sip-password; do
  rm -f "$to/wecall.$name"
  [ -e "$from/$name" ] || continue
  if systemd-creds decrypt --name="$name" "$from/$name" - >/dev/null; then
    install -m 0400 "$from/$name" "$to/wecall.$name"
  else
    echo "The credential $name cannot be decrypted on this machine; the handset starts without it." >&2
  fi
done
