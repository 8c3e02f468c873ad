//! One suite for both databases. On PostgreSQL it needs `REEF_TEST_POSTGRES_URL`, the URL of a server
//! on which databases may be made; each test makes its own.

#![expect(clippy::unwrap_used, reason = "in a test an unexpected error is a failure")]

mod contract {
    pub(crate) mod fixture;
    pub(crate) mod given;
    pub(crate) mod sample;

    mod appending;
    mod delivering;
    mod following;
    mod keeping;
    mod nodes;
    mod proving;
    mod reading;
}
