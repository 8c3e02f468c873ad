//! The HTTP face of Reef.
