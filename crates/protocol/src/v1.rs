//! JSON bodies of the web API, version 1.
//!
//! Names are `snake_case`, ids opaque strings, moments RFC 3339 in UTC, sizes bytes. Requests refuse fields
//! they do not know; answers may get new ones, and their readers skip what they do not know.

mod account;
mod accounts;
mod activity;
mod chunks;
mod conflicts;
mod device_codes;
mod device_list;
mod devices;
mod events;
mod folders;
mod grants;
mod links;
mod log;
mod managed_folders;
mod networks;
mod overview;
mod past;
mod search;
mod server;
mod session;
mod settings;
mod setup;
mod single_sign_on;
mod space;
mod trash;
mod uploads;
mod versions;
mod views;
mod work;

pub use account::{
    AppPasswordEntry, AppPasswordRequest, AppPasswordsResponse, CeremonyResponse, ConfirmSecondFactorRequest,
    EnrolmentResponse, NewAppPasswordResponse, NewPasskeyRequest, PasskeyEntry, PasskeySessionRequest,
    PasskeysResponse, PasswordAndCode, PasswordOnceMore, RecoveryCodesResponse, RemoveSecondFactorRequest,
    RenamePasskeyRequest, SecondFactorEntry, SecondFactorPolicy, SecurityResponse,
};
pub use accounts::{
    AccountChange, AccountEntry, GroupChange, GroupResponse, GroupSummary, GroupsResponse, HomeResponse,
    MEMBERS_MAX, NamedGroup, NamedUser, NewAccountRequest, NewGroupRequest, PasswordRequest, StandardRates,
    UsersResponse,
};
pub use activity::{
    ActivityEntry, ActivityResponse, ActivityWord, FolderActivityEntry, FolderActivityResponse,
};
pub use chunks::{MissingRequest, MissingResponse};
pub use conflicts::{
    ConflictChoice, ConflictEntry, ConflictSide, ConflictsResponse, SettleConflictRequest,
    SettleConflictResponse,
};
pub use device_codes::{
    DecideDeviceCodeRequest, DeviceCodeRequest, DeviceCodeResponse, DeviceCodeState, FindDeviceCodeRequest,
    PollDeviceCodeRequest, WaitingDevice,
};
pub use device_list::{
    AllDevicesResponse, DeviceWipe, DevicesResponse, LinkedDevice, OwnedDevice, SettleDeviceRequest,
    WaitingDevicesResponse, WipedRequest,
};
pub use devices::{LinkRequest, LinkResponse};
pub use events::{CLOSE_RECONNECT, RightsChanged, Wake};
pub use folders::{FolderEntry, FolderKind, FoldersResponse, WireNameRule, WirePrivilege};
pub use grants::{
    CandidatesResponse, EFFECTIVE_MAX, EffectivePrivilege, GRANTS_MAX, Grant, GrantsRequest, GrantsResponse,
    NamedGrant, SubjectId,
};
pub use links::{
    ChangeLinkRequest, LinkAnswer, LinkEntry, LinkPolicyBody, LinksResponse, MakeLinkRequest,
    SharedFolderEntry, SharedWithMeResponse, WireLinkKind, WireLinkState,
};
pub use log::{KeptProof, LogDetail, LogEntry, LogProof, LogResponse, LogRetention};
pub use managed_folders::{
    FolderChange, HoldRequest, ManagedFolder, ManagedFoldersResponse, NewFolderRequest, PlainDirectory,
};
pub use networks::{NetworkLimits, NetworksResponse, WireNetwork};
pub use overview::{
    ConnectedEntry, Finding, FindingKind, FolderShare, GrowthEntry, GrowthResponse, Health, OverviewResponse,
    PreviewState, Share, Throughput, TransferEntry,
};
pub use past::{
    ChildrenResponse, DayEntry, DaysResponse, DifferenceCounts, DifferenceEntry, DifferenceSide,
    DifferencesResponse, FolderRestoreRequest, FolderRestoreResponse, KeptEntry, PastEntry,
};
pub use search::{SearchEntry, SearchResponse};
pub use server::{ClientInfo, ServerResponse, TransferLimits, WireLimits, capability};
pub use session::{SecondStepRequest, SecondStepResponse, SessionRequest, SessionResponse};
pub use settings::{
    ADDRESS_BYTES_MAX, AddressResponse, AddressTestRequest, AddressTestResponse, CertificateState,
    ChosenSettings, QrCode, SettingEntry, SettingOrigin, SettingsResponse, StoragePlace, StorageResponse,
    StoredThing,
};
pub use setup::{EchoResponse, SetupRequest, SetupResponse};
pub use single_sign_on::{
    ChooseSingleSignOn, ConnectRequest, ConnectedIdentity, GroupMapping, OwnSingleSignOn, SSO_GROUPS_MAX,
    SSO_SCOPES_MAX, SSO_SECRET_BYTES_MAX, SSO_TEXT_BYTES_MAX, SingleSignOnBegun, SingleSignOnOffer,
    SingleSignOnReason, SingleSignOnRequest, SingleSignOnResponse, SingleSignOnSettings,
};
pub use space::SpaceResponse;
pub use trash::{TrashEntry, TrashRefusal, TrashResponse, TrashRestoreRequest, TrashRestoreResponse};
pub use uploads::{OpenUploadRequest, UploadResponse};
pub use versions::{
    PinRequest, PlaceEntry, RestoreRequest, RestoreResponse, VersionEntry, VersionOriginWord,
    VersionsResponse,
};
pub use views::{ViewName, ViewRequest, ViewResponse};
pub use work::{
    HeldDeletions, IssuesResponse, PlainIssue, PlainIssues, RunningWork, WorkFigure, WorkKind, WorkRequest,
    WorkResponse, WorkResult,
};
