//! Specs of workspace files: sealed, bounded, and unchanged where nothing changes.
