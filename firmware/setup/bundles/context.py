"""What the handset lends to those who take in a bundle and those who try it."""

from collections.abc import Callable
from dataclasses import dataclass

from firmware.base.proven_time import ProvenTime
from firmware.configuration.config_store import ConfigStore
from firmware.configuration.standing import Ended
from firmware.phone.bundle_news import BundleNews
from firmware.setup.bundles.identity import DeviceIdentity
from firmware.setup.bundles.root_work import RootWork
from firmware.setup.bundles.steps import Steps
from firmware.setup.bundles.verdict import report_of
from firmware.setup.bundles.watch import PhoneWatch
from provisioning.report import Report
from provisioning.trust import TrustedKey


@dataclass(frozen=True, slots=True)
class BundleContext:
    """All of it.

    Attributes:
        config_store: the configurations.
        identity: this handset's keys.
        firmware: tells the version that is installed; a parser of e-mail reads it, 1 MB that is seldom wanted.
        watch: tells when the phone is left to itself.
        steps: is told how far it is.
        post: tells the phone, in the main thread.
        root: does what only root can.
        start_anew: ends this run of the handset and begins another.
        now_s: the time, in seconds since the epoch.
        proven_time: what is known of the time, whatever the clock shows.
        site_keys: who may sign the first bundle; whoever stands before the phone is asked where there are none.
    """

    config_store: ConfigStore
    identity: DeviceIdentity
    firmware: Callable[[], str]
    watch: PhoneWatch
    steps: Steps
    post: Callable[[BundleNews], None]
    root: RootWork
    start_anew: Callable[[], None]
    now_s: Callable[[], float]
    proven_time: ProvenTime
    site_keys: tuple[TrustedKey, ...] = ()

    def report(self, ended: Ended) -> Report:
        """Return what whoever brought a bundle is told of what became of it."""
        return report_of(ended, self.identity.serial, self.firmware(), self.proven_time.read())
