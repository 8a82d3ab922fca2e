//! What the provider's answers have to be like before they are believed. Pure.

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGenderClaim,
    CoreGrantType, CoreIdToken, CoreIdTokenClaims, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::url::Url;
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AuthType, ClaimsVerificationError, ClientId,
    ClientSecret, EmptyAdditionalClaims, EndUserEmail, EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce,
    ProviderMetadata, SignatureVerificationError, SigningError,
};
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::bounds;
use crate::email::EmailAddress;

/// What a provider says of itself, with what the hub looks at beyond that.
pub type Metadata = ProviderMetadata<
    Beyond,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The hub as the provider's client.
pub type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a provider says of itself beyond OpenID Connect Discovery.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Beyond {
    /// Whether it says who it is with each code (RFC 9207).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    /// Where people sign out there (OpenID Connect RP-Initiated Logout 1.0 §2.1).
    #[serde(default)]
    end_session_endpoint: Option<Url>,
}

impl AdditionalProviderMetadata for Beyond {}

/// Why a token is not believed.
#[derive(Debug, thiserror::Error)]
pub enum BadToken {
    /// There is none.
    #[error("there is no ID token")]
    None,
    /// It is not what it has to be.
    #[error("the ID token: {0}")]
    Claims(ClaimsVerificationError),
    /// The access token is another's.
    #[error("the access token is not the one that the ID token was made with")]
    AccessToken,
    /// The hash of the access token cannot be made.
    #[error("the access token's hash")]
    Hash(#[from] SigningError),
    /// A key or algorithm.
    #[error("the ID token's signature")]
    Signature(#[from] SignatureVerificationError),
    /// The subject is longer than the standard allows.
    #[error("the subject has more than {} bytes", bounds::OIDC_SUBJECT_BYTES)]
    Subject,
}

impl BadToken {
    /// True where other keys of the provider's may help.
    pub fn lacks_key(&self) -> bool {
        matches!(
            self,
            Self::Claims(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey
            ))
        )
    }
}

/// The algorithms by which a token may be signed: with keys that the provider alone has.
const SIGNED_BY: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The hub as the client of that provider.
pub fn client(settings: &Settings, metadata: &Metadata) -> Client {
    let secret = settings.client_secret.clone().map(ClientSecret::new);
    let client = CoreClient::from_provider_metadata(
        metadata.clone(),
        ClientId::new(settings.client_id.clone()),
        secret,
    );
    let methods = metadata.token_endpoint_auth_methods_supported();
    let in_the_body = methods.is_some_and(|methods| {
        methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
    });
    if in_the_body { client.set_auth_type(AuthType::RequestBody) } else { client }
}

/// Whether what came back may be from that provider, by what it says of itself there (RFC 9207).
pub fn is_from(metadata: &Metadata, issuer: Option<&str>) -> bool {
    match issuer {
        Some(issuer) => issuer == metadata.issuer().as_str(),
        None => !metadata.additional_metadata().authorization_response_iss_parameter_supported,
    }
}

/// Where somebody signs out at the provider and is led back to `back`, where it says that one can; `id_token` is what it
/// knows them by.
pub fn sign_out(settings: &Settings, metadata: &Metadata, id_token: Option<&str>, back: &str) -> Option<Url> {
    let mut url = metadata.additional_metadata().end_session_endpoint.clone()?;
    if url.scheme() != "https" {
        return None;
    }
    let mut pairs = url.query_pairs_mut();
    pairs.append_pair("client_id", &settings.client_id).append_pair("post_logout_redirect_uri", back);
    if let Some(id_token) = id_token {
        pairs.append_pair("id_token_hint", id_token);
    }
    drop(pairs);
    Some(url)
}

/// Checks signature, issuer, audience, time, nonce, and that the access token came with it.
pub fn check<'a>(
    client: &Client,
    token: Option<&'a CoreIdToken>,
    access: &AccessToken,
    nonce: &Nonce,
) -> Result<&'a CoreIdTokenClaims, BadToken> {
    let token = token.ok_or(BadToken::None)?;
    let verifier = client.id_token_verifier().set_allowed_algs(SIGNED_BY);
    let claims = token.claims(&verifier, nonce).map_err(BadToken::Claims)?;
    if claims.subject().len() > bounds::OIDC_SUBJECT_BYTES {
        return Err(BadToken::Subject);
    }
    if let Some(hash) = claims.access_token_hash() {
        let of_this =
            AccessTokenHash::from_token(access, token.signing_alg()?, token.signing_key(&verifier)?)?;
        if of_this != *hash {
            return Err(BadToken::AccessToken);
        }
    }
    Ok(claims)
}

/// An address in a provider's claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The provider does not say.
    Unsaid,
    /// It says one that it does not vouch for, or that cannot be one of the hub's.
    Unverified,
    /// It vouches for it.
    Verified(EmailAddress),
}

/// The address in a token's claims, or in what the provider says beside it.
pub fn address(email: Option<&EndUserEmail>, verified: Option<bool>) -> Address {
    match (email, verified) {
        (None, _) | (Some(_), None) => Address::Unsaid,
        (Some(_), Some(false)) => Address::Unverified,
        (Some(email), Some(true)) => email.parse().map_or(Address::Unverified, Address::Verified),
    }
}

/// The claims of what a provider says beside a token.
pub type UserInfo = openidconnect::UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim>;

#[cfg(test)]
mod tests {
    use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJsonWebKeySet};
    use openidconnect::{JsonWebKeyId, PrivateSigningKey as _};
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://login.example.org";

    fn key(id: &str) -> CoreEdDsaPrivateSigningKey {
        let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
        CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(id.to_owned()))).unwrap()
    }

    fn metadata(more: &Value) -> Metadata {
        let mut said = json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/auth"),
            "token_endpoint": format!("{ISSUER}/token"),
            "jwks_uri": format!("{ISSUER}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(said).unwrap()
    }

    fn settings() -> Settings {
        Settings {
            issuer: ISSUER.to_owned(),
            client_id: "flip".to_owned(),
            client_secret: Some("s3cret".to_owned()),
            label: "Example Health".to_owned(),
            scopes: Vec::new(),
            ca: None,
            second_factor: super::super::settings::SecondFactor::default(),
        }
    }

    /// What checking a token with those claims of that key comes to, where one's own key is the provider's.
    fn checked(
        own: &CoreEdDsaPrivateSigningKey,
        by: &CoreEdDsaPrivateSigningKey,
        claim: &str,
        value: Value,
        access: &str,
    ) -> Result<String, BadToken> {
        let keys = CoreJsonWebKeySet::new(vec![own.as_verification_key()]);
        let client = client(&settings(), &metadata(&json!({})).set_jwks(keys));
        let mut claims = json!({
            "iss": ISSUER, "aud": "flip", "sub": "s-1", "exp": 4_000_000_000_u64, "iat": 1, "nonce": "n",
        });
        claims[claim] = value;
        let claims: CoreIdTokenClaims = serde_json::from_value(claims).unwrap();
        let with = AccessToken::new("access".to_owned());
        let token = CoreIdToken::new(claims, by, CoreJwsSigningAlgorithm::EdDsa, Some(&with), None).unwrap();
        let access = AccessToken::new(access.to_owned());
        check(&client, Some(&token), &access, &Nonce::new("n".to_owned()))
            .map(|claims| claims.subject().to_string())
    }

    #[test]
    fn a_token_is_believed_only_where_all_of_it_is_right() {
        let own = key("1");
        let of_own = |claim: &str, value: Value| checked(&own, &own, claim, value, "access");
        assert_eq!(of_own("sub", json!("s-2")).unwrap(), "s-2");
        for (claim, value) in [
            ("iss", json!("https://another.example")),
            ("aud", json!("another")),
            ("aud", json!(["flip", "another"])),
            ("exp", json!(2)),
            ("nonce", json!("of another sign-in")),
            ("nonce", Value::Null),
        ] {
            let refused = of_own(claim, value.clone()).unwrap_err();
            assert!(
                matches!(refused, BadToken::Claims(_)) && !refused.lacks_key(),
                "{claim} {value}: {refused:?}"
            );
        }
        assert!(matches!(of_own("sub", json!("s".repeat(256))), Err(BadToken::Subject)));
        let other = checked(&own, &own, "sub", json!("s"), "another access token");
        assert!(matches!(other, Err(BadToken::AccessToken)), "{other:?}");
    }

    #[test]
    fn a_token_of_another_key_is_refused_and_other_keys_are_asked_for_where_that_may_help() {
        let own = key("1");
        let forged = checked(&own, &key("1"), "sub", json!("s"), "access").unwrap_err();
        assert!(!forged.lacks_key(), "{forged:?}");
        let unknown = checked(&own, &key("2"), "sub", json!("s"), "access").unwrap_err();
        assert!(unknown.lacks_key(), "{unknown:?}");
    }

    #[test]
    fn a_secret_goes_into_the_body_where_the_provider_takes_it_there_alone() {
        let in_the_body = |methods: Value| {
            let metadata = metadata(&json!({ "token_endpoint_auth_methods_supported": methods }));
            matches!(client(&settings(), &metadata).auth_type(), AuthType::RequestBody)
        };
        assert!(in_the_body(json!(["client_secret_post"])));
        assert!(
            !in_the_body(json!(["client_secret_post", "client_secret_basic"])) && !in_the_body(json!([]))
        );
    }

    #[test]
    fn who_says_with_the_code_who_it_is_says_it_always() {
        let (says, silent) = (
            metadata(&json!({ "authorization_response_iss_parameter_supported": true })),
            metadata(&json!({})),
        );
        assert!(is_from(&says, Some(ISSUER)) && !is_from(&says, None));
        assert!(is_from(&silent, None) && is_from(&silent, Some(ISSUER)));
        assert!(!is_from(&silent, Some("https://another.example")) && !is_from(&says, Some("")));
    }

    #[test]
    fn one_signs_out_there_where_the_provider_says_that_one_can() {
        let url = |said: Value, token| {
            let url = sign_out(&settings(), &metadata(&said), token, "https://hub.example/sign-in")?;
            Some(String::from(url))
        };
        let there = json!({ "end_session_endpoint": format!("{ISSUER}/out?x=1") });
        let back = "client_id=flip&post_logout_redirect_uri=https%3A%2F%2Fhub.example%2Fsign-in";
        assert_eq!(url(there.clone(), None).unwrap(), format!("{ISSUER}/out?x=1&{back}"));
        assert_eq!(
            url(there, Some("a.b.c")).unwrap(),
            format!("{ISSUER}/out?x=1&{back}&id_token_hint=a.b.c")
        );
        for nowhere in [json!({}), json!({ "end_session_endpoint": "http://login.example.org/out" })] {
            assert_eq!(url(nowhere.clone(), None), None, "{nowhere}");
        }
    }

    #[test]
    fn an_address_counts_where_the_provider_vouches_for_it() {
        let of = |mut claims: Value| {
            let rest = json!({ "iss": ISSUER, "aud": "flip", "sub": "s", "exp": 2, "iat": 1 });
            claims.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            let claims: CoreIdTokenClaims = serde_json::from_value(claims).unwrap();
            address(claims.email(), claims.email_verified())
        };
        let ada: EmailAddress = "ada@site.example".parse().unwrap();
        let said = |verified: Value| of(json!({ "email": "ada@site.example", "email_verified": verified }));
        assert_eq!(said(json!(true)), Address::Verified(ada.clone()));
        assert_eq!(said(json!("true")), Address::Verified(ada), "as Cognito says it");
        assert_eq!(said(json!(false)), Address::Unverified);
        assert_eq!(of(json!({ "email": "ada@site.example" })), Address::Unsaid);
        assert_eq!(of(json!({ "email_verified": true })), Address::Unsaid);
        let no_address = json!({ "email": "ada at site", "email_verified": true });
        assert_eq!(of(no_address), Address::Unverified);
    }
}
