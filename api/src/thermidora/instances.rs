//! The routes of instances.

use crate::dialect::Api;

pub(super) fn routes(_: &mut Api) {}
