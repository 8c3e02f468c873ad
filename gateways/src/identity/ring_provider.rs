//! Signatures of tokens by ring: what `jsonwebtoken` asks of a crypto provider.
//!
//! Verification by the algorithms of [`super::jwk::ALGORITHMS`] for tokens of others, and HS256 for our own
//! ([`crate::tokens`]): whose key it is says which of the two a token is held against.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result, new_error},
    signature::{Error, Signer, Verifier},
};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| signer(*algorithm, key),
    verifier_factory: |algorithm, key| verifier(*algorithm, key),
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has the library use ring. Again changes nothing.
pub(crate) fn install() {
    if PROVIDER.install_default().is_err() {
        tracing::trace!("a provider of token signatures is installed already");
    }
}

fn unsupported() -> jsonwebtoken::errors::Error {
    new_error(ErrorKind::UnsupportedAlgorithm)
}

fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if algorithm == Algorithm::HS256 && key.family() == AlgorithmFamily::Hmac {
        return Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))));
    }
    Err(unsupported())
}

fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let elliptic = |family, ring: &'static dyn VerificationAlgorithm| -> Result<Box<dyn JwtVerifier>> {
        if key.family() != family {
            return Err(new_error(ErrorKind::InvalidKeyFormat));
        }
        let key = UnparsedPublicKey::new(ring, key.try_get_as_bytes()?.to_vec());
        Ok(Box::new(Elliptic { algorithm, key }))
    };
    if algorithm == Algorithm::HS256 && key.family() == AlgorithmFamily::Hmac {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?);
        return Ok(Box::new(Hs256(key)));
    }
    if algorithm == Algorithm::ES256 {
        return elliptic(AlgorithmFamily::Ec, &ECDSA_P256_SHA256_FIXED);
    }
    if algorithm == Algorithm::EdDSA {
        return elliptic(AlgorithmFamily::Ed, &ED25519);
    }
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } if algorithm == Algorithm::RS256 => Ok(Box::new(Rsa {
            n: n.clone(),
            e: e.clone(),
        })),
        DecodingKeyKind::RsaModulusExponent { .. } | DecodingKeyKind::SecretOrDer(_) => Err(unsupported()),
    }
}

/// HMAC with SHA-256.
struct Hs256(hmac::Key);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

struct Elliptic {
    algorithm: Algorithm,
    key: UnparsedPublicKey<Vec<u8>>,
}

impl Verifier<Vec<u8>> for Elliptic {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.key.verify(message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Elliptic {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// PKCS #1 with SHA-256 (RS256), 2048 to 8192 bits.
struct Rsa {
    n: Vec<u8>,
    e: Vec<u8>,
}

impl Verifier<Vec<u8>> for Rsa {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let key = RsaPublicKeyComponents {
            n: &self.n,
            e: &self.e,
        };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .map_err(|_| Error::new())
    }
}

impl JwtVerifier for Rsa {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}
