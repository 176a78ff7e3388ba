//! Pieces of compressed text that can be stitched into one gzip member.
//!
//! Each piece is raw deflate (RFC 1951) that ends with a full flush: it ends on a byte, and nothing after it refers to what came
//! before. Several gzip members would be simpler, but `curl --compressed` stops after the first. The body is the header of gzip,
//! the pieces, an empty last block, the checksum and the length of the text (RFC 1952). The checksum of the whole follows from
//! those of the pieces.

use std::io;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Level 2 of zlib-rs takes a fifth more time than level 1 and makes a third less of the text of metrics.
const LEVEL: Compression = Compression::new(2);

/// The header of gzip: deflate, no name, no time, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An empty block that is the last one.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// A piece of compressed text.
#[derive(Debug, Default)]
pub(super) struct Deflated {
    compressed: Bytes,
    /// The checksum and the length of the text.
    crc: Crc,
}

/// Compresses pieces. Its memory is used again for each of them.
#[derive(Debug)]
pub(super) struct Deflater {
    compress: Compress,
    output: Vec<u8>,
}

/// A gzip member that is made of pieces.
#[derive(Debug)]
pub(super) struct Member {
    output: Vec<u8>,
    crc: Crc,
}

// === impl Deflated ===

impl Deflated {
    /// Whether there is no text.
    pub(super) fn is_empty(&self) -> bool {
        self.compressed.is_empty()
    }

    /// The compressed length in bytes.
    pub(super) fn len(&self) -> usize {
        self.compressed.len()
    }
}

// === impl Deflater ===

impl Deflater {
    pub(super) fn new() -> Self {
        Self {
            compress: Compress::new(LEVEL, false),
            output: Vec::new(),
        }
    }

    /// Compresses one piece. No text becomes an empty piece.
    pub(super) fn deflate(&mut self, text: &[u8]) -> io::Result<Deflated> {
        let mut crc = Crc::new();
        if text.is_empty() {
            return Ok(Deflated::default());
        }
        crc.update(text);
        self.compress.reset();
        self.output.clear();
        loop {
            // Metrics need less than that. Other text, and the end of the flush, may need another round.
            self.output.reserve(text.len() / 8 + 64);
            let read = usize::try_from(self.compress.total_in()).unwrap_or(text.len());
            let rest = &text[read..];
            let status = self
                .compress
                .compress_vec(rest, &mut self.output, FlushCompress::Full)?;
            // A flush is complete when it leaves room in the output.
            let is_complete = self.output.len() < self.output.capacity();
            let read = self.compress.total_in();
            if is_complete && read == text.len() as u64 {
                break;
            }
            if status == Status::BufError && is_complete {
                return Err(io::Error::other("the compressor makes no progress"));
            }
        }
        Ok(Deflated {
            compressed: Bytes::copy_from_slice(&self.output),
            crc,
        })
    }
}

// === impl Member ===

impl Member {
    /// An empty member.
    pub(super) fn new() -> Self {
        Self {
            output: HEADER.to_vec(),
            crc: Crc::new(),
        }
    }

    /// Adds a piece.
    pub(super) fn push(&mut self, piece: &Deflated) {
        self.output.extend_from_slice(&piece.compressed);
        self.crc.combine(&piece.crc);
    }

    /// Ends the member.
    pub(super) fn finish(&mut self) {
        self.output.extend_from_slice(&LAST_BLOCK);
        self.output.extend_from_slice(&self.crc.sum().to_le_bytes());
        // The length modulo 2^32.
        self.output
            .extend_from_slice(&self.crc.amount().to_le_bytes());
    }

    /// The number of bytes that were not taken yet.
    pub(super) fn len(&self) -> usize {
        self.output.len()
    }

    /// Takes the bytes so far.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.output).into()
    }
}

#[cfg(test)]
mod tests;
