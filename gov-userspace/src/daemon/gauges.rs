//! The daemon's metrics, served where somebody asks for them.

use std::io;
use std::sync::Arc;

use super::ground::Ground;
use crate::kernel::{Ring, RingFill};
use crate::metrics::{self, Address, Metrics, Sums};

/// The metrics, and what closed sessions add to them.
pub(super) struct Gauges {
    pub(super) metrics: Arc<Metrics>,
    pub(super) closed: Sums,
}

/// Serves the metrics where the configuration asks for them. Where it cannot be listened at, the daemon goes on without:
/// whoever takes the address first must not keep it from recording what sessions do.
pub(super) async fn serve(ring: &Ring, ground: &Ground) -> Option<Gauges> {
    let address = ground.config.metrics.as_ref()?;
    match listen(address, ring, ground).await {
        Ok(metrics) => {
            tracing::info!("metrics at `{address}`");
            Some(Gauges { metrics, closed: Sums::default() })
        }
        Err(error) => {
            tracing::error!("no metrics at `{address}`: {error}");
            None
        }
    }
}

async fn listen(address: &Address, ring: &Ring, ground: &Ground) -> io::Result<Arc<Metrics>> {
    let fill = RingFill::of(ring)?;
    let (hooks, full) = (ground.enforcement.hooks.len(), ground.enforcement.missing.is_empty());
    let metrics = Arc::new(Metrics::new(fill, hooks, full));
    tokio::spawn(metrics::serve(metrics::listen(address).await?, Arc::clone(&metrics)));
    Ok(metrics)
}
