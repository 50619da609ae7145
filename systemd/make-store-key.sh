#!/bin/bash
# Make the key that the holder's store is encrypted with, once, encrypted to this machine. Never while an image is made:
# every card written from it would have the same key.
set -euo pipefail
key=/etc/wecall/credentials/store-key
[ ! -e "$key" ] || exit 0
if [ -e /var/lib/wecall/store.db ]; then
  echo "the store's key is gone but a store is there: restore $key, or remove the store to begin anew"
  exit
fi
systemd-creds setup >/dev/null
make_key() { head -c 32 /dev/urandom | (umask 077 && systemd-creds encrypt "$@" --name=store-key - "$key.new"); }
# Bound to the chip and to nothing that an update of the system changes. A systemd that was built without support for
# chips encrypts for one all the same, to what nobody decrypts.
if systemd-creds has-tpm2 --quiet >/dev/null 2>&1 && make_key --with-key=host+tpm2 --tpm2-pcrs= 2>/dev/null &&
  systemd-creds decrypt --name=store-key "$key.new" - >/dev/null 2>&1; then
  echo "made the store's key, encrypted to this machine and its security chip"
else
  rm -f "$key.new"
  make_key --with-key=host
  echo "made the store's key, encrypted to this machine; there is no security chip (TPM)"
fi
sync "$key.new"
mv "$key.new" "$key"
sync "${key%/*}"
