#!/bin/sh
# Hand on to the services only those encrypted credentials that this machine can decrypt. The service manager would not
# start a service with one that it cannot, and a phone without its store must still be able to make an emergency call.
# And hand on what this machine has that is not on its card: the board's own key, and whether a TPM keeps the store's.
set -eu
from=/etc/wecall/credentials
to=/run/credstore.encrypted
# In memory only, and for root only.
plain=/run/credstore
mkdir -p -m 0700 "$to" "$plain"
hand_on() {
  if systemd-creds decrypt --name="$1" "$from/$1" - >/dev/null; then
    install -m 0400 "$from/$1" "$to/$2"
  else
    echo "The credential $1 cannot be decrypted on this machine; the handset starts without it." >&2
  fi
}
hand_on_protection() {
  # How systemd names what a credential is encrypted with, in its first 16 bytes (systemd: src/shared/creds-util.h). The
  # TPM's alone, with a public key, with the host's secret, and all of that for one user. Others are not vouched for.
  case $(base64 -d -i "$from/store-key" 2>/dev/null | head -c 16 | basenc --base16) in
    0C7CC07B117645919C4B0BEA08BC20FE | FAF7EB9341E3412CA1A436F95A29362F | 93A894094874449090CAF2FC93CAB553 | \
      AF4950A849134EB1A73846304FF30C05 | EF4AC13679A9480EA7DB68897F9F165D | ADBC4CA3EFB64201BA881B6F2E4095EA)
      echo tpm >"$plain/wecall.key-protection"
      ;;
  esac
}
hand_on_board_key() {
  # 64 hexadecimal digits from the one-time-programmable memory, all of them 0 where nobody has written it.
  digits=$(rpi-otp-private-key 2>/dev/null | tr -cd 0-9a-fA-F | tr a-f A-F) || digits=
  if [ ${#digits} -ne 64 ] || [ -z "$(printf %s "$digits" | tr -d 0)" ]; then
    echo "This board has no key of its own; what was bound to it does not open. See security.md." >&2
    return
  fi
  printf %s "$digits" | basenc --base16 -d >"$plain/wecall.board-key"
}
rm -f "$to"/wecall.* "$to"/sip-password-* "$to"/turn-password "$plain"/wecall.*
for name in store-key sip-password; do
  [ ! -e "$from/$name" ] || hand_on "$name" "wecall.$name"
done
[ ! -e "$to/wecall.store-key" ] || hand_on_protection
[ ! -e /etc/wecall/bind-to-board ] || hand_on_board_key
# Those that may be any number are imported by the name that they were encrypted under.
for path in "$from"/sip-password-* "$from"/turn-password; do
  [ ! -e "$path" ] || hand_on "${path##*/}" "${path##*/}"
done
