#!/bin/bash
# Upgrades the handset's package from the operator's repository (tools/repository), and from nothing else. apt verifies:
# what is unsigned, changed, over its date or older is refused.
set -euo pipefail
# shellcheck disable=SC2034 # machine.sh speaks by it
speaker=wecall-upgrade
. "${0%/*}/machine.sh"
state=${STATE_DIRECTORY:?} cache=${CACHE_DIRECTORY:?}
package=wecall-handset
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

options=(
  # One source, in lists of its own: those of the machine's administrator stay as they are.
  Dir::Etc::SourceList=/etc/apt/sources.list.d/wecall.sources Dir::Etc::SourceParts=/dev/null
  Dir::State::Lists="$state/lists" Dir::Cache="$cache"
  # A pin could ask for an older version (apt_preferences(5)).
  Dir::Etc::Preferences=/dev/null Dir::Etc::PreferencesParts=/dev/null APT::Get::Allow-Downgrades=false
  # apt's own defaults, whatever else this machine's apt.conf allows (apt-secure(8)).
  Acquire::AllowInsecureRepositories=false Acquire::AllowWeakRepositories=false
  Acquire::AllowDowngradeToInsecureRepositories=false APT::Get::AllowUnauthenticated=false
  Acquire::Check-Valid-Until=true Acquire::Check-Date=true Acquire::https::Verify-Peer=true Acquire::https::Verify-Host=true
  # Who asks the server is a user without rights, and each phone asks the same (docs/privacy.md).
  APT::Sandbox::User=_apt Acquire::http::User-Agent=wecall
  Acquire::Languages=none Acquire::http::AllowRedirect=false Acquire::Retries=3
  APT::Get::Assume-Yes=true APT::Get::Remove=false APT::Install-Recommends=false
  DPkg::Lock::Timeout=600 DPkg::Options::=--force-confdef DPkg::Options::=--force-confold
)
apt_get() { apt-get --quiet "${options[@]/#/-o}" "$@"; }

mkdir -p "$state/lists/partial" "$cache/archives/partial"
# After a power cut it goes on without a network too, with what was fetched before.
apt_get update --error-on=any || [ -e "$state/unfinished" ]
if [ -e "$state/unfinished" ]; then
  wait_for_end_of_call
  # apt does nothing before. What cannot be set up is set up again in its next version.
  dpkg --configure --pending --force-confdef --force-confold || say "the next version has to mend this"
fi
planned=$(apt_get install --only-upgrade --simulate "$package")
if grep --quiet '^Inst ' <<<"$planned"; then
  apt_get install --only-upgrade --download-only "$package"
  wait_for_end_of_call
  touch "$state/unfinished"
  sync "$state/unfinished" "$state"
  apt_get install --only-upgrade "$package"
fi
rm -f "$state/unfinished"
apt_get clean
