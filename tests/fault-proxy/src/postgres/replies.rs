//! A server's messages: where its replies end.

use postgres_protocol::message::backend::Header;

use crate::frames::{Malformed, Part};

/// Finds the ends of a server's replies. The stream is given piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    /// The current message's type and length so far.
    header: Vec<u8>,
    /// How much of the current message is still to come, in bytes after its header.
    skip: usize,
}

impl Replies {
    /// Goes to the end of a reply, to a message with which the server asks for data, or to the end of `bytes`.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Part, Malformed> {
        let mut at = 0;
        while at < bytes.len() {
            if self.header.len() < 5 {
                let len = (5 - self.header.len()).min(bytes.len() - at);
                self.header.extend_from_slice(&bytes[at..at + len]);
                at += len;
                let Some(header) = Header::parse(&self.header).map_err(|_| Malformed)? else { break };
                self.skip = usize::try_from(header.len() - 4).map_err(|_| Malformed)?;
            }
            let len = self.skip.min(bytes.len() - at);
            at += len;
            self.skip -= len;
            if self.skip > 0 {
                break;
            }
            let kind = self.header[0];
            self.header.clear();
            // ReadyForQuery; CopyInResponse, CopyBothResponse.
            let (ends, asks) = (kind == b'Z', matches!(kind, b'G' | b'W'));
            if ends || asks {
                return Ok(Part { len: at, ends, asks, push: false });
            }
        }
        Ok(Part { len: at, ..Part::default() })
    }
}

/// The reply to a statement that is refused: `ErrorResponse` with an SQLSTATE, then `ReadyForQuery` outside any
/// transaction.
pub(crate) fn refusal(code: &str, message: &str) -> Vec<u8> {
    let mut fields = Vec::new();
    for (field, value) in [(b'S', "ERROR"), (b'V', "ERROR"), (b'C', code), (b'M', message)] {
        fields.push(field);
        // A zero would end the field.
        fields.extend(value.bytes().filter(|byte| *byte != 0));
        fields.push(0);
    }
    fields.push(0);
    let mut bytes = vec![b'E'];
    // No test writes a message of 4 GB.
    bytes.extend(u32::try_from(fields.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(fields);
    bytes.extend(b"Z\0\0\0\x05I");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
        [&[kind], &len[..], body].concat()
    }

    #[test]
    fn a_replys_end_is_found_however_it_arrives() {
        let ready = message(b'Z', b"I");
        let reply =
            [message(b'1', b""), message(b'D', b"a row: Z\0\0\0\x05I"), message(b'C', b"SELECT 1\0"), ready].concat();
        let ask = message(b'G', b"\0\0\0");
        let stream = [reply.clone(), ask, reply.clone()].concat();
        for step in [1, 2, 3, 7, stream.len()] {
            let (mut replies, mut found, mut at) = (Replies::default(), Vec::new(), 0);
            for piece in stream.chunks(step) {
                let mut rest = piece;
                while !rest.is_empty() {
                    let part = replies.advance(rest).expect("Postgres");
                    (rest, at) = (&rest[part.len..], at + part.len);
                    if part.ends || part.asks {
                        found.push((at, part.ends));
                    }
                }
            }
            let expected = [(reply.len(), true), (reply.len() + 8, false), (stream.len(), true)];
            assert_eq!(found, expected, "{step} bytes at a time");
        }
        assert_eq!(Replies::default().advance(b"E\0\0\0\x03"), Err(Malformed));
    }

    #[test]
    fn a_refusal_is_one_reply() {
        let bytes = refusal("40001", "no\0");
        assert_eq!(bytes, b"E\0\0\0\x1eSERROR\0VERROR\0C40001\0Mno\0\0Z\0\0\0\x05I");
        let part = Part { len: bytes.len(), ends: true, ..Part::default() };
        assert_eq!(Replies::default().advance(&bytes), Ok(part));
    }
}
