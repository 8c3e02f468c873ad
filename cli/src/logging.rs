//! Tracing to standard error: `REEF_LOG` filters, `REEF_LOG_FORMAT=json` for machines.

use tracing_subscriber::EnvFilter;

/// Installs the subscriber; commands beside the server only tell warnings.
pub(crate) fn install(is_server: bool) {
    let default = if is_server { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("REEF_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::env::var("REEF_LOG_FORMAT").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.init();
    }
}
