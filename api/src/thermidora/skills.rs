//! The routes of skills.

use crate::dialect::Api;

pub(super) fn routes(_: &mut Api) {}
