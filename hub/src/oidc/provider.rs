//! The provider: what it says of itself, where people are sent, and what their code is redeemed for.
//!
//! What must stay true: each answer is bounded in time and bytes, over TLS, and no redirect is followed; a provider that
//! is away, or says of itself what cannot be believed, is not asked again for some seconds, and keeps nobody else waiting
//! meanwhile.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flip_protocol::{UnixMillis, text};
use openidconnect::core::{CoreAuthenticationFlow, CoreTokenResponse};
use openidconnect::url::Url;
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthenticationContextClass, AuthorizationCode, CsrfToken, DiscoveryError,
    HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SubjectIdentifier, TokenResponse as _,
    UserInfoError, http,
};
use reqwest::redirect::Policy;
use tokio::sync::{Mutex, Semaphore};

use super::begun::{AllBegun, Begun};
use super::settings::Settings;
use super::token::{self, Address, Metadata, UserInfo};
use super::{CALLBACK, Refused, SIGN_IN};
use crate::bounds;
use crate::clock;
use crate::email::EmailAddress;
use crate::throttle::Network;

/// The identity provider.
pub struct Provider {
    settings: Settings,
    redirect: RedirectUrl,
    http: Http,
    begun: AllBegun,
    console: String,
    known: Mutex<Known>,
    /// When it was last found away; 0: it is not.
    away_ms: AtomicU64,
    at_once: Semaphore,
}

/// What is known of it.
#[derive(Default)]
struct Known {
    /// What it says of itself, and since when that is known.
    metadata: Option<(Arc<Metadata>, UnixMillis)>,
    /// What was wrong with what it said of itself when it was asked last, and when that was.
    wrong: Option<(String, UnixMillis)>,
}

/// What a browser is sent to the provider with.
pub struct Sent {
    /// Where to.
    pub url: Url,
    /// The cookie that knows the browser again.
    pub cookie: String,
}

/// What a browser brings back from the provider.
#[derive(Debug, Clone, Default)]
pub struct Handed {
    /// By which it is known what it belongs to.
    pub state: String,
    /// What is redeemed.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// Who the provider says it is (RFC 9207).
    pub issuer: Option<String>,
}

/// Whom the provider vouches for.
pub struct Redeemed {
    /// Who they are there, for good.
    pub subject: String,
    /// Whether it asked them for a second factor that counts here.
    pub second_factor: bool,
    /// The ID token, where it is short enough to sign out there with.
    pub id_token: Option<String>,
    /// The path to go to afterwards.
    pub next: String,
    address: Address,
    access: AccessToken,
}

/// Why an answer of the provider could not be had.
#[derive(Debug, thiserror::Error)]
enum HttpError {
    /// The connection.
    #[error("the connection to the provider")]
    Connection(#[from] reqwest::Error),
    /// Too many bytes.
    #[error("an answer of the provider has more than {} bytes", bounds::OIDC_ANSWER_BYTES)]
    TooLong,
    /// No answer that could be.
    #[error("an answer of the provider that is none")]
    Answer(#[from] http::Error),
    /// The provider has trouble.
    #[error("the provider answers with status {0}")]
    Status(u16),
}

/// The way to it.
struct Http(reqwest::Client);

impl Http {
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut reply = self.0.execute(request.try_into()?).await?;
        if reply.status().is_server_error() {
            return Err(HttpError::Status(reply.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await? {
            if body.len() + chunk.len() > bounds::OIDC_ANSWER_BYTES {
                return Err(HttpError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::builder().status(reply.status());
        if let Some(kind) = reply.headers().get(http::header::CONTENT_TYPE) {
            response = response.header(http::header::CONTENT_TYPE, kind);
        }
        Ok(response.body(body)?)
    }
}

/// Boxed, because the library would not otherwise see that it can be sent between threads.
impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

/// Something of the provider's that is not as it has to be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Wrong(String);

impl Provider {
    /// That of these settings, for people who reach the console at that URL. Nothing is asked of it yet.
    pub fn new(settings: Settings, console: &str) -> anyhow::Result<Self> {
        // One cryptographic library for all of the program's TLS; where it is installed already, it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .https_only(true)
            .redirect(Policy::none())
            .timeout(bounds::OIDC_STEP)
            .user_agent(concat!("flip-hub/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = &settings.ca {
            http = http.tls_certs_only([ca.clone()]);
        }
        Ok(Self {
            redirect: RedirectUrl::new(format!("{console}{CALLBACK}"))?,
            settings,
            http: Http(http.build()?),
            begun: AllBegun::default(),
            console: console.to_owned(),
            known: Mutex::default(),
            away_ms: AtomicU64::new(0),
            at_once: Semaphore::new(bounds::OIDC_AT_ONCE),
        })
    }

    /// What people call it.
    pub fn label(&self) -> &str {
        &self.settings.label
    }

    /// Its issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Whether it was away a moment ago.
    pub fn is_away(&self, now: UnixMillis) -> bool {
        let away = self.away_ms.load(Ordering::Relaxed);
        away != 0 && now.since(UnixMillis(away)) < bounds::OIDC_AWAY_SAID_MS
    }

    /// Begins a sign-in that leads to `next` afterwards.
    pub async fn begin(&self, next: String, from: Network, now: UnixMillis) -> Result<Sent, Refused> {
        let metadata = self.metadata(now, None).await?;
        let [state, nonce, verifier, cookie] = [(); 4].map(|()| text::encode(&clock::random_bytes::<32>()));
        let (verifier, nonce) = (PkceCodeVerifier::new(verifier), Nonce::new(nonce));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let client = token::client(&self.settings, &metadata).set_redirect_uri(self.redirect.clone());
        let (sent_state, sent_nonce) = (CsrfToken::new(state.clone()), nonce.clone());
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || sent_state, || sent_nonce)
            .set_pkce_challenge(challenge);
        // The library asks for `openid` itself.
        for scope in self.settings.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        for class in &self.settings.second_factor.classes {
            request = request.add_auth_context_value(AuthenticationContextClass::new(class.clone()));
        }
        let (url, ..) = request.url();
        let expires = now.plus(bounds::OIDC_BEGUN_MS);
        let begun = Begun { state, nonce, verifier, next, from, expires };
        if self.begun.put(&cookie, begun, now) { Ok(Sent { url, cookie }) } else { Err(Refused::Busy) }
    }

    /// Where the sign-in leads that the browser with that cookie began, while it is not used up.
    pub fn leads_to(&self, cookie: &str, state: &str, now: UnixMillis) -> Option<String> {
        self.begun.leads_to(cookie, state, now)
    }

    /// Where somebody signs out there, who was let in with that ID token; `None` where one cannot, or it does not say.
    pub async fn sign_out(&self, id_token: Option<&str>, now: UnixMillis) -> Option<Url> {
        // Nobody waits for it: what it said at any time will do.
        let said = async {
            let known = self.known.lock().await.metadata.as_ref().map(|(metadata, _)| Arc::clone(metadata));
            if known.is_some() { known } else { self.metadata(now, None).await.ok() }
        };
        let metadata = tokio::time::timeout(bounds::OIDC_LEAVE, said).await.ok()??;
        token::sign_out(&self.settings, &metadata, id_token, &format!("{}{SIGN_IN}", self.console))
    }

    /// Redeems what the browser with that cookie brings back. While the hub is busy or the provider away, nothing is used
    /// up: the same can be brought again.
    pub async fn redeem(
        &self,
        cookie: Option<&str>,
        handed: Handed,
        now: UnixMillis,
    ) -> Result<Redeemed, Refused> {
        let cookie = cookie.filter(|cookie| self.leads_to(cookie, &handed.state, now).is_some());
        let cookie = cookie.ok_or(Refused::NotBegun)?;
        let _one_of_few = self.at_once.try_acquire().map_err(|_| Refused::Busy)?;
        let metadata = self.metadata(now, None).await?;
        let begun = self.begun.take(cookie, &handed.state, now).ok_or(Refused::NotBegun)?;
        if !token::is_from(&metadata, handed.issuer.as_deref()) {
            return Err(unsound(Wrong("what came back names another issuer, or none".to_owned())));
        }
        if let Some(error) = handed.error {
            return Err(said(&error));
        }
        let code = handed.code.ok_or_else(|| unsound(Wrong("there is no code".to_owned())))?;
        let client = token::client(&self.settings, &metadata).set_redirect_uri(self.redirect.clone());
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(unsound)?;
        let reply: CoreTokenResponse =
            request.set_pkce_verifier(begun.verifier).request_async(&self.http).await.map_err(|error| {
                match error {
                    RequestTokenError::Request(error) => self.of_http(error),
                    RequestTokenError::ServerResponse(response) => said(response.error().as_ref()),
                    other @ (RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => {
                        unsound(Wrong(format!("its answer to a code: {other}")))
                    }
                }
            })?;
        self.away_ms.store(0, Ordering::Relaxed);
        let (id_token, access) = (reply.id_token(), reply.access_token());
        let renewed;
        let claims = match token::check(&client, id_token, access, &begun.nonce) {
            Err(error) if error.lacks_key() => {
                renewed = token::client(&self.settings, &*self.metadata(now, Some(&metadata)).await?);
                token::check(&renewed, id_token, access, &begun.nonce)
            }
            checked => checked,
        }
        .map_err(unsound)?;
        let methods: Vec<String> =
            claims.auth_method_refs().into_iter().flatten().map(|method| method.to_string()).collect();
        let class = claims.auth_context_ref().map(|class| class.as_str());
        let id_token = id_token.map(ToString::to_string);
        Ok(Redeemed {
            subject: claims.subject().to_string(),
            second_factor: self.settings.second_factor.is_in(&methods, class),
            id_token: id_token.filter(|token| token.len() <= bounds::OIDC_HINT_BYTES),
            next: begun.next,
            address: token::address(claims.email(), claims.email_verified()),
            access: access.clone(),
        })
    }

    /// The address that the provider vouches for: from the token, else it is asked.
    pub async fn address(&self, of: &Redeemed, now: UnixMillis) -> Result<EmailAddress, Refused> {
        let address = match &of.address {
            Address::Unsaid => self.asked_address(of, now).await?,
            said @ (Address::Unverified | Address::Verified(_)) => said.clone(),
        };
        match address {
            Address::Verified(address) => Ok(address),
            Address::Unsaid | Address::Unverified => Err(Refused::NoAddress),
        }
    }

    async fn asked_address(&self, of: &Redeemed, now: UnixMillis) -> Result<Address, Refused> {
        // Waited for, as the sign-in is used up by now.
        let _one_of_few = self.at_once.acquire().await.map_err(|_| Refused::Busy)?;
        let metadata = self.metadata(now, None).await?;
        if metadata.userinfo_endpoint().is_none() {
            return Ok(Address::Unsaid);
        }
        let client = token::client(&self.settings, &metadata);
        let subject = SubjectIdentifier::new(of.subject.clone());
        let request = client.user_info(of.access.clone(), Some(subject)).map_err(unsound)?;
        let info: UserInfo = request.request_async(&self.http).await.map_err(|error| {
            let wrong = Wrong(format!("what it says of a person: {error}"));
            if let UserInfoError::Request(error) = error { self.of_http(error) } else { unsound(wrong) }
        })?;
        Ok(token::address(info.email(), info.email_verified()))
    }

    /// What the provider says of itself, asked for where it is not known or was too long ago; also where `stale` is all
    /// that is known and a key is not in it.
    async fn metadata(
        &self,
        now: UnixMillis,
        stale: Option<&Arc<Metadata>>,
    ) -> Result<Arc<Metadata>, Refused> {
        let mut known = self.known.lock().await;
        if let Some((metadata, since)) = &known.metadata {
            let age = now.since(*since);
            let is_stale = stale.is_some_and(|stale| Arc::ptr_eq(stale, metadata));
            if age < bounds::OIDC_KNOWN_MS && (!is_stale || age < bounds::OIDC_KEYS_AGAIN_MS) {
                return Ok(Arc::clone(metadata));
            }
        }
        if let Some((wrong, when)) = &known.wrong
            && now.since(*when) < bounds::OIDC_AWAY_MS
        {
            return Err(unsound(Wrong(format!("{wrong}, a moment ago"))));
        }
        let away = self.away_ms.load(Ordering::Relaxed);
        if away != 0 && now.since(UnixMillis(away)) < bounds::OIDC_AWAY_MS {
            return Err(Refused::Away(Box::new(Wrong("it was away a moment ago".to_owned()))));
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(unsound)?;
        let discovered = Metadata::discover_async(issuer, &self.http).await.map_err(|error| {
            let wrong = Wrong(format!("what it says of itself: {error}"));
            if let DiscoveryError::Request(error) = error { self.of_http(error) } else { unsound(wrong) }
        });
        let discovered =
            discovered.and_then(|metadata| match metadata.authorization_endpoint().url().scheme() {
                "https" => Ok(Arc::new(metadata)),
                _ => Err(unsound(Wrong("its authorization endpoint is not https".to_owned()))),
            });
        match &discovered {
            Ok(metadata) => {
                self.away_ms.store(0, Ordering::Relaxed);
                *known = Known { metadata: Some((Arc::clone(metadata), now)), wrong: None };
            }
            // Else each who comes would have it asked again.
            Err(Refused::Unsound(wrong)) => known.wrong = Some((wrong.to_string(), clock::now())),
            Err(_) => {}
        }
        discovered
    }

    fn of_http(&self, error: HttpError) -> Refused {
        match error {
            HttpError::Connection(_) | HttpError::Status(_) => self.found_away(error),
            HttpError::TooLong | HttpError::Answer(_) => unsound(error),
        }
    }

    fn found_away(&self, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Refused {
        // Its answer was waited for: the moment is now, not when somebody came.
        self.away_ms.store(clock::now().0, Ordering::Relaxed);
        Refused::Away(why.into())
    }
}

fn unsound(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Refused {
    Refused::Unsound(why.into())
}

/// What the provider says instead of vouching (RFC 6749 §4.1.2.1). A browser can have brought anything.
fn said(code: &str) -> Refused {
    let plain =
        !code.is_empty() && code.len() <= 60 && code.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    match code {
        "access_denied" => Refused::Cancelled,
        _ if plain => Refused::Said(code.to_owned()),
        _ => unsound(Wrong("an error without a code".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::settings::SecondFactor;
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn provider() -> Provider {
        provider_at("https://login.example.org")
    }

    fn provider_at(issuer: &str) -> Provider {
        let settings = Settings {
            issuer: issuer.to_owned(),
            client_id: "flip".to_owned(),
            client_secret: None,
            label: "Example Health".to_owned(),
            scopes: Vec::new(),
            ca: None,
            second_factor: SecondFactor::default(),
        };
        Provider::new(settings, "https://hub.example").unwrap()
    }

    fn begun() -> Begun {
        Begun {
            state: "state".to_owned(),
            nonce: Nonce::new("nonce".to_owned()),
            verifier: PkceCodeVerifier::new("verifier".to_owned()),
            next: "/trusts".to_owned(),
            from: Network::of(IpAddr::from([192, 0, 2, 7])),
            expires: NOW.plus(bounds::OIDC_BEGUN_MS),
        }
    }

    #[tokio::test]
    async fn a_busy_hub_and_a_provider_that_is_away_use_up_no_sign_in() {
        let provider = provider();
        assert!(provider.begun.put("cookie", begun(), NOW));
        let handed = Handed { state: "state".to_owned(), code: Some("code".to_owned()), ..Handed::default() };
        let redeem = async || provider.redeem(Some("cookie"), handed.clone(), NOW).await.err();
        let all = provider.at_once.try_acquire_many(u32::try_from(bounds::OIDC_AT_ONCE).unwrap()).unwrap();
        assert!(matches!(redeem().await, Some(Refused::Busy)));
        drop(all);
        provider.away_ms.store(NOW.0, Ordering::Relaxed);
        assert!(matches!(redeem().await, Some(Refused::Away(_))));
        assert_eq!(provider.leads_to("cookie", "state", NOW).as_deref(), Some("/trusts"));
        assert!(provider.leads_to("another", "state", NOW).is_none());
        assert!(matches!(
            provider.redeem(Some("another"), handed.clone(), NOW).await,
            Err(Refused::NotBegun)
        ));
    }

    #[tokio::test]
    async fn one_that_hangs_is_left_alone_from_when_it_was_given_up() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = provider_at(&format!("https://{}", silent.local_addr().unwrap()));
        let hanging = tokio::spawn(async move {
            let _held = silent.accept().await.unwrap();
            // Whoever asks again is counted.
            silent.accept().await.unwrap();
        });
        for _ in 0..2 {
            let refused = provider.metadata(clock::now(), None).await.err();
            assert!(matches!(refused, Some(Refused::Away(_))), "{refused:?}");
        }
        assert!(!hanging.is_finished(), "it was asked again at once");
        hanging.abort();
    }

    #[tokio::test]
    async fn what_is_wrong_with_what_it_says_of_itself_is_remembered_for_some_seconds() {
        let provider = provider();
        provider.known.lock().await.wrong = Some(("no".to_owned(), NOW));
        let just_before = NOW.plus(bounds::OIDC_AWAY_MS - 1);
        let refused = provider.metadata(just_before, None).await.err();
        assert!(matches!(refused, Some(Refused::Unsound(_))), "{refused:?}");
        assert!(provider.sign_out(None, just_before).await.is_none(), "without knowing the provider");
    }
}
