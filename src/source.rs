//! Source.
pub mod decode;
mod names;
mod wire;
pub use names::Names;
