import subprocess
import sys


def test_the_account_registers_when_the_network_comes_and_again_when_the_address_changes() -> None:
    child = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-m", "tests.lab.moving_network"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-3000:]
