//! Signatures of tokens, verified by ring: what `jsonwebtoken` asks of a crypto provider.
//!
//! Only verification, and only the algorithms of [`super::jwk::ALGORITHMS`]; this server signs no tokens.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result, new_error},
    signature::{Error, Verifier},
};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| -> Result<Box<dyn JwtSigner>> { Err(unsupported()) },
    verifier_factory: |algorithm, key| verifier(*algorithm, key),
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has the library use ring. Again changes nothing.
pub(super) fn install() {
    if PROVIDER.install_default().is_err() {
        tracing::trace!("a provider of token signatures is installed already");
    }
}

fn unsupported() -> jsonwebtoken::errors::Error {
    new_error(ErrorKind::UnsupportedAlgorithm)
}

fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let elliptic = |family, ring: &'static dyn VerificationAlgorithm| -> Result<Box<dyn JwtVerifier>> {
        if key.family() != family {
            return Err(new_error(ErrorKind::InvalidKeyFormat));
        }
        let key = UnparsedPublicKey::new(ring, key.try_get_as_bytes()?.to_vec());
        Ok(Box::new(Elliptic { algorithm, key }))
    };
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
