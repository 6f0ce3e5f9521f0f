//! Content with its signature, as the API answers it and as it lies in a file.

use audit_chain::canonical;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{FORMAT, PublicKey, SigningKey};

/// The one algorithm.
const ALGORITHM: &str = "Ed25519";

/// Signs content: an object with a `format`.
pub fn sign(content: &impl Serialize, key: &SigningKey) -> Result<Value, serde_json::Error> {
    let content = serde_json::to_value(content)?;
    let value = key.sign(canonical(&content).as_bytes());
    let (id, public) = (key.public().id(), key.public().to_string());
    let signature = json!({ "algorithm": ALGORITHM, "key_id": id, "public_key": public, "value": value });
    Ok(json!({ "content": content, "signature": signature }))
}

/// A certificate that is what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub content: Value,
    /// The key that signed it.
    pub key: PublicKey,
    /// Whether that is the key that the caller trusts. False: the caller named none, so anybody may have signed.
    pub trusted: bool,
}

/// Why a file is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It lacks a field of a certificate.
    #[error("its field {0} cannot be read")]
    Field(&'static str),
    /// It is of another form than this program knows.
    #[error("it is none of the form {FORMAT}")]
    Format,
    /// It is signed in another way than this program knows.
    #[error("it is not signed with {ALGORITHM}")]
    Algorithm,
    /// The key is called by another name than its own.
    #[error("its key_id is not that of its public_key")]
    KeyId,
    /// The content is not what was signed.
    #[error("its content is not what was signed")]
    Content,
    /// Another key signed it than the one that is trusted.
    #[error("it is signed with the key {signer}, not with {trusted}")]
    Stranger {
        /// The id of the key that signed it.
        signer: String,
        /// The id of the key that is trusted.
        trusted: String,
    },
}

/// Whether a file is a certificate that nobody changed: the certificate itself, or an answer of the API with one in its field
/// `certificate`. Without a key to trust, it only proves that whoever has the key in it signed it.
pub fn verify(file: &Value, trusted: Option<&PublicKey>) -> Result<Verified, Fault> {
    let certificate = file.get("certificate").unwrap_or(file);
    let content = certificate.get("content").filter(|it| it.is_object()).ok_or(Fault::Field("content"))?;
    let text = |name: &'static str| certificate["signature"][name].as_str().ok_or(Fault::Field(name));
    let key: PublicKey = text("public_key")?.parse().map_err(|_| Fault::Field("public_key"))?;
    let signature = hex::decode(text("value")?).map_err(|_| Fault::Field("value"))?;
    if content["format"] != FORMAT {
        return Err(Fault::Format);
    }
    if text("algorithm")? != ALGORITHM {
        return Err(Fault::Algorithm);
    }
    if text("key_id")? != key.id() {
        return Err(Fault::KeyId);
    }
    if !key.has_signed(canonical(content).as_bytes(), &signature) {
        return Err(Fault::Content);
    }
    match trusted {
        Some(trusted) if *trusted != key => Err(Fault::Stranger { signer: key.id(), trusted: trusted.id() }),
        _ => Ok(Verified { content: content.clone(), key, trusted: trusted.is_some() }),
    }
}
