//! The routes of webhooks.

use crate::dialect::Api;

pub(super) fn routes(_: &mut Api) {}
