//! Integration tests of the catalogue.

mod references;
mod runner;
mod tidy;
mod tutorial;

/// Lets the task files under `tutorial` use `crate::prelude` as in the catalogue.
mod prelude {
    pub use tasks::prelude::*;
}
