//! Linking by a code that somebody approves elsewhere (RFC 8628).

use super::{Remote, RemoteError};
use http::Method;
use model::{DeviceId, UserId};
use protocol::ProblemKind;
use protocol::v1::{DeviceCodeRequest, DeviceCodeResponse, DeviceCodeState, PollDeviceCodeRequest};
use std::time::Duration;
use tokio::time::Instant;

/// How much longer to wait after having asked too soon.
const SLOW_DOWN_SECONDS: u64 = 5;
const INTERVAL_SECONDS_MAX: u64 = 60;

/// What became of a code.
#[derive(Debug)]
pub enum Approval {
    /// The device is linked.
    Linked {
        /// The account.
        user: UserId,
        /// Its name.
        user_name: String,
        /// The device.
        device: DeviceId,
        /// What it shows from now on.
        token: String,
    },
    /// Somebody said no.
    Denied,
    /// Nobody decided in time, or the server has forgotten the code.
    Ended,
}

/// Asks for codes to link this device with.
pub async fn ask_for_code(remote: &Remote, device: &str) -> Result<DeviceCodeResponse, RemoteError> {
    let question = DeviceCodeRequest { device: device.to_owned(), platform: std::env::consts::OS.to_owned() };
    remote.json(Method::POST, "/devices/codes", Some(&question)).await
}

/// Waits until somebody decided, asking as often as the server likes. A server that is away for a while is asked again.
pub async fn wait_for_approval(remote: &Remote, code: &DeviceCodeResponse) -> Result<Approval, RemoteError> {
    let question = PollDeviceCodeRequest { device_code: code.device_code.clone() };
    let mut interval = code.interval_seconds;
    // A little longer than the code lives: the server says that it has ended, and not this machine's clock.
    let end = Instant::now() + Duration::from_secs(code.remaining_seconds.min(86_400) + INTERVAL_SECONDS_MAX);
    loop {
        interval = interval.clamp(1, INTERVAL_SECONDS_MAX);
        tokio::time::sleep(Duration::from_secs(interval)).await;
        match remote.json(Method::POST, "/devices/codes/poll", Some(&question)).await {
            Ok(DeviceCodeState::Waiting { interval_seconds, .. }) => interval = interval_seconds,
            Ok(DeviceCodeState::Denied) => return Ok(Approval::Denied),
            Ok(DeviceCodeState::Linked { device, user, user_name, token }) => {
                return Ok(Approval::Linked { user, user_name, device, token });
            }
            Err(RemoteError::Unreachable { .. }) => {}
            Err(error) => match error.problem() {
                Some(ProblemKind::TooManyRequests) => interval += SLOW_DOWN_SECONDS,
                Some(ProblemKind::Unavailable) => {}
                Some(ProblemKind::NotFound) => return Ok(Approval::Ended),
                _ => return Err(error),
            },
        }
        if Instant::now() > end {
            return Ok(Approval::Ended);
        }
    }
}
