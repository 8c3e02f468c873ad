//! The routes of secrets.

use crate::dialect::Api;

pub(super) fn routes(_: &mut Api) {}
