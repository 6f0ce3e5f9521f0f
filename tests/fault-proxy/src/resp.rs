//! Where RESP2 and RESP3 frames end, and which words a command consists of.
//! <https://valkey.io/topics/protocol/>
//!
//! Frames of unknown length (`$?`) are not supported: no server in use sends them.

use crate::frames::{Malformed, Part};

/// A longer line is not a header. The longest headers are errors and simple strings.
const LONGEST_LINE: usize = 1 << 20;

/// Finds the ends of top-level frames. The stream is given piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// How many frames are still open, nested ones included; 0 between two top-level frames.
    open: u64,
    /// How much of the current frame's payload is still to come, in bytes.
    skip: u64,
    /// The current frame's header so far.
    line: Vec<u8>,
    push: bool,
}

impl Scanner {
    /// Goes to the end of the current frame or of `bytes`, whichever comes first.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Part, Malformed> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if self.open == 0 {
                self.open = 1;
                self.push = rest[0] == b'>';
            }
            if self.skip > 0 {
                let len = usize::try_from(self.skip).map_or(rest.len(), |skip| skip.min(rest.len()));
                at += len;
                self.skip -= len as u64;
                self.open -= u64::from(self.skip == 0);
            } else if let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
                self.line.extend_from_slice(&rest[..end]);
                at += end + 1;
                self.header()?;
                self.line.clear();
            } else {
                self.line.extend_from_slice(rest);
                at = bytes.len();
                if self.line.len() > LONGEST_LINE {
                    return Err(Malformed);
                }
            }
            if self.open == 0 {
                return Ok(Part { len: at, ends: true, push: self.push, asks: false });
            }
        }
        Ok(Part { len: at, ends: false, push: self.push, asks: false })
    }

    fn header(&mut self) -> Result<(), Malformed> {
        let (kind, rest) = self.line.split_first().ok_or(Malformed)?;
        let nested = match kind {
            b'+' | b'-' | b':' | b',' | b'#' | b'_' | b'(' => 0,
            b'$' | b'=' | b'!' => match length(rest)? {
                // The frame stays open for the payload and its CRLF.
                Some(len) => {
                    self.skip = len.checked_add(2).ok_or(Malformed)?;
                    return Ok(());
                }
                None => 0,
            },
            b'*' | b'~' | b'>' => length(rest)?.unwrap_or(0),
            b'%' => length(rest)?.unwrap_or(0).checked_mul(2).ok_or(Malformed)?,
            // Attributes come before the frame that they belong to.
            b'|' => length(rest)?.unwrap_or(0).checked_mul(2).and_then(|n| n.checked_add(1)).ok_or(Malformed)?,
            _ => return Err(Malformed),
        };
        self.open = (self.open - 1).checked_add(nested).ok_or(Malformed)?;
        Ok(())
    }
}

/// The number in a header; `None` for -1, the null of RESP2.
fn length(text: &[u8]) -> Result<Option<u64>, Malformed> {
    let text = std::str::from_utf8(text).map_err(|_| Malformed)?.trim_end();
    if text == "-1" { Ok(None) } else { text.parse().map(Some).map_err(|_| Malformed) }
}

/// The words of a complete command, which is an array of bulk strings.
pub(crate) fn words(command: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let (count, mut rest) = header_of(command, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (len, payload) = header_of(rest, b'$')?;
        words.push(payload.get(..len).ok_or(Malformed)?);
        rest = payload.get(len + 2..).ok_or(Malformed)?;
    }
    Ok(words)
}

fn header_of(bytes: &[u8], kind: u8) -> Result<(usize, &[u8]), Malformed> {
    let end = bytes.iter().position(|&byte| byte == b'\n').ok_or(Malformed)?;
    let number = bytes[..end].strip_prefix(&[kind]).ok_or(Malformed)?;
    let number = length(number)?.and_then(|n| usize::try_from(n).ok()).ok_or(Malformed)?;
    Ok((number, &bytes[end + 1..]))
}

/// A command's name as the log shows it, without its arguments.
pub(crate) fn name(words: &[&[u8]]) -> String {
    /// Commands whose second word is part of the name.
    const CONTAINERS: [&str; 13] = [
        "ACL",
        "CLIENT",
        "CLUSTER",
        "COMMAND",
        "CONFIG",
        "FUNCTION",
        "GRAPH.CONFIG",
        "GRAPH.CONSTRAINT",
        "MODULE",
        "OBJECT",
        "SCRIPT",
        "XGROUP",
        "XINFO",
    ];
    let upper = |word: &&[u8]| String::from_utf8_lossy(word).to_ascii_uppercase();
    let mut name = words.first().map(upper).unwrap_or_default();
    if CONTAINERS.contains(&name.as_str())
        && let Some(second) = words.get(1).filter(|word| word.iter().all(u8::is_ascii_alphabetic))
    {
        name.push(' ');
        name.push_str(&upper(second));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the complete frames, with the bytes given `step` at a time.
    fn frames(bytes: &[u8], step: usize) -> Vec<usize> {
        let (mut scanner, mut found, mut len) = (Scanner::default(), Vec::new(), 0);
        for piece in bytes.chunks(step) {
            let mut rest = piece;
            while !rest.is_empty() {
                let part = scanner.advance(rest).expect("RESP");
                rest = &rest[part.len..];
                len += part.len;
                if part.ends {
                    found.push(len);
                    len = 0;
                }
            }
        }
        found
    }

    #[test]
    fn a_frames_end_is_found_however_it_arrives() {
        let stream = [
            &b"+OK\r\n"[..],
            b"-ERR no\r\n",
            b"$-1\r\n",
            b"*-1\r\n",
            b"$0\r\n\r\n",
            b"$7\r\na\r\n*1\r\n\r\n",
            b"*2\r\n*2\r\n:1\r\n$1\r\na\r\n*0\r\n",
            b"%1\r\n+k\r\n~2\r\n#t\r\n_\r\n",
            b"|1\r\n+ttl\r\n:3\r\n*1\r\n,1.5\r\n",
            b">2\r\n+message\r\n+hello\r\n",
        ];
        let expected: Vec<_> = stream.iter().map(|frame| frame.len()).collect();
        let bytes = stream.concat();
        for step in [1, 2, 3, 7, bytes.len()] {
            assert_eq!(frames(&bytes, step), expected, "{step} bytes at a time");
        }
    }

    #[test]
    fn other_protocols_are_recognized() {
        for bytes in [&b"PING\r\n"[..], b"$?\r\n", b"\r\n", b"*x\r\n", b"*18446744073709551615\r\n*5\r\n"] {
            assert_eq!(Scanner::default().advance(bytes), Err(Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn commands_are_decoded() {
        let command = b"*3\r\n$11\r\nGRAPH.QUERY\r\n$1\r\ng\r\n$4\r\na\r\nb\r\n";
        let words = words(command).expect("a command");
        assert_eq!(words, [&b"GRAPH.QUERY"[..], b"g", b"a\r\nb"]);
        assert_eq!(name(&words), "GRAPH.QUERY");
        assert_eq!(name(&[b"acl", b"setuser", b"t", b"#secret"]), "ACL SETUSER");
        assert_eq!(name(&[b"AUTH", b"secret"]), "AUTH");
    }
}
