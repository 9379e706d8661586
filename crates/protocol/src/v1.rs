//! JSON bodies of the web API, version 1.
//!
//! Names are `snake_case`, ids opaque strings, moments RFC 3339 in UTC, sizes bytes. Requests refuse fields
//! they do not know; answers may get new ones, and their readers skip what they do not know.

mod account;
mod chunks;
mod device_codes;
mod devices;
mod events;
mod folders;
mod past;
mod server;
mod session;
mod space;
mod trash;
mod uploads;
mod versions;
mod views;

pub use account::{
    AppPasswordEntry, AppPasswordRequest, AppPasswordsResponse, CeremonyResponse, ConfirmSecondFactorRequest,
    EnrolmentResponse, NewAppPasswordResponse, NewPasskeyRequest, PasskeyEntry, PasskeySessionRequest,
    PasskeysResponse, PasswordAndCode, PasswordOnceMore, RecoveryCodesResponse, RemoveSecondFactorRequest,
    RenamePasskeyRequest, SecondFactorEntry, SecondFactorPolicy, SecurityResponse,
};
pub use chunks::{MissingRequest, MissingResponse};
pub use device_codes::{
    DecideDeviceCodeRequest, DeviceCodeRequest, DeviceCodeResponse, DeviceCodeState, FindDeviceCodeRequest,
    PollDeviceCodeRequest, WaitingDevice,
};
pub use devices::{LinkRequest, LinkResponse};
pub use events::{CLOSE_RECONNECT, RightsChanged, Wake};
pub use folders::{FolderEntry, FolderKind, FoldersResponse, WireNameRule, WirePrivilege};
pub use past::{
    ChildrenResponse, DifferenceCounts, DifferenceEntry, DifferenceSide, DifferencesResponse,
    FolderRestoreRequest, FolderRestoreResponse, KeptEntry, PastEntry,
};
pub use server::{ClientInfo, ServerResponse, TransferLimits, WireLimits, capability};
pub use session::{SecondStepRequest, SecondStepResponse, SessionRequest, SessionResponse};
pub use space::SpaceResponse;
pub use trash::{TrashEntry, TrashRefusal, TrashResponse, TrashRestoreRequest, TrashRestoreResponse};
pub use uploads::{OpenUploadRequest, UploadResponse};
pub use versions::{
    PinRequest, PlaceEntry, RestoreRequest, RestoreResponse, VersionEntry, VersionOriginWord,
    VersionsResponse,
};
pub use views::{ViewName, ViewRequest, ViewResponse};
