//! The provider: what it says of itself, where browsers are sent, and what a code is worth.
//!
//! Signatures are verified by `openidconnect`; which algorithms, for whom and for when is chosen here.

use crate::attempts::{Attempt, Begun};
use crate::claims::Rest;
use crate::fetch::{Fetcher, may_be_asked};
use auth::single_sign_on::{Person, SUBJECT_BYTES_MAX};
use model::Timestamp;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
    CoreTokenType,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, Client, ClientId,
    ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken,
    IdTokenClaims, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    StandardErrorResponse, StandardTokenResponse, SubjectIdentifier, TokenResponse as _, UserInfoClaims,
};
use protocol::v1::{SingleSignOnReason as Reason, SingleSignOnSettings};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

/// For how long what a provider says of itself is taken for true without asking again, where somebody begins.
const FRESH: Duration = Duration::from_secs(5);
/// And where somebody comes back.
const KNOWN: Duration = Duration::from_secs(3_600);
/// How often keys are asked for because somebody shows one that is not known.
const KEYS_PERIOD: Duration = Duration::from_secs(60);
/// How far the provider's clock may be from this one.
const SKEW_SECONDS: i64 = 60;
/// The oldest token that is taken: it was made for the code that was just shown.
const TOKEN_AGE_SECONDS: i64 = 600;
/// The most conversations with the provider at a time.
const AT_ONCE: usize = 16;
/// The most names of a person that are looked at, each so long.
const NAME_BYTES_MAX: usize = 255;

/// No `none`, and nothing that the client's secret signs.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 10] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EcdsaP521Sha512,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Fields = IdTokenFields<
    Rest,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Proof = IdToken<Rest, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Claims = IdTokenClaims<Rest, CoreGenderClaim>;
type Here = Client<
    Rest,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why it came to nothing: for the page, and for the log alone.
#[derive(Debug)]
pub struct Refusal {
    pub reason: Reason,
    pub cause: String,
}

fn because(reason: Reason, cause: impl Into<String>) -> Refusal {
    Refusal { reason, cause: cause.into() }
}

/// An error and what is behind it.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Whether a provider is asked by plain HTTP: it is this machine's own.
fn is_plain(issuer: &str) -> bool {
    issuer.starts_with("http:")
}

/// What this server is to the provider.
pub struct Known<'a> {
    /// What administrators chose.
    pub settings: &'a SingleSignOnSettings,
    /// What it proves that it is itself with.
    pub secret: Option<String>,
}

/// Without the secret.
impl std::fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a provider has said of itself.
#[derive(Debug)]
struct Provider {
    metadata: CoreProviderMetadata,
    fetcher: Fetcher,
    plain: bool,
    asked_at: Instant,
}

/// The provider as it was last seen.
#[derive(Debug)]
pub struct Providers {
    known: RwLock<Option<Arc<Provider>>>,
    /// One question about itself at a time.
    asking: Mutex<()>,
    turns: Semaphore,
    time: Duration,
}

impl Providers {
    /// Each answer may take so long.
    #[must_use]
    pub fn new(time: Duration) -> Self {
        Self { known: RwLock::default(), asking: Mutex::default(), turns: Semaphore::new(AT_ONCE), time }
    }

    fn known(&self, issuer: &str, age: Duration) -> Option<Arc<Provider>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.filter(|known| known.metadata.issuer().as_str() == issuer && known.asked_at.elapsed() < age)
    }

    /// The provider, asked now if what it said is older.
    async fn get(&self, issuer: &str, age: Duration) -> Result<Arc<Provider>, Refusal> {
        if let Some(known) = self.known(issuer, age) {
            return Ok(known);
        }
        let _asking = self.asking.lock().await;
        if let Some(known) = self.known(issuer, age) {
            return Ok(known);
        }
        let found = Arc::new(discover(issuer, self.time).await?);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&found));
        Ok(found)
    }
}

async fn discover(issuer: &str, time: Duration) -> Result<Provider, Refusal> {
    let plain = is_plain(issuer);
    let unreachable = |cause: String| because(Reason::Unreachable, cause);
    // It reads files.
    let fetcher = tokio::task::spawn_blocking(move || Fetcher::new(plain, time)).await;
    let fetcher = fetcher.map_err(|error| unreachable(error.to_string()))?;
    let fetcher = fetcher.map_err(|error| unreachable(whole(&error)))?;
    let url = IssuerUrl::new(issuer.to_owned()).map_err(|error| unreachable(whole(&error)))?;
    let found = CoreProviderMetadata::discover_async(url, &fetcher).await;
    let metadata = found.map_err(|error| unreachable(whole(&error)))?;
    if !may_be_asked(metadata.authorization_endpoint().as_str(), plain) {
        return Err(unreachable("its address for browsers is not one to send them to".to_owned()));
    }
    Ok(Provider { metadata, fetcher, plain, asked_at: Instant::now() })
}

impl Provider {
    /// This server as the provider knows it.
    fn client(&self, known: &Known<'_>, redirect: &str) -> Result<Here, Refusal> {
        let client = Here::from_provider_metadata(
            self.metadata.clone(),
            ClientId::new(known.settings.client_id.clone()),
            known.secret.clone().map(ClientSecret::new),
        );
        let redirect = RedirectUrl::new(redirect.to_owned())
            .map_err(|error| because(Reason::WrongAddress, whole(&error)))?;
        let methods = self.metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_some_and(|methods| methods.contains(&method));
        let in_body =
            takes(CoreClientAuthMethod::ClientSecretPost) && !takes(CoreClientAuthMethod::ClientSecretBasic);
        let auth = if in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        Ok(client.set_redirect_uri(redirect).set_auth_type(auth))
    }
}

/// Where the browser goes: asks the provider first, so that nobody is sent where nothing answers.
///
/// # Errors
/// If the provider does not answer as one. Inside: of `begin`.
pub async fn address<E>(
    providers: &Providers,
    known: &Known<'_>,
    redirect: &str,
    begin: impl FnOnce() -> Result<Begun, E>,
) -> Result<Result<(String, Begun), E>, Refusal> {
    let turn = providers.turns.acquire().await;
    let _turn = turn.map_err(|error| because(Reason::Unreachable, error.to_string()))?;
    let client = providers.get(&known.settings.issuer, FRESH).await?.client(known, redirect)?;
    let begun = match begin() {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(error)),
    };
    let challenge =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(begun.verifier.clone()));
    let (state, nonce) = (begun.state.clone(), begun.nonce.clone());
    let (address, _, _) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        )
        .add_scopes(known.settings.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(challenge)
        .url();
    Ok(Ok((address.to_string(), begun)))
}

/// What a code is worth: who the person is.
///
/// # Errors
/// If the provider does not answer as one, does not take the code, or what it says proves nothing.
pub async fn exchange(
    providers: &Providers,
    known: &Known<'_>,
    attempt: &Attempt,
    code: String,
    now: Timestamp,
) -> Result<Person, Refusal> {
    let turn = providers.turns.acquire().await;
    let _turn = turn.map_err(|error| because(Reason::Unreachable, error.to_string()))?;
    let provider = providers.get(&attempt.issuer, KNOWN).await?;
    let client = provider.client(known, &attempt.redirect)?;
    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .map_err(|error| because(Reason::Unreachable, error.to_string()))?
        .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.clone()))
        .request_async(&provider.fetcher)
        .await
        .map_err(|error| match error {
            RequestTokenError::ServerResponse(_) => because(Reason::Refused, whole(&error)),
            error => because(Reason::Unreachable, whole(&error)),
        })?;
    let proof = tokens.id_token().ok_or_else(|| because(Reason::Unproven, "there is no ID token"))?;
    let nonce = Nonce::new(attempt.nonce.clone());
    let claims = match verify(now, &client, proof, &nonce, tokens.access_token()) {
        Err(Unverified::UnknownKey) => {
            let renewed = providers.get(&attempt.issuer, KEYS_PERIOD).await?;
            let client = renewed.client(known, &attempt.redirect)?;
            verify(now, &client, proof, &nonce, tokens.access_token())
        }
        verified => verified,
    };
    let claims = claims.map_err(|error| because(Reason::Unproven, error.text()))?;
    person(&provider, &client, known.settings, claims, tokens.access_token()).await
}

/// Why a token proves nothing.
enum Unverified {
    UnknownKey,
    Otherwise(String),
}

impl Unverified {
    fn text(self) -> String {
        match self {
            Self::UnknownKey => "it is signed by a key that the provider does not name".to_owned(),
            Self::Otherwise(text) => text,
        }
    }
}

fn verify<'a>(
    now: Timestamp,
    client: &Here,
    proof: &'a Proof,
    nonce: &Nonce,
    access: &AccessToken,
) -> Result<&'a Claims, Unverified> {
    let otherwise = |text: &str| Unverified::Otherwise(text.to_owned());
    // The time is looked at below, by the server's clock.
    let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS).set_time_fn(Default::default);
    let claims = proof.claims(&verifier, nonce).map_err(|error| match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            Unverified::UnknownKey
        }
        error => Unverified::Otherwise(whole(&error)),
    })?;
    let (now, _) = now.parts();
    let (made, ends) = (claims.issue_time().timestamp(), claims.expiration().timestamp());
    if ends.saturating_add(SKEW_SECONDS) <= now {
        return Err(otherwise("it has expired"));
    }
    if made > now.saturating_add(SKEW_SECONDS) || made < now.saturating_sub(TOKEN_AGE_SECONDS) {
        return Err(otherwise("it was not made just now"));
    }
    if claims.authorized_party().is_some_and(|party| party.as_str() != client.client_id().as_str()) {
        return Err(otherwise("it was made for another party"));
    }
    if !(1..=SUBJECT_BYTES_MAX).contains(&claims.subject().as_str().len()) {
        return Err(otherwise("its subject is too long, or none"));
    }
    if let Some(expected) = claims.access_token_hash() {
        let hash = proof.signing_alg().map_err(|error| whole(&error)).and_then(|algorithm| {
            let key = proof.signing_key(&verifier).map_err(|error| whole(&error))?;
            AccessTokenHash::from_token(access, algorithm, key).map_err(|error| whole(&error))
        });
        if hash.map_err(Unverified::Otherwise)? != *expected {
            return Err(otherwise("it is not of this access token"));
        }
    }
    Ok(claims)
}

/// Who it is. What the ID token does not say is asked for, as most providers want it.
async fn person(
    provider: &Provider,
    client: &Here,
    settings: &SingleSignOnSettings,
    claims: &Claims,
    access: &AccessToken,
) -> Result<Person, Refusal> {
    let claim = &settings.groups_claim;
    let mut groups = claims.additional_claims().groups(claim);
    let mut names = names([
        claims.preferred_username().map(|name| name.as_str()),
        claims.email().map(|address| address.as_str()),
        claims.name().and_then(|name| name.get(None)).map(|name| name.as_str()),
    ]);
    if groups.is_none() || names.is_empty() {
        let more = user_info(provider, client, claims.subject(), access).await?;
        if let Some(more) = more {
            groups = groups.or_else(|| more.additional_claims().groups(claim));
            names.extend(self::names([
                more.preferred_username().map(|name| name.as_str()),
                more.email().map(|address| address.as_str()),
                more.name().and_then(|name| name.get(None)).map(|name| name.as_str()),
            ]));
        }
    }
    if groups.is_none() && !(settings.groups.is_empty() && settings.administrators.is_none()) {
        tracing::warn!(%claim, "the provider says no groups of somebody who signs in: they are taken to be in none");
    }
    Ok(Person {
        issuer: claims.issuer().as_str().to_owned(),
        subject: claims.subject().as_str().to_owned(),
        names,
        groups: groups.unwrap_or_default(),
    })
}

fn names(said: [Option<&str>; 3]) -> Vec<String> {
    let fits = |name: &&str| (1..=NAME_BYTES_MAX).contains(&name.len());
    said.into_iter().flatten().map(str::trim).filter(fits).map(str::to_owned).collect()
}

async fn user_info(
    provider: &Provider,
    client: &Here,
    subject: &SubjectIdentifier,
    access: &AccessToken,
) -> Result<Option<UserInfoClaims<Rest, CoreGenderClaim>>, Refusal> {
    let Some(endpoint) = provider.metadata.userinfo_endpoint() else { return Ok(None) };
    if !may_be_asked(endpoint.as_str(), provider.plain) {
        return Err(because(Reason::Unreachable, "its address for people's claims is not one to ask"));
    }
    // It goes into a header.
    if !access.secret().bytes().all(|sign| sign.is_ascii_graphic()) {
        return Err(because(Reason::Unproven, "the access token is none"));
    }
    // Whom it is about is held against the ID token's subject.
    let request = client
        .user_info(access.clone(), Some(subject.clone()))
        .map_err(|error| because(Reason::Unreachable, error.to_string()))?;
    let said = request.request_async(&provider.fetcher).await.map_err(|error| match error {
        openidconnect::UserInfoError::ClaimsVerification(_) => because(Reason::Unproven, whole(&error)),
        error => because(Reason::Unreachable, whole(&error)),
    });
    said.map(Some)
}
