//! Where agents run.
