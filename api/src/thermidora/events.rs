//! The routes of what agents did.

use crate::dialect::Api;

pub(super) fn routes(_: &mut Api) {}
