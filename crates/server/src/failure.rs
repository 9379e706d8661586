//! Errors on their way to problem answers: all of them pass here.

use auth::app_password::AppPasswordError;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Denied;
use protocol::bundle::BundleError;
use protocol::{PROBLEM_MEDIA_TYPE, Problem, ProblemKind};

tokio::task_local! {
    /// The id of the request that is being answered.
    pub(crate) static REQUEST_ID: String;
}

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Box<Problem>,
    retry_after: Option<u64>,
    /// What the log is told, and only the log.
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    pub(crate) fn new(kind: ProblemKind) -> Self {
        Self { problem: Box::new(Problem::new(kind)), retry_after: None, cause: None }
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = Some(detail.into());
        self
    }

    pub(crate) fn member(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.problem.members.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self.member("retry_after", seconds)
    }

    fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The server's own fault; the caller is told nothing of it.
    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ProblemKind::Internal).because(cause)
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Invalid).detail(detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(ProblemKind::NotFound)
    }

    /// Over a limit that is announced.
    pub(crate) fn over_limit(limit: &'static str, maximum: u64) -> Self {
        Self::new(ProblemKind::TooLarge)
            .detail(format!("The request is over the limit '{limit}' of {maximum}."))
            .member("limit", limit)
            .member("maximum", maximum)
    }

    /// The document, for a stream that has begun already.
    pub(crate) fn into_problem(self) -> Problem {
        self.log();
        *self.problem
    }

    fn log(&self) {
        if let Some(cause) = &self.cause {
            if self.problem.status >= 500 {
                tracing::error!(problem = %self.problem.r#type, cause = %Causes(&**cause), "request failed");
            } else {
                tracing::info!(problem = %self.problem.r#type, cause = %Causes(&**cause), "request refused");
            }
        }
    }
}

/// An error and what is behind it, on one line.
struct Causes<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

impl IntoResponse for Failure {
    fn into_response(mut self) -> Response {
        self.log();
        // Outside of a request there is none to name.
        let _ = REQUEST_ID
            .try_with(|id| self.problem.members.insert("request_id".to_owned(), id.as_str().into()));
        let text = serde_json::to_vec(&self.problem).expect("a problem has string keys only");
        let mut response = Response::new(Body::from(text));
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<metadata::Error> for Failure {
    fn from(error: metadata::Error) -> Self {
        use metadata::ErrorKind;
        let kind = match error.kind() {
            ErrorKind::NotFound => ProblemKind::NotFound,
            ErrorKind::Invalid => ProblemKind::Invalid,
            ErrorKind::Full => ProblemKind::DiskFull,
            ErrorKind::Busy | ErrorKind::Unavailable => ProblemKind::Unavailable,
            ErrorKind::Conflict | ErrorKind::Corrupt => ProblemKind::Internal,
        };
        let failure = Self::new(kind).because(error);
        if kind == ProblemKind::Unavailable { failure.retry_after(1) } else { failure }
    }
}

impl From<content::Error> for Failure {
    fn from(error: content::Error) -> Self {
        use content::ErrorKind;
        match error.kind() {
            ErrorKind::Invalid => {
                let failure =
                    Self::new(ProblemKind::WrongChunk).detail("A chunk's bytes are not what its id names.");
                match error.chunk() {
                    Some(chunk) => failure.member("chunk", chunk.to_string()),
                    None => failure,
                }
            }
            ErrorKind::NoSpace => Self::new(ProblemKind::DiskFull).because(error),
            ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Busy | ErrorKind::Io => {
                Self::internal(error)
            }
        }
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::TooLong { maximum } => Self::over_limit("bundle_bytes", maximum),
            BundleError::RecordTooLong(_) => {
                Self::over_limit("record_bytes", protocol::bundle::RECORD_BYTES_MAX as u64)
            }
            other => Self::new(ProblemKind::MalformedBundle).detail(format!("{other}.")),
        }
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Hidden => Self::not_found(),
            Denied::Forbidden => Self::new(ProblemKind::Forbidden),
        }
    }
}

impl From<auth::Refused> for Failure {
    fn from(refused: auth::Refused) -> Self {
        match refused {
            auth::Refused::Denied(denied) => denied.into(),
            auth::Refused::Database(error) => error.into(),
        }
    }
}

impl From<auth::LinkError> for Failure {
    fn from(error: auth::LinkError) -> Self {
        use auth::LinkError;
        match error {
            LinkError::Wrong => Self::new(ProblemKind::SignInFailed),
            LinkError::SecondFactorNeeded => Self::new(ProblemKind::SecondFactorNeeded)
                .detail("Show a code of the authenticator app or a recovery code, too, or link the device by its code."),
            LinkError::NotFresh => Self::new(ProblemKind::SignInFailed).detail(format!("{error}.")),
            LinkError::WrongCode => Self::new(ProblemKind::WrongCode),
            LinkError::KeyLost => Self::new(ProblemKind::WrongCode).detail(format!("{error}.")),
            LinkError::TooMany { retry_after_seconds } => Self::new(ProblemKind::TooManyRequests)
                .detail("Too many attempts.")
                .retry_after(retry_after_seconds),
            LinkError::BadDeviceName => Self::invalid(format!("{error}.")),
            LinkError::NoRandomness(error) => Self::internal(error),
            LinkError::Database(error) => error.into(),
        }
    }
}

impl From<auth::SecondStepError> for Failure {
    fn from(error: auth::SecondStepError) -> Self {
        match error {
            auth::SecondStepError::Unknown => Self::not_found().detail("This sign-in is not known any more."),
            auth::SecondStepError::Link(error) => error.into(),
        }
    }
}

impl From<auth::EnrolmentError> for Failure {
    fn from(error: auth::EnrolmentError) -> Self {
        use auth::EnrolmentError;
        match error {
            EnrolmentError::Already => Self::new(ProblemKind::AlreadyExists).detail(format!("{error}.")),
            EnrolmentError::NotBegun => Self::not_found().detail(format!("{error}.")),
            EnrolmentError::Link(error) => error.into(),
        }
    }
}

impl From<auth::PasskeyError> for Failure {
    fn from(error: auth::PasskeyError) -> Self {
        use auth::PasskeyError;
        match error {
            PasskeyError::Unknown => Self::not_found().detail(format!("{error}.")),
            PasskeyError::Refused => Self::new(ProblemKind::SignInFailed).detail(format!("{error}.")),
            PasskeyError::BadName => Self::invalid(format!("{error}.")),
            PasskeyError::TooMany => Self::new(ProblemKind::AlreadyExists).detail(format!("{error}.")),
            PasskeyError::Failed(_) => Self::internal(error),
            PasskeyError::Link(error) => error.into(),
        }
    }
}

impl From<AppPasswordError> for Failure {
    fn from(error: AppPasswordError) -> Self {
        match error {
            AppPasswordError::NoRandomness(error) => Self::internal(error),
            AppPasswordError::Database(error) => error.into(),
            AppPasswordError::TooMany => Self::new(ProblemKind::AlreadyExists).detail(format!("{error}.")),
            refused => Self::invalid(format!("{refused}.")),
        }
    }
}

impl From<auth::CodeError> for Failure {
    fn from(error: auth::CodeError) -> Self {
        use auth::CodeError;
        match error {
            CodeError::Unknown => Self::not_found().detail("No device waits under this code."),
            CodeError::TooSoon { retry_after_seconds } => Self::new(ProblemKind::TooManyRequests)
                .detail("The device asks more often than it was told to.")
                .retry_after(retry_after_seconds),
            CodeError::Link(error) => error.into(),
        }
    }
}

impl From<versioning::Error> for Failure {
    fn from(error: versioning::Error) -> Self {
        use versioning::Error;
        match error {
            Error::Denied(denied) => denied.into(),
            Error::Link(_) => Self::not_found(),
            Error::Outdated => Self::new(ProblemKind::PreconditionFailed),
            Error::KeyReused => Self::new(ProblemKind::IdempotencyMismatch),
            Error::Limit { what, most } => Self::new(ProblemKind::TooLarge)
                .detail(format!("Too much in one call: {what}."))
                .member("limit", what)
                .member("maximum", most),
            Error::Invalid(detail) => Self::invalid(detail),
            Error::NotFound(what) => Self::not_found().detail(format!("There is no such {what}.")),
            Error::NotCovered { since } => Self::not_found()
                .detail("The folder's past is not kept from so long ago.")
                .member("covered_since", since.0),
            Error::NameTaken => Self::invalid("The name is taken."),
            Error::Quota => Self::new(ProblemKind::QuotaExceeded),
            Error::UnknownView => Self::new(ProblemKind::UnknownView),
            Error::ViewGone => Self::new(ProblemKind::ViewGone),
            Error::CursorExpired | Error::RolledBack => Self::new(ProblemKind::CursorExpired),
            Error::Database(error) => error.into(),
            Error::Content(error) => error.into(),
        }
    }
}
