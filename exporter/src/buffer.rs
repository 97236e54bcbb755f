//! Text on its way to a file, so that appending to it is a store and not a call.
//!
//! **Owns** its bytes, all of which are there already, and how many of them are text. **May touch** nothing else.
//! **Order** written by `digits` and `render`, emptied by the sinks.

use std::io::{self, Write};

/// Bytes that it grows by, at least: more than anything that is appended in one piece.
const STEP: usize = 4096;

/// Text that grows.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    len: usize,
}

impl Buffer {
    /// An empty one that grows beyond so many bytes only.
    pub(crate) fn with_room(bytes: usize) -> Buffer {
        Buffer { bytes: vec![0; bytes], len: 0 }
    }

    /// What was written.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Bytes that were written.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Forgets what was written.
    pub(crate) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes the last byte away.
    pub(crate) const fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    /// Puts another byte in the place of one that was written.
    pub(crate) fn replace(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.bytes[..self.len].get_mut(at) {
            *place = byte;
        }
    }

    /// Appends the first `used` of some bytes. All are stored: a length that is known beforehand is a move or two.
    #[inline(always)]
    pub(crate) fn put<const N: usize>(&mut self, text: [u8; N], used: usize) {
        self.piece(|room| {
            *room = text;
            used
        });
    }

    /// Appends as many of the next bytes as `write` says it has filled in.
    #[inline(always)]
    pub(crate) fn piece<const N: usize>(&mut self, write: impl FnOnce(&mut [u8; N]) -> usize) {
        if self.bytes.len() < self.len + N {
            self.grow(N);
        }
        if let Some(room) = self.bytes.get_mut(self.len..self.len + N).and_then(|room| room.first_chunk_mut()) {
            self.len += write(room).min(N);
        }
    }

    /// Appends `count` bytes, which `write` fills in.
    #[inline(always)]
    pub(crate) fn fill(&mut self, count: usize, write: impl FnOnce(&mut [u8])) {
        if self.bytes.len() < self.len + count {
            self.grow(count);
        }
        if let Some(room) = self.bytes.get_mut(self.len..self.len + count) {
            write(room);
            self.len += count;
        }
    }

    /// Appends text.
    #[inline(always)]
    pub(crate) fn extend(&mut self, text: &[u8]) {
        self.fill(text.len(), |room| room.copy_from_slice(text));
    }

    /// Appends a byte.
    #[inline(always)]
    pub(crate) fn push(&mut self, byte: u8) {
        self.put([byte], 1);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, count: usize) {
        self.bytes.resize((2 * self.bytes.len()).max(self.len + count + STEP), 0);
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_stands_behind_what_was_there_however_often_it_grows() {
        let (mut buffer, mut want) = (Buffer::default(), Vec::new());
        for n in 0..5000_u16 {
            buffer.put([b'a', b'b', (n % 251) as u8], usize::from(n % 4));
            want.extend_from_slice(&[b'a', b'b', (n % 251) as u8][..usize::from(n % 4)]);
            buffer.extend(b"text");
            want.extend_from_slice(b"text");
            buffer.push(b'!');
            want.push(b'!');
        }
        buffer.replace(3, b'?');
        want[3] = b'?';
        buffer.pop();
        want.pop();
        assert_eq!(buffer.text(), want);
        buffer.clear();
        assert_eq!((buffer.len(), buffer.text()), (0, &b""[..]));
    }
}
