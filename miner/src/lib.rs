//! The miner's side: has an agent written, tries it as the validator would, and uploads it.
//!
//! [`mine`] is the loop. It asks a [`source`] with the words of [`prompt`], takes the code out of what comes
//! ([`extract`]), tries it ([`tryout`]), and goes on until it passes or a [`budget`] is used up. [`assembly`]
//! makes one file of the [`answers`], and [`token`] keeps what proves that an id is the miner's own.

pub mod answers;
pub mod assembly;
pub mod budget;
pub mod extract;
pub mod mine;
pub mod model;
pub mod prompt;
pub mod secret;
pub mod source;
pub mod token;
pub mod transcript;
pub mod tryout;
pub mod work;
