//! The custom resources of Drover: what a user may say.

#![forbid(unsafe_code)]
