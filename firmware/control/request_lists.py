"""Every request that a local socket understands, a closed list for each role."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from firmware.control.admin_requests import (
    ConfigHistoryRequest,
    ConfigRevertRequest,
    ConsentRequest,
    ContactAddRequest,
    ContactCardsRequest,
    ContactExportRequest,
    ContactImportRequest,
    ContactListRequest,
    ContactRemoveRequest,
    DoctorRequest,
    DocumentTakeRequest,
    KeyRotateRequest,
    LedgerShowRequest,
    LedgerVerifyRequest,
    LogRequest,
    MyDataExportRequest,
    MyDataImportRequest,
    PageRequest,
    PictureAddRequest,
    PictureListRequest,
    PictureRemoveRequest,
    ResetRequest,
    StatusRequest,
)
from firmware.control.requests import (
    BundleBeginRequest,
    BundleFollowRequest,
    BundleRequest,
    ConfigurationRequest,
    ConnectionRequest,
    CopyRequest,
    DoneRequest,
    ExportFetchRequest,
    ExportListRequest,
    ExportWrittenRequest,
    IdentityRequest,
    MovedRequest,
    NetworkBundleRequest,
    NextRequest,
    ReceivedRequest,
    ReportedRequest,
    Request,
    Role,
    StickDoneRequest,
    StickRemovedRequest,
)


def _by_name(*models: type[Request]) -> Mapping[str, type[Request]]:
    return MappingProxyType({str(model.__struct_config__.tag): model for model in models})


REQUESTS: Final[Mapping[Role, Mapping[str, type[Request]]]] = MappingProxyType(
    {
        Role.SYNC: _by_name(
            ConfigurationRequest,
            NextRequest,
            DoneRequest,
            ConnectionRequest,
            ReceivedRequest,
            MovedRequest,
            NetworkBundleRequest,
        ),
        Role.STICK: _by_name(
            IdentityRequest,
            BundleBeginRequest,
            BundleRequest,
            BundleFollowRequest,
            CopyRequest,
            StickDoneRequest,
            ReportedRequest,
            StickRemovedRequest,
            ExportListRequest,
            ExportFetchRequest,
            ExportWrittenRequest,
        ),
        Role.ADMIN: _by_name(
            StatusRequest,
            PageRequest,
            DoctorRequest,
            ConsentRequest,
            LedgerVerifyRequest,
            LedgerShowRequest,
            DocumentTakeRequest,
            KeyRotateRequest,
            ResetRequest,
            MyDataExportRequest,
            MyDataImportRequest,
            ContactExportRequest,
            ExportFetchRequest,
            ExportWrittenRequest,
            LogRequest,
            PictureListRequest,
            PictureAddRequest,
            PictureRemoveRequest,
            ContactListRequest,
            ContactAddRequest,
            ContactImportRequest,
            ContactCardsRequest,
            ContactRemoveRequest,
            ConfigHistoryRequest,
            ConfigRevertRequest,
        ),
    }
)
