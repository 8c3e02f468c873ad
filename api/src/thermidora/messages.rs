//! The routes of messages.

use crate::dialect::Api;

pub(super) fn routes(_: &mut Api) {}
