//! The routes of agents.

use crate::dialect::Api;

pub(super) fn routes(_: &mut Api) {}
