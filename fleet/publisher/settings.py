"""How an operator reaches the broker: one TOML file, with paths and no secret in it."""

from pathlib import Path
from typing import Annotated

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field

from fleet.errors import FleetError
from fleet.files import PathBeside, read_settings_file
from fleet.names import HandsetName
from provisioning.authority import common_name

_ROLE = "operator."


class OperatorSettings(BaseModel):
    """Everything that `wecall fleet publish` is told; paths are seen from the file's folder.

    Attributes:
        host, port: where the broker takes MQTT over TLS with certificates.
        ca: PEM file with the authorities that sign the broker's certificate.
        certificate, key: PEM files from `wecall fleet ca service AUTHORITY operator.NAME`.
        fleet: the one that this operator looks after; None for whichever a signed file names.
        configuration: a handset's configuration, whose [trust] says which signatures count.
        public: or those public keys themselves, as `wecall key new` shows them.
        records: the folder that keeps how far each roll-out has come.
        keep_alive_s: seconds after which a silent connection is asked whether it lives.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    ca: PathBeside
    certificate: PathBeside
    key: PathBeside
    fleet: HandsetName | None = None
    configuration: PathBeside | None = None
    public: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    records: Annotated[PathBeside, Field(validate_default=True)] = Path("publications")
    keep_alive_s: Annotated[int, Field(ge=5, le=1200)] = 60

    def client_id(self) -> str:
        """Return what the operator is called at the broker, as the certificate says.

        Raises:
            FleetError: it cannot be read, or is not an operator's.
        """
        try:
            name = common_name(x509.load_pem_x509_certificate(self.certificate.read_bytes()))
        except OSError as error:
            raise FleetError(
                f"The operator's certificate, {self.certificate}, cannot be read: {error.strerror}."
            ) from error
        except ValueError as error:
            raise FleetError(f"{self.certificate} is no certificate in PEM.") from error
        if not name.startswith(_ROLE):
            raise FleetError(
                f"{self.certificate} is the certificate of {name or 'nobody'}, and not of an operator. Make one with: "
                "wecall fleet ca service AUTHORITY operator.NAME"
            )
        return name


def read_settings(path: Path) -> OperatorSettings:
    """Read the file of an operator.

    Raises:
        FleetError: it cannot be read, or has mistakes, which are all told.
    """
    advice = "Say where they are with --settings; fleet/broker/README.md has an example."
    return read_settings_file(path, OperatorSettings, "operator", advice)
