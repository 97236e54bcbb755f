//! Text on its way to a file, so that appending to it is a store and not a call.
//!
//! **Owns** its bytes, all of which are there already, and how many of them are text. **May touch** nothing else.
//! **Order** written by `digits` and `render`, emptied by the sinks.
//!
//! What is appended goes through a [`Pen`], which is handed on by value and so stays in registers: a position in memory would
//! let every piece wait for the one before it.

use std::fmt;

/// Bytes that it grows by, at least.
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
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// Forgets the first bytes of it.
    pub(crate) fn forget(&mut self, count: usize) {
        let left = count.min(self.len)..self.len;
        self.len = left.len();
        self.bytes.copy_within(left, 0);
    }

    /// Puts another byte in the place of one that was written.
    pub(crate) fn replace(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.bytes[..self.len].get_mut(at) {
            *place = byte;
        }
    }

    /// Appends what is written with a pen; once more with more room, where there was too little.
    #[inline]
    pub(crate) fn append(&mut self, write: impl for<'p> Fn(Pen<'p>) -> Pen<'p>) {
        loop {
            let room = self.bytes.get_mut(self.len..).unwrap_or_default();
            let before = room.len();
            let left = write(Pen(room)).0.len();
            if left > 0 {
                self.len += before - left;
                return;
            }
            self.bytes.resize((2 * self.bytes.len()).max(self.len + STEP), 0);
        }
    }
}

/// Where the next piece of text goes: the room that is left. Once a piece has found too little, none is left.
#[derive(Debug, Default)]
pub(crate) struct Pen<'p>(&'p mut [u8]);

impl<'p> Pen<'p> {
    /// Appends the first `used` of some bytes. All are stored: a length that is known beforehand is a move or two.
    #[inline(always)]
    pub(crate) fn put<const N: usize>(self, text: [u8; N], used: usize) -> Pen<'p> {
        self.place(|room| {
            *room = text;
            used
        })
    }

    /// Appends as many bytes as `write` says, which has room for `N`.
    #[inline(always)]
    pub(crate) fn place<const N: usize>(self, write: impl FnOnce(&mut [u8; N]) -> usize) -> Pen<'p> {
        let Some(room) = self.0.first_chunk_mut() else { return Pen::default() };
        let used = write(room);
        Pen(&mut self.0[used.min(N)..])
    }

    /// Appends `count` bytes, which `write` fills in.
    #[inline(always)]
    pub(crate) fn fill(self, count: usize, write: impl FnOnce(&mut [u8])) -> Pen<'p> {
        let Some((place, left)) = self.0.split_at_mut_checked(count) else { return Pen::default() };
        write(place);
        Pen(left)
    }

    /// The same, with `before` bytes before them, which `write` fills in: one look at the room for both.
    #[inline(always)]
    pub(crate) fn put_behind<const N: usize>(
        self,
        before: usize,
        write: impl FnOnce(&mut [u8]),
        text: [u8; N],
        used: usize,
    ) -> Pen<'p> {
        if self.0.len() < before + N {
            return Pen::default();
        }
        write(&mut self.0[..before]);
        self.0[before..before + N].copy_from_slice(&text);
        Pen(&mut self.0[before + used.min(N)..])
    }

    /// Appends text.
    #[inline(always)]
    pub(crate) fn text(self, text: &[u8]) -> Pen<'p> {
        self.fill(text.len(), |room| room.copy_from_slice(text))
    }

    /// Appends a byte.
    #[inline(always)]
    pub(crate) fn byte(self, byte: u8) -> Pen<'p> {
        self.put([byte], 1)
    }
}

impl fmt::Write for Pen<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        *self = std::mem::take(self).text(text.as_bytes());
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
            let (piece, used) = ([b'a', b'b', (n % 251) as u8], usize::from(n % 4));
            let long = vec![b'x'; if n % 1000 == 0 { 3 * STEP } else { 0 }];
            buffer.append(|pen| pen.put(piece, used).text(b"text").byte(b'!').text(&long));
            want.extend_from_slice(&piece[..used]);
            want.extend_from_slice(b"text!");
            want.extend_from_slice(&long);
        }
        buffer.replace(3, b'?');
        want[3] = b'?';
        assert_eq!(buffer.text(), want);
        buffer.forget(5);
        assert_eq!(buffer.text(), &want[5..]);
        buffer.clear();
        assert_eq!((buffer.len(), buffer.text()), (0, &b""[..]));
    }
}
