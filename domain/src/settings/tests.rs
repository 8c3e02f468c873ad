//! Specs of the noun.
